"""Random numbers as a script draws them: once, by NumPy's own generators, with the script's seed."""

# ruff: noqa: ARG005 - all entries of a table are called alike

from __future__ import annotations

import random
from typing import Any

import numpy as np

from chainrule.audits.reading.calls import Handler, double
from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.values import Array, Foreign, shadow

DRAWS = frozenset(
    [
        "rand",
        "randn",
        "normal",
        "uniform",
        "random",
        "random_sample",
        "ranf",
        "sample",
        "standard_normal",
        "randint",
        "integers",
        "choice",
        "permutation",
        "binomial",
        "beta",
        "exponential",
        "poisson",
        "laplace",
        "gamma",
        "multivariate_normal",
        "lognormal",
        "permuted",
        "seed",
        "shuffle",
        "random_integers",
        "multinomial",
        "logistic",
        "gumbel",
    ]
)
PYTHON = frozenset(
    [
        "random",
        "uniform",
        "gauss",
        "normalvariate",
        "randint",
        "randrange",
        "choice",
        "shuffle",
        "seed",
        "sample",
        "choices",
    ]
)
DEFAULT_SEED = 0  # where the script has none: the same numbers each time it is read


class Randomness:
    """The generators of one reading: those of ``np.random`` and ``random``, and those that it makes."""

    def __init__(self) -> None:
        self.numpy = np.random.RandomState(DEFAULT_SEED)
        self.python = random.Random(DEFAULT_SEED)  # noqa: S311 - no secret

    def function(self, path: str) -> Handler | None:
        """Return what draws under a path such as ``numpy.random.randn``; None if nothing does."""
        module, _, name = path.rpartition(".")
        if module == "numpy.random" and name in ("default_rng", "RandomState"):
            return lambda ledger, args, kwargs: self._generator(ledger, name, args, kwargs)
        if module == "numpy.random" and name in DRAWS:
            return lambda ledger, args, kwargs: draw(ledger, self.numpy, name, args, kwargs)
        if module == "random" and name in PYTHON:
            return lambda ledger, args, kwargs: self._python(ledger, name, args)
        return None

    def _generator(self, ledger: Ledger, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        given = ledger.plain([*args, *kwargs.values()])
        seed = DEFAULT_SEED if not given or given[0] is None else given[0]
        return np.random.default_rng(seed) if name == "default_rng" else np.random.RandomState(seed)

    def _python(self, ledger: Ledger, name: str, args: list[Any]) -> Any:
        if name == "shuffle":
            self.python.shuffle(args[0])
            return None
        if name in ("choice", "sample", "choices"):
            return getattr(self.python, name)(args[0], *map(ledger.plain, args[1:]))
        return getattr(self.python, name)(*map(ledger.plain, args))


def draw(ledger: Ledger, generator: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return what a generator draws: an array of constants, which becomes data once it has a name."""
    if any(isinstance(value, Foreign) for value in (*args, *kwargs.values())):
        return Foreign(f"np.random.{name}", ledger.line)
    if name == "shuffle":
        return _shuffle(ledger, generator, args[0])
    if name in ("permutation", "permuted", "choice") and args and isinstance(args[0], list | Array):
        return _chosen(ledger, generator, name, args, kwargs)
    given = [ledger.plain(value) for value in args]
    named = {key: ledger.plain(value) for key, value in kwargs.items()}
    if "dtype" in named:
        named["dtype"] = double(named["dtype"]) if name not in ("integers", "randint") else named["dtype"]
    _check(ledger, name, given, named)
    if not hasattr(generator, name):
        raise ledger.refusal("reading.function", name=f"random.{name}", reason="-")
    return ledger.drawn(getattr(generator, name)(*given, **named))


def _check(ledger: Ledger, name: str, given: list[Any], named: dict[str, Any]) -> None:
    if name in ("rand", "randn"):
        ledger.limits.shape(given or [1])
        return
    if name in ("permutation", "choice") and given:
        ledger.limits.shape(given[0] if isinstance(given[0], int) else [1])
    sizes = [named["size"]] if named.get("size") is not None else []
    sizes += [value for value in given if isinstance(value, tuple | list)]
    first_is_size = name in ("random", "random_sample", "ranf", "sample", "standard_normal")
    sizes += given[:1] if first_is_size else given[2:3]
    for size in sizes:
        if size is not None and not isinstance(size, float):
            ledger.limits.shape(size)


def _shuffle(ledger: Ledger, generator: Any, given: Any) -> None:
    order = np.arange(len(shadow(given)))
    generator.shuffle(order)
    if isinstance(given, Array):
        from chainrule.audits.reading import arrays

        shuffled = arrays.entry(ledger, given, order)
        arrays.replace(ledger, given, shuffled)
    else:
        given[:] = [given[place] for place in order]


def _chosen(ledger: Ledger, generator: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    from chainrule.audits.reading import arrays

    source, *rest = args
    named = {key: ledger.plain(value) for key, value in kwargs.items()}
    order = getattr(generator, name)(len(shadow(source)), *map(ledger.plain, rest), **named)
    if isinstance(source, list):
        source = ledger.fresh(np.array(shadow(source)))
    return arrays.entry(ledger, source, order)
