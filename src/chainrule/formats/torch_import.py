"""Stacks of torch's ``Linear`` layers, from the safetensors file of a ``state_dict``. Reads numbers only."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import DataError, FileFormatError, SettingError
from chainrule.files import read_bytes
from chainrule.network import Network
from chainrule.training.targets import Targets

Array = np.ndarray[Any, Any]
COSTS = {"softmax": "cross_entropy", "sigmoid": "cross_entropy"}
FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


class Linear(NamedTuple):
    """A layer: its name, its weight as torch has it, (outputs, inputs), and its bias."""

    name: str
    weight: Array
    bias: Array


def from_torch_safetensors(
    path: str | os.PathLike[str],
    *,
    activation: str | Sequence[str],
    output: str = "identity",
    cost: str | None = None,
    labels: Sequence[Any] | None = None,
    order: Sequence[str] | None = None,
) -> Network:
    """Return the network of a stack of torch's ``Linear`` layers.

    Parameters
    ----------
    path
        A safetensors file: ``safetensors.torch.save_file(model.state_dict(), path)``. It holds the numbers of
        the layers, in names such as ``0.weight``, ``0.bias`` or ``fc1.weight``, and no more than that.
    activation
        What follows each layer but the last, one name or one for each: the file does not say.
    output
        What follows the last layer: "identity" as torch's stacks have it, "softmax" or "sigmoid" to make
        probabilities of what was trained with ``CrossEntropyLoss`` or ``BCEWithLogitsLoss``.
    cost
        For training on; None: cross_entropy for softmax and sigmoid, else mse.
    labels
        What the outputs stand for, in order; two for a single output.
    order
        The layers' names in order, such as ``["input", "middle", "output"]``; None: numbers in names count
        as numbers, so that ``fc10`` comes after ``fc9``.

    Raises
    ------
    FileError
        If the file is missing; `FileFormatError` if it is damaged, or holds something else than a stack of
        Linear layers: it says what.
    SettingError
        If an activation, the output, the cost or the order does not fit.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from safetensors.numpy import save_file
    >>> state = {"0.weight": np.array([[1.0, -1.0]]), "0.bias": np.array([0.5])}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_file(state, f"{folder}/net.safetensors")
    ...     net = from_torch_safetensors(f"{folder}/net.safetensors", activation="relu")
    >>> net([3.0, 1.0])
    array([2.5])
    """
    layers = _in_order(_layers(_tensors(path), str(path)), order, str(path))
    first = layers[0].weight
    dtype = np.result_type(*[part for layer in layers for part in (layer.weight, layer.bias)], np.float32)
    net = Network(
        [first.shape[1], *[len(layer.weight) for layer in layers]],
        activation=activation,
        output=output,
        cost=cost or COSTS.get(output, "mse"),
        initialiser="zeros",
        dtype=dtype.name,
    )
    net.set_parameters(**{f"W{at}": layer.weight.T for at, layer in enumerate(layers, start=1)})
    net.set_parameters(**{f"b{at}": layer.bias for at, layer in enumerate(layers, start=1)})
    if labels is not None:
        net.targets = _targets(labels, len(layers[-1].weight))
    return net


def _tensors(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Return the tensors of a file as arrays; halves become float32, which holds them exactly."""
    from safetensors import SafetensorError, deserialize

    try:
        found = deserialize(read_bytes(path))  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise FileFormatError("formats.safetensors", path=str(path), reason=reason) from error
    return {name: _array(name, tensor, str(path)) for name, tensor in found}


def _array(name: str, tensor: dict[str, Any], path: str) -> Array:
    data, shape = bytes(tensor["data"]), tuple(tensor["shape"])
    if tensor["dtype"] == "BF16":  # the upper half of a float32
        array = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    elif tensor["dtype"] in FLOATS:
        array = np.frombuffer(data, FLOATS[tensor["dtype"]])
    else:
        raise FileFormatError("formats.tensor_dtype", path=path, name=name, dtype=tensor["dtype"])
    array = array.reshape(shape).astype(np.float32 if array.dtype.itemsize < 4 else array.dtype)
    if not np.isfinite(array).all():
        raise FileFormatError("formats.tensor_finite", path=path, name=name)
    return array


def _layers(tensors: dict[str, Array], path: str) -> dict[str, Linear]:
    """Return the layers by name; refuse whatever is no weight or bias of a Linear layer."""
    if not tensors:
        raise FileFormatError("formats.no_layers", path=path)
    layers: dict[str, Linear] = {}
    for name, array in tensors.items():
        layer, _, part = name.rpartition(".")
        if part not in ("weight", "bias") or array.ndim != (2 if part == "weight" else 1) or not array.size:
            raise FileFormatError("formats.not_linear", path=path, name=name, shape=array.shape)
        if part == "bias":
            weight = tensors.get(f"{layer}.weight" if layer else "weight")
            if weight is None:
                raise FileFormatError("formats.no_weight", path=path, name=name)
            if weight.ndim == 2 and len(weight) != len(array):
                raise FileFormatError(
                    "formats.bias_shape", path=path, name=name, shape=array.shape, outputs=len(weight)
                )
        else:
            bias = tensors.get(f"{layer}.bias" if layer else "bias", np.zeros(len(array), array.dtype))
            layers[layer] = Linear(layer, array, bias)
    return layers


def _in_order(layers: dict[str, Linear], order: Sequence[str] | None, path: str) -> list[Linear]:
    """Return the layers as they follow each other; refuse an order in which they do not fit."""
    names = sorted(layers, key=_natural) if order is None else list(order)
    if sorted(names) != sorted(layers):
        raise SettingError("formats.order", names=", ".join(map(repr, sorted(layers, key=_natural))))
    chosen = [layers[name] for name in names]
    for one, other in itertools.pairwise(chosen):
        if len(one.weight) != other.weight.shape[1]:
            raise FileFormatError(
                "formats.chain",
                path=path,
                first=one.name,
                outputs=len(one.weight),
                second=other.name,
                inputs=other.weight.shape[1],
            )
    return chosen


def _natural(name: str) -> list[Any]:
    """Return a key by which numbers in names count as numbers: fc2 before fc10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def _targets(labels: Iterable[Any], outputs: int) -> Targets:
    array = np.array(list(labels))
    expected = max(outputs, 2)
    if array.shape != (expected,):
        raise DataError("formats.label_count", given=len(array), outputs=outputs, expected=expected)
    if array.dtype.kind not in "iufU":
        raise DataError("formats.labels_kind", kind=array.dtype)
    values, counts = np.unique(array, return_counts=True)
    if values.size < expected:
        raise DataError("formats.label_twice", label=values[counts > 1][0].item())
    return Targets(outputs, array)
