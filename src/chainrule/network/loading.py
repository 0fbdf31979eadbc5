"""`load`: a network from its file."""

from __future__ import annotations

import os

from chainrule.network.network import Network
from chainrule.network.saved import read
from chainrule.nn.costs import CostFunction


def load(path: str | os.PathLike[str], *, cost: CostFunction | None = None) -> Network:
    """Return the network that `Network.save` wrote.

    Parameters
    ----------
    path
        The model file.
    cost
        The cost function, if the network was saved with one of its own (as names are found in tables only,
        the file cannot hold it). Without it the network predicts, but cannot be judged or trained.

    Raises
    ------
    FileError
        If the file is missing; `ModelFileError` if it is damaged or no model.

    Examples
    --------
    >>> import tempfile
    >>> import chainrule as cr
    >>> net = cr.Network([2, 3, 1], seed=5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(f"{folder}/net.safetensors")
    ...     again = cr.load(f"{folder}/net.safetensors")
    >>> bool((again([1.0, 2.0]) == net([1.0, 2.0])).all())
    True
    """
    saved = read(path, cost)
    a = saved.architecture
    net = Network(
        a.sizes,
        activation=a.activations,
        cost=a.cost,
        output=a.output,
        initialiser=a.initialiser,
        dtype=a.dtype,
    )
    net.set_parameters(**saved.parameters)
    net.targets, net.scaling, net.information = saved.targets, saved.scaling, dict(saved.information)
    return net
