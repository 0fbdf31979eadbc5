"""How the parameters start. A weight matrix has shape (inputs, outputs), a bias (outputs,)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import unknown_name

Array = np.ndarray[Any, Any]
Initialiser = Callable[[np.random.Generator, int, int], tuple[Array, Array]]


def xavier(random: np.random.Generator, inputs: int, outputs: int) -> tuple[Array, Array]:
    """Draw W from N(0, 2 / (inputs + outputs)); b = 0 (Glorot and Bengio, 2010)."""
    return random.normal(0, math.sqrt(2 / (inputs + outputs)), (inputs, outputs)), np.zeros(outputs)


def he(random: np.random.Generator, inputs: int, outputs: int) -> tuple[Array, Array]:
    """Draw W from N(0, 2 / inputs); b = 0 (He and others, 2015), for relu and its family."""
    return random.normal(0, math.sqrt(2 / inputs), (inputs, outputs)), np.zeros(outputs)


def normal(random: np.random.Generator, inputs: int, outputs: int) -> tuple[Array, Array]:
    """Draw W and b from N(0, 1)."""
    return random.normal(size=(inputs, outputs)), random.normal(size=outputs)


def zeros(random: np.random.Generator, inputs: int, outputs: int) -> tuple[Array, Array]:
    """Return W = 0 and b = 0: all hidden units then stay equal for ever, which is worth seeing once."""
    del random
    return np.zeros((inputs, outputs)), np.zeros(outputs)


INITIALISERS: dict[str, Initialiser] = {"xavier": xavier, "he": he, "normal": normal, "zeros": zeros}


def initialiser(name: str) -> Initialiser:
    """Return the initialiser of this name; raise `UnknownNameError` if there is none."""
    if not isinstance(name, str) or name not in INITIALISERS:
        raise unknown_name("initialiser", name, INITIALISERS)
    return INITIALISERS[name]
