"""A picture as SVG: boxes, links with their labels, a legend; light and dark, readable by machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from chainrule.explanations.drawing.layout import MARGIN, Layout, Point, Rectangle, Size, lay_out
from chainrule.explanations.drawing.metrics import BOLD, shortened, text_width, wrapped
from chainrule.explanations.drawing.picture import Box, Picture

LARGE, SMALL = 14.0, 12.0  # font sizes
LINE = 1.4  # line height, in font sizes
PAD = 9.0
WIDEST = 210.0  # text in a box
LABEL = 180.0  # text on a link
FORMULA_LINES, LABEL_LINES = 3, 3
STACK = 4.0  # how far the second sheet of a folded box peeps out
WIDE = 1100.0  # a wider drawing goes from the top down
ARROW = (8.0, 3.5)
FONT = "Verdana, 'DejaVu Sans', 'Noto Sans', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif"

LIGHT = {
    "paper": "#fbfaf7",
    "ink": "#2b2b2b",
    "faint": "#63635e",
    "line": "#8f8f89",
    "box": "#ffffff",
    "given": "#edf2f8",
    "value": "#1d5b9f",
    "slope": "#a8480b",
    "path": "#b3126a",
}
DARK = {
    "paper": "#16181c",
    "ink": "#e8e6e1",
    "faint": "#a8a8a2",
    "line": "#7b7e85",
    "box": "#212429",
    "given": "#222d3b",
    "value": "#84b8f2",
    "slope": "#f4a76a",
    "path": "#ff7ab9",
}
RULES = (
    (".cr-paper", "fill:{paper}"),
    (".cr-box", "fill:{box};stroke:{line};stroke-width:1.2"),
    (".cr-given", "fill:{given}"),
    (".cr-goal", "stroke:{ink};stroke-width:2"),
    (".cr-rule", "stroke:{line};stroke-width:.6"),
    (".cr-link", "fill:none;stroke:{line};stroke-width:1.4"),
    (".cr-tip", "fill:{line}"),
    (".cr-link.cr-path", "stroke:{path};stroke-width:3"),
    (".cr-tip.cr-path", "fill:{path}"),
    ("text", "fill:{ink}"),
    (".cr-value", "fill:{value}"),
    (".cr-slope", "fill:{slope}"),
    (".cr-faint", "fill:{faint}"),
    (".cr-local.cr-path", "fill:{path}"),
)


@dataclass(frozen=True)
class Words:
    """What a drawing says besides its boxes: its title, its description, its legend."""

    title: str
    description: str
    legend: tuple[tuple[str, str], ...] = ()  # class, text


@dataclass(frozen=True)
class _Line:
    """A line of text: pieces with their classes, at one size."""

    pieces: tuple[tuple[str, str], ...]
    size: float = SMALL

    @property
    def width(self) -> float:
        return sum(
            text_width(text, self.size) * (BOLD if kind == "name" else 1) for kind, text in self.pieces
        )

    @property
    def height(self) -> float:
        return LINE * self.size


def draw(picture: Picture, words: Words, *, dark: bool | None = None) -> str:
    """Return a picture as SVG.

    Parameters
    ----------
    picture
        What to draw; it is not folded here.
    words
        Title, description, legend.
    dark
        Light or dark; None: as the reader's system is set.
    """
    cards = [_card(box) for box in picture.boxes]
    labels = [_label(link.label) for link in picture.links]
    layout = arranged(picture, cards, labels)
    legend = [_Line(((kind, text),)) for kind, text in words.legend]
    size = Size(
        max(layout.size.width, *[line.width + 2 * MARGIN for line in legend], 0),
        layout.size.height + sum(line.height for line in legend) + (MARGIN if legend else 0),
    )
    body = [
        *_links(picture, layout),
        *_labels(picture, layout, labels),
        *_boxes(picture, layout, cards),
        *_lines(legend, MARGIN, layout.size.height),
    ]
    return _document(size, words, body, dark)


def arranged(picture: Picture, cards: Sequence[Sequence[_Line]], labels: Sequence[Sequence[_Line]]) -> Layout:
    """Return the layout: from left to right, or from the top down where that would be too wide."""
    sizes = [_size(card, box) for card, box in zip(cards, picture.boxes, strict=True)]
    rooms = [_room(lines) if lines else None for lines in labels]
    pairs = [(link.source, link.target) for link in picture.links]
    layout = lay_out(sizes, pairs, rooms)
    if layout.size.width <= WIDE:
        return layout
    downwards = lay_out(sizes, pairs, rooms, down=True)
    return downwards if downwards.size.width < layout.size.width else layout


def _card(box: Box) -> list[_Line]:
    """Return the lines of a box; what stands under its rule comes last."""
    name, value = shortened(box.entry or box.name, WIDEST / BOLD, LARGE), shortened(box.value, WIDEST, LARGE)
    lines = [_Line((("name", name), ("value", value and f" {value}")), LARGE)]
    if lines[0].width > WIDEST:
        lines = [_Line((("name", name),), LARGE), _Line((("value", value),), LARGE)]
    lines += [_Line((("slope", text),)) for text in wrapped(box.slope, WIDEST, SMALL, 2)]
    lines += [_Line((("faint", shortened(text, WIDEST, SMALL)),)) for text in box.notes]
    lines += [_Line((("faint", text),)) for text in _formula(box)]
    return lines


def _formula(box: Box) -> list[str]:
    return wrapped(box.formula, WIDEST, SMALL, FORMULA_LINES)


def _label(label: Sequence[str]) -> list[_Line]:
    """Return the lines of a label; in one if there is room."""
    whole = " ".join(label)
    parts = [whole] if text_width(whole, SMALL) <= LABEL * 0.7 else label
    lines = [line for part in parts for line in wrapped(part, LABEL, SMALL, LABEL_LINES - len(label) + 1)]
    return [_Line((("local", line),)) for line in lines]


def _size(card: Sequence[_Line], box: Box) -> Size:
    stack = STACK if box.members else 0.0
    height = sum(line.height for line in card) + 2 * PAD + (PAD if box.formula else 0.0)
    return Size(max(line.width for line in card) + 2 * PAD + stack, height + stack)


def _room(lines: Sequence[_Line]) -> Size:
    return Size(max(line.width for line in lines) + 6.0, sum(line.height for line in lines) + 2.0)


def _boxes(picture: Picture, layout: Layout, cards: Sequence[Sequence[_Line]]) -> Iterator[str]:
    for box, card, place in zip(picture.boxes, cards, layout.boxes, strict=True):
        yield "<g>" + _tooltip(box)
        kind = "cr-box cr-given" if box.is_input else "cr-box cr-goal" if box.is_output else "cr-box"
        x, y, width, height = place
        if box.members:
            width, height = width - STACK, height - STACK
            yield _rectangle(Rectangle(x + STACK, y + STACK, width, height), kind)
        yield _rectangle(Rectangle(x, y, width, height), kind)
        under = len(_formula(box))
        top = y + PAD
        upper, lower = (card[:-under], card[-under:]) if under else (card, [])
        yield from _lines(upper, x + PAD, top)
        if under:
            level = top + sum(line.height for line in upper) + PAD / 2
            yield f'<path class="cr-rule" d="M{_n(x)} {_n(level)}h{_n(width)}"/>'
            yield from _lines(lower, x + PAD, level + PAD / 2)
        yield "</g>"


def _tooltip(box: Box) -> str:
    parts = [
        f"{box.entry or box.name} {box.value}".strip(),
        f"{box.name} = {box.formula}" if box.formula else "",
        box.slope,
    ]
    return f"<title>{escape('; '.join(filter(None, [*parts, *box.notes])), quote=False)}</title>"


def _links(picture: Picture, layout: Layout) -> Iterator[str]:
    order = sorted(range(len(picture.links)), key=lambda number: picture.links[number].chosen)
    for number in order:
        route, kind = layout.routes[number], " cr-path" if picture.links[number].chosen else ""
        before, end = route[-2], route[-1]
        tip, shaft = _arrow(before, end)
        points = [*route[:-1], shaft]
        curves = [points[place : place + 3] for place in range(1, len(points), 3)]
        path = f"M{_at(points[0])}" + "".join(f"C{' '.join(map(_at, curve))}" for curve in curves)
        yield f'<path class="cr-link{kind}" d="{path}"/>'
        yield f'<path class="cr-tip{kind}" d="M{_at(end)}L{_at(tip[0])}L{_at(tip[1])}z"/>'


def _arrow(before: Point, end: Point) -> tuple[tuple[Point, Point], Point]:
    """Return the two other corners of an arrow's tip, and where its shaft ends; links arrive level."""
    length, half = ARROW
    if abs(end.x - before.x) >= abs(end.y - before.y):
        back = end.x - length
        return (Point(back, end.y - half), Point(back, end.y + half)), Point(back + 1, end.y)
    back = end.y - length
    return (Point(end.x - half, back), Point(end.x + half, back)), Point(end.x, back + 1)


def _labels(picture: Picture, layout: Layout, labels: Sequence[Sequence[_Line]]) -> Iterator[str]:
    for link, place, lines in zip(picture.links, layout.labels, labels, strict=True):
        if place is not None:
            yield f'<rect class="cr-paper" {_corners(place)}/>'
            kind = " cr-path" if link.chosen else ""
            marked = [_Line(((f"local{kind}", line.pieces[0][1]),)) for line in lines]
            yield from _lines(marked, place.x + place.width / 2, place.y + 1.0, middle=True)


def _lines(lines: Sequence[_Line], x: float, top: float, *, middle: bool = False) -> Iterator[str]:
    anchor = ' text-anchor="middle"' if middle else ""
    for line in lines:
        base = top + line.size * 1.05
        top += line.height
        pieces = [(kind, text) for kind, text in line.pieces if text]
        spans = "".join(
            f'<tspan class="cr-{kind}">{escape(text, quote=False)}</tspan>' for kind, text in pieces
        )
        if len(pieces) == 1:
            spans = escape(pieces[0][1], quote=False)
        own = f' class="cr-{pieces[0][0]}"' if len(pieces) == 1 else ""
        large = ' font-size="14"' if line.size == LARGE else ""
        yield f'<text{own} x="{_n(x)}" y="{_n(base)}"{anchor}{large}>{spans}</text>'


def _rectangle(place: Rectangle, kind: str) -> str:
    return f'<rect class="{kind}" rx="6" {_corners(place)}/>'


def _corners(place: Rectangle) -> str:
    x, y, width, height = map(_n, place)
    return f'x="{x}" y="{y}" width="{width}" height="{height}"'


def _at(point: Point) -> str:
    return f"{_n(point.x)} {_n(point.y)}"


def _n(value: float) -> str:
    return f"{round(value, 1):g}"


def _document(size: Size, words: Words, body: Sequence[str], dark: bool | None) -> str:
    mode = "auto" if dark is None else "dark" if dark else "light"
    width, height = round(size.width + 0.5), round(size.height + 0.5)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chainrule-{mode}" role="img"'
        f' viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' font-family="{FONT}" font-size="12" style="max-width:100%;height:auto">'
    )
    parts = [
        head,
        f"<title>{escape(words.title, quote=False)}</title>",
        f"<desc>{escape(words.description, quote=False)}</desc>",
        f"<style>{_style(mode)}</style>",
        '<rect class="cr-paper" width="100%" height="100%"/>',
        *body,
        "</svg>",
    ]
    return "\n".join(parts)


def _style(mode: str) -> str:
    """Return the rules of a drawing, which touch no other drawing on the page."""
    shared = f".chainrule-{mode} .cr-name{{font-weight:bold}}"
    if mode == "auto":
        dark = "@media(prefers-color-scheme:dark){" + _rules(mode, DARK) + "}"
        return shared + _rules(mode, LIGHT) + dark
    return shared + _rules(mode, DARK if mode == "dark" else LIGHT)


def _rules(mode: str, colours: dict[str, str]) -> str:
    return "".join(f".chainrule-{mode} {name}{{{rule.format(**colours)}}}" for name, rule in RULES)
