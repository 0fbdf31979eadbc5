"""Paths through a graph: from one number, or one array, to the output.

`EntryGraph` takes the arrays between an entry and the output apart into their entries, with a local
derivative on each edge: it counts the paths, lists the largest, sums them, and writes the derivative with
brackets. `array_paths` leaves arrays whole.

From the bottom up: `records`, `dag` (counts, sums, the largest paths) and `local` (the derivative of one
operation, as numbers) · `uses` and `factored` · `entries` · `between` · `arrays`.
"""

from chainrule.paths.arrays import ArrayPath, ArrayPaths, array_paths
from chainrule.paths.between import EntryGraph, Multiplications, Path, Paths
from chainrule.paths.entries import is_used
from chainrule.paths.factored import Bracket, Product, Slope
from chainrule.paths.records import Edge, Vertex
from chainrule.paths.uses import MOST_EDGES

__all__ = [
    "MOST_EDGES",
    "ArrayPath",
    "ArrayPaths",
    "Bracket",
    "Edge",
    "EntryGraph",
    "Multiplications",
    "Path",
    "Paths",
    "Product",
    "Slope",
    "Vertex",
    "array_paths",
    "is_used",
]
