"""Where arrays lie: one block of memory, in which what is no longer needed makes room for what comes."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.compiler.layout import SLACK
from chainrule.compiler.loops import Buffer, Stage, accesses

LINE = 64  # bytes to which arrays are aligned
OWN_SLOT = 1 << 16  # bytes from which inputs and outputs are used where they lie, not copied


def size_of(buffer: Buffer) -> int:
    """Return the bytes that an array takes, aligned, with room behind it."""
    return -(-(buffer.entries * buffer.dtype.itemsize + SLACK) // LINE) * LINE


def plan(buffers: Iterable[Buffer], stages: list[Stage]) -> int:
    """Give every array without a slot of its own its offset; return the bytes of the block.

    Inputs, outputs and constants stay for ever; scratch arrays share room if no stage needs both.
    """
    own = [buffer for buffer in buffers if buffer.slot == 0]
    lives: dict[Buffer, tuple[int, int]] = {}
    for number, stage in enumerate(stages):
        for access, _ in accesses(stage.body):
            first, _last = lives.get(access.buffer, (number, number))
            lives[access.buffer] = (first, number)
    top = 0
    for buffer in own:
        if buffer.role != "scratch":
            buffer.offset, top = top, top + size_of(buffer)
    placed: list[Buffer] = []
    scratch = [buffer for buffer in own if buffer.role == "scratch" and buffer in lives]
    end = top
    for buffer in sorted(scratch, key=lambda buffer: -size_of(buffer)):
        buffer.offset = _lowest(buffer, placed, lives, top)
        placed.append(buffer)
        end = max(end, buffer.offset + size_of(buffer))
    return end


def _lowest(buffer: Buffer, placed: list[Buffer], lives: dict[Buffer, tuple[int, int]], bottom: int) -> int:
    """Return the lowest offset at which no array lies that lives at the same time."""
    first, last = lives[buffer]
    busy = sorted(
        (other.offset, other.offset + size_of(other))
        for other in placed
        if lives[other][0] <= last and first <= lives[other][1]
    )
    place = bottom
    for begin, end in busy:
        if place + size_of(buffer) <= begin:
            break
        place = max(place, end)
    return place
