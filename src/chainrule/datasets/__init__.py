"""Data sets: by name, or from CSV, NumPy and IDX files.

`load` is the one door; it returns a `Dataset` of raw values, with the `Scaling` that they call for.
"""

from chainrule.datasets.checks import check_finite
from chainrule.datasets.dataset import Dataset
from chainrule.datasets.digits import load_digits
from chainrule.datasets.downloads import fetch
from chainrule.datasets.idx import read_idx
from chainrule.datasets.loading import NAMES, load
from chainrule.datasets.scaling import Scaling
from chainrule.datasets.splitting import split
from chainrule.datasets.synthetic import circles, moons, spiral

__all__ = [
    "NAMES",
    "Dataset",
    "Scaling",
    "check_finite",
    "circles",
    "fetch",
    "load",
    "load_digits",
    "moons",
    "read_idx",
    "spiral",
    "split",
]
