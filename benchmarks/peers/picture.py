"""The picture for the README: a training step of each library, relative to the fastest peer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from peers.report import fastest
from peers.settings import SETTINGS

PAPER, INK, FAINT, LINE = "#ffffff", "#1f2328", "#6e7781", "#d8dee4"
OURS = "#0b6bcb"
PEERS = {
    "JAX": "#8a94a0",
    "torch.compile": "#9da6b0",
    "PyTorch": "#b0b8c0",
    "scikit-learn": "#c3c9d0",
    "NumPy": "#d6dbe0",
}
WIDEST = 4.0  # times the fastest peer; longer bars are cut, and say so


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw the picture into ``path`` (.png) and into an .svg beside it."""
    shown = {name: found["peers"] for name, found in results["training"].items() if fastest(found["peers"])}
    if not shown:
        return  # nothing to compare with

    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    style = {"font.family": "DejaVu Sans", "font.size": 10.5, "text.color": INK, "svg.fonttype": "none"}
    with plt.rc_context(style):
        columns = 2 if len(shown) > 1 else 1
        lines = -(-len(shown) // columns)
        figure, panels = plt.subplots(
            lines, columns, figsize=(5.9 * columns, 2.15 * lines + 1.15), squeeze=False, facecolor=PAPER
        )
        for panel, (name, peers) in zip(panels.flat, shown.items(), strict=False):
            _panel(panel, name, peers)
        for panel in list(panels.flat)[len(shown) :]:
            panel.set_axis_off()
        _captions(figure, results)
        for target in (path.with_suffix(".png"), path.with_suffix(".svg")):
            figure.savefig(target, dpi=200, facecolor=PAPER)
        plt.close(figure)


def _panel(panel: Any, name: str, peers: dict[str, Any]) -> None:
    setting = SETTINGS[name]
    _, unit = fastest(peers) or ("", 1.0)
    order = sorted(peers, key=lambda one: peers[one]["median"])
    for place, one in enumerate(order):
        _bar(panel, place, one, peers[one], unit)
    panel.axvline(1, color=FAINT, linewidth=0.9, linestyle=(0, (3, 3)), zorder=3)
    sizes = "–".join(map(str, setting.sizes))
    optimizer = "Adam" if setting.optimizer == "adam" else "SGD"
    data = "MNIST" if setting.mnist else "dense random"
    panel.set_title(sizes, loc="left", fontsize=12, fontweight="bold", color=INK, pad=20)
    cost = setting.cost.replace("_", " ")
    subtitle = f"batch {setting.batch} · {setting.activation} · {cost} · {optimizer} · {data}"
    panel.text(0, 1.05, subtitle, transform=panel.transAxes, fontsize=9, color=FAINT)
    panel.set(ylim=(len(order) - 0.45, -0.55), xlim=(0, WIDEST * 1.3), xticks=[])
    labels = [_label(one, peers[one]) for one in order]
    panel.set_yticks(range(len(order)), labels)
    for label, one in zip(panel.get_yticklabels(), order, strict=True):
        label.set(color=OURS if one == "ours" else INK, fontweight="bold" if one == "ours" else "normal")
    panel.tick_params(length=0)
    panel.set_facecolor(PAPER)
    for side in ("top", "right", "bottom"):
        panel.spines[side].set_visible(False)
    panel.spines["left"].set_color(LINE)


def _label(name: str, one: dict[str, Any]) -> str:
    if name == "ours":
        return "chainrule"
    return f"{name}*" if one.get("note") else name


def _bar(panel: Any, place: int, name: str, one: dict[str, Any], unit: float) -> None:
    ratio = one["median"] / unit
    width, cut = min(ratio, WIDEST), ratio > WIDEST
    colour = OURS if name == "ours" else PEERS[name]
    panel.barh(place, width, height=0.68, color=colour, zorder=2)
    if cut:  # two slanted strokes of paper say that the bar goes on
        for shift in (0.0, 0.09):
            x = WIDEST - 0.34 + shift
            panel.plot([x, x + 0.09], [place + 0.4, place - 0.4], color=PAPER, linewidth=2.2, zorder=4)
    weight = "bold" if name == "ours" else "normal"
    inked = OURS if name == "ours" else INK
    text = panel.text(
        width + 0.06,
        place,
        micro(one["median"]),
        va="center",
        color=inked,
        fontweight=weight,
        zorder=5,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5},  # hides the dashed line behind it
    )
    panel.annotate(
        f"{ratio:.2f}×" if ratio < 10 else f"{ratio:.0f}×",
        (1, 0.5),
        xycoords=text,
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        fontsize=8.5,
        color=FAINT,
    )


def micro(value: float) -> str:
    """Return microseconds, or milliseconds if there are many, with three digits.

    >>> micro(20.14), micro(311.2), micro(97812)
    ('20.1 µs', '311 µs', '97.8 ms')
    """
    number, unit = (value / 1000, "ms") if value >= 1000 else (value, "µs")
    return (
        f"{number:.{max(0, 3 - len(str(int(number))))}f} {unit}" if number < 1000 else f"{number:.0f} {unit}"
    )


def _captions(figure: Any, results: dict[str, Any]) -> None:
    height = figure.get_size_inches()[1]
    where, versions = results["machine"], results["versions"]
    figure.subplots_adjust(
        left=0.13, right=0.985, top=1 - 1.32 / height, bottom=0.62 / height, hspace=0.72, wspace=0.34
    )
    figure.text(
        0.022, 1 - 0.36 / height, "Time for one training step, CPU, float32", fontsize=15, fontweight="bold"
    )
    figure.text(
        0.022,
        1 - 0.62 / height,
        "Median of interleaved rounds; shorter is better. The dashed line is the fastest other library.",
        fontsize=10,
        color=FAINT,
    )
    named = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "Python")
    marked = any(one.get("note") for found in results["training"].values() for one in found["peers"].values())
    star = "   * nearest equivalent, not the same outputs" if marked else ""
    figure.text(
        0.022,
        0.15 / height,
        f"{where['processor']}, {where['cores']} cores. {named}.{star}",
        fontsize=8,
        color=FAINT,
    )
