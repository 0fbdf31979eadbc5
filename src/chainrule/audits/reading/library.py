"""The functions of NumPy, math and SciPy that a script may call: one entry in a table for each."""

# ruff: noqa: ARG001 - all entries of a table are called alike

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.audits.reading import arrays
from chainrule.audits.reading.calls import Handler, double, numpy_call, results
from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.values import Array, Foreign, Scalar, numbers, shadow
from chainrule.graph.node import apply

PLAIN = """
    abs absolute add all any append arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax
    argmin array_split atleast_1d atleast_2d atleast_3d average bitwise_and bitwise_or bitwise_xor
    broadcast_to cbrt ceil clip column_stack concatenate cos cosh count_nonzero cumsum diag diagonal
    divide dot dstack einsum equal exp exp2 expand_dims expm1 fabs flip fliplr flipud floor
    floor_divide greater greater_equal heaviside hsplit hstack hypot inner invert isfinite isinf
    isnan kron less less_equal log log10 log1p log2 logaddexp logical_and logical_not logical_or
    logical_xor matmul max maximum mean min minimum mod moveaxis multiply nan_to_num negative
    not_equal outer pad positive power prod ptp ravel reciprocal remainder repeat reshape rint roll
    round sign sin sinh sort split sqrt square squeeze stack std subtract sum swapaxes take
    take_along_axis tan tanh tensordot tile trace transpose tril triu true_divide trunc var vdot
    vsplit vstack amax amin around median percentile cov corrcoef cross interp diff meshgrid
    rollaxis broadcast_arrays cumprod
""".split()  # noqa: SIM905 - words, not quotes
SETTLED = """
    argsort nonzero argwhere unique allclose isclose array_equal bincount searchsorted digitize
    flatnonzero triu_indices tril_indices diag_indices unravel_index ravel_multi_index lexsort isin
    setdiff1d intersect1d union1d histogram may_share_memory shares_memory size shape ndim isscalar
    iterable array2string array_repr result_type ix_ indices
""".split()  # noqa: SIM905 - words, not quotes

FUNCTIONS: dict[str, Handler] = {
    f"numpy.{name}": numpy_call(getattr(np, name)) for name in PLAIN if hasattr(np, name)
}
FUNCTIONS |= {
    f"numpy.{name}": numpy_call(getattr(np, name), settled=True) for name in SETTLED if hasattr(np, name)
}
MEANINGS = {"nansum": np.sum, "nanmean": np.mean, "nanmax": np.max, "nanmin": np.min, "float_power": np.power}
MEANINGS |= {"diff": lambda x: x[..., 1:] - x[..., :-1], "fix": np.trunc}
MEANINGS |= {"deg2rad": lambda x: x * (math.pi / 180), "rad2deg": lambda x: x * (180 / math.pi)}
FUNCTIONS |= {f"numpy.{name}": numpy_call(getattr(np, name), graph=graph) for name, graph in MEANINGS.items()}
FUNCTIONS["numpy.linalg.norm"] = numpy_call(np.linalg.norm)
FUNCTIONS |= {f"numpy.linalg.{n}": numpy_call(getattr(np.linalg, n)) for n in ("inv", "det", "solve", "pinv")}

MATH = {
    name: getattr(np, name)
    for name in [
        "exp",
        "log",
        "sqrt",
        "sin",
        "cos",
        "tan",
        "sinh",
        "cosh",
        "tanh",
        "log1p",
        "log2",
        "log10",
        "expm1",
    ]
}
MATH |= {"atan": np.arctan, "asin": np.arcsin, "acos": np.arccos, "atan2": np.arctan2, "fabs": np.abs}
MATH |= {"pow": np.power, "hypot": np.hypot, "exp2": np.exp2, "isnan": np.isnan, "isinf": np.isinf}
MATH |= {"isfinite": np.isfinite, "atanh": np.arctanh, "asinh": np.arcsinh, "acosh": np.arccosh}
WHOLE = (
    "floor",
    "ceil",
    "trunc",
    "factorial",
    "comb",
    "isqrt",
    "gcd",
    "isclose",
    "prod",
    "fsum",
    "copysign",
    "fmod",
)


def handles(path: str) -> Callable[[Handler], Handler]:
    """Return the function that is registered under a path."""

    def register(handler: Handler) -> Handler:
        FUNCTIONS[path] = handler
        return handler

    return register


def _mathematical(name: str) -> Handler:
    function, meaning = getattr(math, name), MATH[name]
    count = getattr(meaning, "nin", 1)

    def handler(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
        given = [arrays.as_scalar(ledger, value) for value in args]
        foreign = next((value for value in given if isinstance(value, Foreign)), None)
        if foreign is not None:
            return Foreign(name, ledger.line)
        if name == "log" and len(given) == 2:
            top, base = handler(ledger, given[:1], {}), handler(ledger, given[1:], {})
            return ledger.apply(lambda x, y: x / y, top, base)
        value = function(*map(shadow, given))
        if not any(map(ledger.traced, given)) or len(given) > count:
            return value
        nodes = [ledger.node(item) for item in given]
        if name == "pow" and isinstance(given[1], Scalar):
            nodes[1] = ledger.exponent(given[1])
        return ledger.wrapped(value, meaning(*nodes))

    return handler


def _on_plain(function: Any) -> Handler:
    def handler(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
        given = [ledger.plain(value) for value in args]
        for value in given:
            if isinstance(value, int) and abs(value) > 10_000 and function in (math.factorial, math.comb):
                ledger.limits.length(abs(value))
        return function(*given)

    return handler


FUNCTIONS |= {f"math.{name}": _mathematical(name) for name in MATH if hasattr(math, name)}
FUNCTIONS |= {f"math.{name}": _on_plain(getattr(math, name)) for name in WHOLE}
CONSTANTS: dict[str, Any] = {
    "math.pi": math.pi,
    "math.e": math.e,
    "math.inf": math.inf,
    "math.nan": math.nan,
    "math.tau": math.tau,
    "numpy.pi": math.pi,
    "numpy.e": math.e,
    "numpy.inf": math.inf,
    "numpy.nan": math.nan,
    "numpy.newaxis": None,
    "numpy.float64": np.float64,
    "numpy.float32": np.float64,
    "numpy.float16": np.float64,
    "numpy.double": np.float64,
    "numpy.float_": np.float64,
    "numpy.float": float,
    "numpy.int": int,
    "numpy.bool": bool,
    "numpy.bool_": np.bool_,
    "numpy.ndarray": np.ndarray,
    "numpy.generic": np.generic,
    "numpy.floating": np.floating,
    "numpy.integer": np.integer,
    "numpy.number": np.number,
    **{
        f"numpy.{name}": getattr(np, name)
        for name in ["int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "intp", "int_"]
    },
}


# Making arrays.


@handles("numpy.array")
def array(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return a new array; of traced numbers too, which is their stack."""
    return _array(ledger, args, kwargs, copy=True)


@handles("numpy.asarray")
def asarray(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return an array as it is, all else as a new one."""
    return _array(ledger, args, kwargs, copy=False)


FUNCTIONS["numpy.asanyarray"] = FUNCTIONS["numpy.ascontiguousarray"] = FUNCTIONS["numpy.asarray"]
FUNCTIONS["numpy.mat"] = FUNCTIONS["numpy.matrix"] = lambda ledger, *_: _refuse_matrix(ledger)


def _refuse_matrix(ledger: Ledger) -> Any:
    raise ledger.refusal("reading.kind", kind="np.matrix")


def _array(ledger: Ledger, args: list[Any], kwargs: dict[str, Any], *, copy: bool) -> Any:
    given, *rest = args
    if not numbers(given):
        return _unread(ledger, given)
    dtype = double(ledger.plain(rest[0] if rest else kwargs.get("dtype")))
    ndmin = kwargs.get("ndmin", 0)
    if isinstance(given, Array) and not copy and dtype in (None, given.value.dtype):
        return given
    value = np.array(shadow(given), dtype=dtype, ndmin=ndmin)
    if value.dtype.kind == "f" and value.dtype != float:
        value = value.astype(float)
    if _untouched(ledger, given) or not ledger.traced(given):
        made = ledger.fresh(value)
        if isinstance(given, Array) and ledger.traced(given) and given.value.dtype == value.dtype:
            made.storage.origin = lambda: np.reshape(ledger.node(given), value.shape)
        return made
    node = ledger.node(given)
    if value.dtype.kind == "f" and node.dtype.kind == "b":
        node = np.where(node, 1.0, 0.0)
    if dtype is not None and dtype.kind in "iu" and node.dtype.kind == "f":
        node = np.trunc(node)
    return ledger.wrapped(value, node if node.shape == value.shape else np.reshape(node, value.shape))


def _untouched(ledger: Ledger, given: Any) -> bool:
    """Return whether something is data that nothing has been computed from yet."""
    if isinstance(given, list | tuple):
        return all(_untouched(ledger, item) for item in given)
    if isinstance(given, Array):
        return given.storage.node is None
    return not isinstance(given, Scalar) or (given.node in ledger.starts and not given.read)


def _unread(ledger: Ledger, given: Any) -> Any:
    """Return an array of words and the like as foreign: it only matters where it is computed with."""
    return Foreign("np.array", ledger.line, given if isinstance(given, list) else None)


def _made(function: Any, sizes: int = 1) -> Handler:
    def handler(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
        given = [ledger.plain(value) for value in args]
        named = {name: ledger.plain(value) for name, value in kwargs.items() if name not in ("order", "like")}
        if "dtype" in named:
            named["dtype"] = double(named["dtype"])
        if sizes == 1 and len(given) > 1:
            given[1] = double(given[1])
        shape = given[:sizes] if given else [named.get("shape", 1)]
        ledger.limits.shape(shape[0] if sizes == 1 else [n for n in shape if n])
        return results(ledger, function(*given, **named), None)

    return handler


FUNCTIONS |= {f"numpy.{name}": _made(getattr(np, name)) for name in ("zeros", "ones", "identity")}
FUNCTIONS["numpy.empty"] = _made(np.zeros)
FUNCTIONS["numpy.eye"] = _made(lambda *n, **k: np.eye(*n, **k), sizes=2)
FUNCTIONS["numpy.tri"] = _made(np.tri, sizes=2)


@handles("numpy.arange")
def arange(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return numbers in steps."""
    given = [ledger.plain(value) for value in args]
    start, stop, step = (0, given[0], 1) if len(given) == 1 else (*given, 1)[:3]
    ledger.limits.shape([int((stop - start) / step)])
    return ledger.fresh(np.arange(*given, dtype=double(ledger.plain(kwargs.get("dtype")))))


@handles("numpy.linspace")
def linspace(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return numbers at equal distances."""
    given = [ledger.plain(value) for value in args]
    named = {name: ledger.plain(value) for name, value in kwargs.items()}
    ledger.limits.shape([given[2] if len(given) > 2 else named.get("num", 50)])
    return results(ledger, np.linspace(*given, **named), None)


def _like(function: Any) -> Handler:
    def handler(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
        dtype = double(ledger.plain(kwargs.get("dtype", args[1] if len(args) > 1 else None)))
        return ledger.fresh(np.array(function(np.asarray(shadow(args[0])), dtype=dtype), order="C"))

    return handler


FUNCTIONS |= {f"numpy.{name}": _like(getattr(np, name)) for name in ("zeros_like", "ones_like")}
FUNCTIONS["numpy.empty_like"] = _like(np.zeros_like)


@handles("numpy.full")
def full(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return an array filled with one value, which may be traced."""
    shape, filling = ledger.plain(args[0]), args[1] if len(args) > 1 else kwargs["fill_value"]
    ledger.limits.shape(shape)
    value = np.full(shape, shadow(filling), dtype=double(ledger.plain(kwargs.get("dtype"))))
    node = np.broadcast_to(ledger.node(filling), shape) if ledger.traced(filling) else None
    return results(ledger, value, node)


@handles("numpy.full_like")
def full_like(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return an array like another, filled with one value."""
    return full(ledger, [np.shape(shadow(args[0])), *args[1:]], kwargs)


@handles("numpy.copy")
def copy(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return an array with memory of its own."""
    return array(ledger, args[:1], {})


@handles("numpy.where")
def where(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return a choice entry by entry, or the places where a condition holds."""
    if len(args) == 1:
        return results(ledger, np.where(arrays.plain_index(ledger, args[0])), None)
    return numpy_call(np.where)(ledger, args, kwargs)


@handles("numpy.add.at")
def add_at(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Add into places of an array, each as often as it is named."""
    target, index, value = args
    arrays.add_at(ledger, target, index, value)


@handles("numpy.subtract.at")
def subtract_at(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Subtract from places of an array, from each as often as it is named."""
    target, index, value = args
    arrays.add_at(ledger, target, index, ledger.apply(lambda x: -x, value))


@handles("numpy.add.reduce")
def add_reduce(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return a sum."""
    return FUNCTIONS["numpy.sum"](ledger, args, {"axis": 0, **kwargs})


@handles("numpy.copyto")
def copyto(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Write a value into an array."""
    arrays.replace(ledger, args[0], args[1])


@handles("numpy.fill_diagonal")
def fill_diagonal(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Write a value into the diagonal."""
    target, value = args[:2]
    places = np.arange(min(target.value.shape))
    arrays.set_entry(ledger, target, (places, places), value)


@handles("numpy.linalg.multi_dot")
def multi_dot(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return the product of several matrices."""
    product, *others = args[0]
    for other in others:
        product = FUNCTIONS["numpy.dot"](ledger, [product, other], {})
    return product


def _softmax(x: Any, axis: Any = None) -> Any:
    shifted = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return shifted / np.sum(shifted, axis=axis, keepdims=True)


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    top = np.max(x, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=axis)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(x)))


FUNCTIONS["scipy.special.expit"] = numpy_call(_sigmoid, graph=lambda x: apply("sigmoid", x))
FUNCTIONS["scipy.special.softmax"] = numpy_call(_softmax)
FUNCTIONS["scipy.special.logsumexp"] = numpy_call(_logsumexp)

METHODS = """
    all any argmax argmin argsort clip cumsum diagonal dot max mean min nonzero prod ptp ravel
    repeat reshape round squeeze std sum swapaxes take trace transpose var cumprod
""".split()  # noqa: SIM905 - words, not quotes


def refused(path: str) -> bool:
    """Return whether a function reads files or the network, or runs code."""
    name = path.rpartition(".")[2]
    files = name in (
        "load",
        "loadtxt",
        "genfromtxt",
        "fromfile",
        "memmap",
        "read_csv",
        "urlopen",
        "urlretrieve",
    )
    return files and path.partition(".")[0] in ("numpy", "pandas", "urllib")
