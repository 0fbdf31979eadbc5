"""What the files say about a network besides its numbers: its kind, its labels, its columns, its formulas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import __version__
from chainrule.network import Network

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a network.

    Parameters
    ----------
    sizes
        The number of inputs, of units in each hidden layer, and of outputs.
    parameters
        The number of parameters.
    labels
        What the outputs stand for, in order; two for a single output. None: a regression.
    class_names
        What people call the labels; empty if they are called what they are.
    feature_names, target_names
        The columns of inputs and of outputs, if they have names.
    """

    sizes: tuple[int, ...]
    parameters: int
    labels: Array | None
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]

    @property
    def title(self) -> str:
        """A line about the network: its sizes, and who wrote it."""
        sizes = " → ".join(map(str, self.sizes))
        return f"A network {sizes} with {self.parameters:,} parameters, written by chainrule {__version__}"

    @property
    def names(self) -> list[str]:
        """What the labels are called; empty for a regression."""
        return list(self.class_names) or [] if self.labels is None else [str(label) for label in self.labels]


def facts_of(net: Network) -> Facts:
    """Return what is known of a network."""
    sizes = net.architecture.sizes
    labels = net.labels
    if net.targets is None and net.architecture.expects_labels:
        labels = np.arange(max(sizes[-1], 2))  # as `Network.predict` has it before any fit
    own = [] if labels is None else [str(label) for label in labels]
    called = _names(net.information.get("class_names"), len(own))
    return Facts(
        sizes=tuple(sizes),
        parameters=net.size,
        labels=labels,
        class_names=called if list(called) != own else (),
        feature_names=_names(net.information.get("feature_names"), sizes[0]),
        target_names=_names(net.information.get("target_names"), sizes[-1]),
    )


def _names(found: Any, count: int) -> tuple[str, ...]:
    """Return names, if there is one for each; `Network.information` is free for its owner to fill."""
    fits = isinstance(found, list | tuple) and len(found) == count
    return tuple(map(str, found)) if fits else ()
