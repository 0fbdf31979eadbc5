"""What was measured, as text and as a picture."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    info = Path("/proc/cpuinfo")
    models = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    return {
        "processor": models[0].split(":")[1].strip() if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "load": os.getloadavg()[0],
    }


def fastest(peers: dict[str, Any], figure: str = "median") -> tuple[str, float] | None:
    """Return the fastest peer that does the same work, and its figure; ours is no peer."""
    real = {name: one[figure] for name, one in peers.items() if name != "ours" and not one.get("note")}
    return min(real.items(), key=lambda pair: pair[1]) if real else None


def header(results: dict[str, Any]) -> str:
    """Return the machine, the versions, and what is left out."""
    where = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    skipped = "".join(f"\nleft out: {name}: {reason}" for name, reason in results["skipped"].items())
    place = (
        f"{where['processor']}, {where['cores']} cores, {where['system']}, load {where['load']:.1f} before"
    )
    return f"{place}\n{versions}{skipped}"


def figures(title: str, found: dict[str, Any], unit: str = "µs", goal: float | None = None) -> str:
    """Return a block of lines: each peer's median, minimum, threads, and how it compares with ours."""
    peers = found["peers"]
    lines = [title, f"    {'':18}{'median':>12}{'minimum':>12}{'/ ours':>9}  threads"]
    ours = peers.get("ours", {}).get("median")
    for name, one in sorted(peers.items(), key=lambda pair: pair[1]["median"]):
        ratio = f"{one['median'] / ours:9.2f}" if ours else f"{'':9}"
        threads = one["threads"] or "as it comes"
        numbers = f"{one['median']:9.1f} {unit}{one['minimum']:9.1f} {unit}"
        lines.append(f"    {name:18}{numbers}{ratio}  {threads}  {one.get('note', '')}".rstrip())
    lines += [f"    {name:18}left out: {reason}" for name, reason in found["failed"].items()]
    apart = [one["apart"] for one in peers.values() if "apart" in one and not one["note"]]
    if apart:
        lines.append(f"    costs of the first steps: all within {max(apart):.0e} of float64 written by hand")
    return "\n".join([*lines, *_summary(peers, goal)])


def _summary(peers: dict[str, Any], goal: float | None) -> list[str]:
    """Return the line that compares ours with the fastest peer, by medians and by minima."""
    best, least = fastest(peers), fastest(peers, "minimum")
    if "ours" not in peers or best is None or least is None:
        return []
    reached, by_minima = best[1] / peers["ours"]["median"], least[1] / peers["ours"]["minimum"]
    wanted = "" if goal is None else f"; the goal is {goal}"
    ours = f"ours is {reached:.2f} times as fast as the fastest peer, {best[0]} (by minima {by_minima:.2f}"
    return [f"    {ours}, {least[0]}){wanted}"]


def seconds(results: dict[str, Any]) -> str:
    """Return a block of lines: start-up, and thirty epochs."""
    lines = ["whole processes"]
    for name, one in results["processes"]["seconds"].items():
        lines.append(f"    {name:42}{one['median']:8.2f} s {one['minimum']:8.2f} s")
    lines.append("first step of S1 in a fresh process")
    for name, states in results["first_steps"]["seconds"].items():
        lines += [f"    {f'{name}, {state}':42}{one['median']:8.2f} s" for state, one in states.items()]
    for part in ("processes", "first_steps"):
        lines += [f"    {name}: left out: {reason}" for name, reason in results[part]["failed"].items()]
    if "thirty_epochs" in results:
        thirty = results["thirty_epochs"]
        lines.append(
            f"thirty MNIST epochs of S1: {thirty['fit']:.2f} s, {thirty['training']:.2f} s of it training; "
            f"best {thirty['best accuracy']:.2%} of the test images right"
        )
    return "\n".join(lines)
