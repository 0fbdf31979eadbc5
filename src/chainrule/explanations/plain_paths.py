"""The text form of paths: each with its factors and product, their sum, and the form with brackets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from chainrule import paths as between
from chainrule.explanations.formulas import chain, enclosed, factors, number, term
from chainrule.text import say

if TYPE_CHECKING:
    from chainrule.explanations.routes import Path, Paths

SHORT = 4  # edges of a path that is written out in full
FEW = 4  # paths that are listed even if the product along each is 0
LONG = 800  # signs of the form with brackets; a longer one is left out
Symbols = Callable[[between.Edge], str]


def to_text(paths: Paths) -> str:
    """Return paths as lines of text."""
    return "\n".join(_lines(paths))


def _lines(paths: Paths) -> Iterator[str]:
    slope = f"d{paths.output}/d{paths.name}"
    yield say("explain.paths", name=paths.name, output=paths.output, count=paths.count)
    if paths.absolute == 0 and paths.count > FEW:
        yield "  " + say("explain.paths.none", slope=slope)
        return
    for path in paths:
        yield f"  {path}: {_product(path)}" if path.edges else f"  {paths.name}: {number(path.product)}"
    if paths.more:
        yield "  " + say("explain.paths.more", count=paths.more, value=number(paths.remainder))
    terms = [term(path.product) for path in paths] + ([term(paths.remainder)] if paths.more else [])
    total = number(paths.total)
    yield f"  {slope} = {chain([' + '.join(terms), total]) if len(terms) > 1 else total}"
    cost = paths.multiplications
    saves = cost is None or cost.bracketed < cost.expanded
    if paths.factored is None or paths.count == 1 or not saves:
        pass  # nothing can be taken out of brackets
    elif len(paths.factored.symbols) > LONG:
        yield "  " + say("explain.paths.long", count=len(paths.factored.symbols))
    else:
        yield "  " + say("explain.paths.factored")
        yield f"    {slope} = {paths.factored.symbols}"
        yield f"    = {chain([paths.factored.numbers, number(paths.total)])}"
    if paths.multiplications is not None and paths.count > 1:
        yield "  " + say("explain.paths.multiplications", **vars(paths.multiplications))


def _product(path: Path) -> str:
    """Return the local derivatives in the order of the path: as ∂v/∂b, in symbols, with numbers; the product.

    Of a long path only symbols and numbers, without the derivatives that are 1 whatever the numbers.
    """
    edges = path.edges
    partials = [f"∂{edge.through}/∂{edge.source}" for edge in edges]
    symbols = [
        enclosed(edge.local) if edge.local else name for edge, name in zip(edges, partials, strict=True)
    ]
    values = [edge.local_value for edge in edges]
    between_numbers = all(value is not None and np.ndim(value) == 0 for value in values)
    numbers = [number(value) for value in values] if between_numbers else []
    if len(edges) > SHORT:
        told = [place for place, symbol in enumerate(symbols) if symbol != "1"] or [0]
        symbols = [symbols[place] for place in told]
        partials, numbers = [], [numbers[place] for place in told] if numbers else []
    return chain([_joined(partials), _joined(symbols), _joined(numbers), number(path.product)])


def _joined(parts: list[str]) -> str:
    return factors(parts, "·") if parts else ""


def _without_ones(parts: list[str]) -> list[str]:
    return [part for part in parts if part != "1"] or parts[:1]


def bracketed(product: between.Product, symbols: Symbols | None) -> str:
    """Return a product with brackets, from the output back: in symbols, or else with numbers."""
    written = [_factor(part, symbols) for part in reversed(product.factors)]
    return factors(_without_ones(written), "·")


def _factor(part: between.Edge | between.Bracket | between.Slope, symbols: Symbols | None) -> str:
    if isinstance(part, between.Edge):
        symbol = symbols(part) if symbols else number(part.local)
        return enclosed(symbol) if symbol else f"∂{part.consumer}/∂{part.source}"
    if isinstance(part, between.Slope):
        return f"d{part.of}/d{part.by}" if symbols else number(part.value)
    terms = [bracketed(product, symbols) for product in part.terms]
    if part.more:
        terms.append(say("explain.paths.terms", count=part.more) if symbols else number(part.remainder))
    return f"({' + '.join(f'({text})' if text.startswith('-') else text for text in terms)})"
