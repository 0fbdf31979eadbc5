"""Pictures of computations: layered drawings as SVG, large ones folded.

From the bottom up: `metrics` (how wide texts are), `layers`, `crossings`, `coordinates` and `layout` (where
everything stands; they know rectangles only), `picture` (what is shown), `folding`, `svg`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from chainrule.explanations.drawing.folding import fold, opened
from chainrule.explanations.drawing.picture import RETURNED, Picture, brief, picture_of, picture_of_graph
from chainrule.explanations.drawing.svg import Words, draw
from chainrule.graph.graph import Graph
from chainrule.text import say

if TYPE_CHECKING:
    from chainrule.explanations.record import Explanation

__all__ = ["graph_svg", "parts_svg", "to_svg"]


def to_svg(
    explanation: Explanation, *, paths: Any = None, dark: bool | None = None, depth: int | None = None
) -> str:
    """Return the computation as a layered drawing, in SVG.

    Parameters
    ----------
    explanation
        What `chainrule.explain` returned.
    paths
        What to highlight: the name of a variable (all its paths to the output), a path, or several of them.
    dark
        Light or dark; None: as the reader's system is set.
    depth
        Fold to named scopes of this depth; None: only if there are more than 60 boxes.

    Raises
    ------
    UnknownNameError
        If ``paths`` names nothing in the explanation.

    Examples
    --------
    >>> import chainrule as cr
    >>> svg = to_svg(cr.explain("3*(a + b*c)", a=7, b=4, c=2), paths="b")
    >>> "∂u/∂b = c = 2" in svg
    True
    """
    picture = fold(picture_of(explanation, paths), depth)
    return draw(picture, _words(explanation, picture), dark=dark)


def parts_svg(explanation: Explanation, *, paths: Any = None) -> Iterator[tuple[str, str]]:
    """Yield the name of each box that the drawing folds computed values into, and a drawing of them."""
    whole = picture_of(explanation, paths)
    for box in fold(whole).boxes:
        inside = opened(whole, box)
        if not box.members or all(inner.is_input for inner in inside.boxes):
            continue
        name = f"{box.name}: {', '.join(box.notes)}"
        picture = fold(inside)
        yield name, draw(picture, Words(name, say("drawing.graph", name=name, count=len(picture.boxes))))


def _words(explanation: Explanation, picture: Picture) -> Words:
    output, value = explanation.output, brief(explanation.value)
    legend = [("value", say("drawing.values"))]
    labels = [link.label[0] for link in picture.links if link.label]
    returned = [label for label in labels if label.startswith(RETURNED)]
    if any(box.slope for box in picture.boxes):
        legend.append(("slope", say("drawing.slopes", output=output)))
    if len(labels) > len(returned):
        legend.append(("faint", say("drawing.locals")))
    if returned:
        legend.append(("faint", say("drawing.returned")))
    if any(link.chosen for link in picture.links):
        legend.append(("local cr-path", say("drawing.path", output=output)))
    slopes = [f"d{output}/d{name} {brief(slope)}" for name, slope in explanation.gradient.items()]
    return Words(
        say("drawing.title", expression=explanation.expression),
        say("drawing.description", output=output, value=value, slopes="; ".join(slopes) or "-"),
        tuple(legend),
    )


def graph_svg(
    graph: Graph,
    values: Mapping[str, Any] | None = None,
    *,
    dark: bool | None = None,
    depth: int | None = None,
) -> str:
    """Return a graph as a layered drawing, in SVG: formulas and shapes, no derivatives.

    Parameters
    ----------
    graph
        What to draw.
    values
        Values to show, by name.
    dark, depth
        As for `to_svg`.

    Examples
    --------
    >>> import chainrule as cr
    >>> graph_svg(cr.trace(lambda a, b: a * b, 2.0, 3.0)).startswith("<svg")
    True
    """
    picture = fold(picture_of_graph(graph, values), depth)
    count = len(picture.boxes)
    words = Words(
        say("drawing.title", expression=graph.name), say("drawing.graph", name=graph.name, count=count)
    )
    return draw(picture, words, dark=dark)
