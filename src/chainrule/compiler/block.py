"""The block of memory in which all arrays of a running call lie, and the table by which code finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.compiler.loops import Buffer
from chainrule.compiler.memory import LINE

Array = np.ndarray[Any, Any]


class Block:
    """Memory for one running call, constants filled in.

    Parameters
    ----------
    size
        Bytes, as `chainrule.compiler.memory.plan` counts them.
    buffers
        All arrays. Those with a slot of their own lie elsewhere: their addresses are entered in ``table``.

    Attributes
    ----------
    table
        The addresses behind which compiled code finds the arrays; the first is that of the block.
    address
        Where the table lies: the first argument of compiled code.
    """

    def __init__(self, size: int, buffers: Sequence[Buffer]) -> None:
        self._memory = np.zeros(size + LINE, np.uint8)
        self._start = -self._memory.ctypes.data % LINE
        self.table = np.zeros(max([buffer.slot for buffer in buffers], default=0) + 1, np.int64)
        self.table[0] = self._memory.ctypes.data + self._start
        self.address = int(self.table.ctypes.data)
        for buffer in buffers:
            if buffer.role == "constant":
                self.view(buffer)[...] = buffer.value

    def view(self, buffer: Buffer) -> Array:
        """Return an array in the block, without the padding of its rows."""
        strides = [step * buffer.dtype.itemsize for step in buffer.strides]
        place = self._start + buffer.offset
        return np.ndarray(buffer.shape, buffer.dtype, self._memory.data, place, strides)

    def stretch(self, buffers: Sequence[Buffer]) -> Array | None:
        """Return the memory from the first to the last of some arrays; None if other dtypes lie in it."""
        dtypes = {buffer.dtype for buffer in buffers}
        if len(dtypes) != 1 or any(buffer.slot for buffer in buffers):
            return None
        (dtype,) = dtypes
        begin = min(buffer.offset for buffer in buffers)
        end = max(buffer.offset + buffer.entries * dtype.itemsize for buffer in buffers)
        return np.ndarray(((end - begin) // dtype.itemsize,), dtype, self._memory.data, self._start + begin)
