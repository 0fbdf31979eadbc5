"""A network as it lies in a model file: settings as plain data, parameters and input scaling as arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.datasets import Scaling
from chainrule.errors import ChainruleError, ModelFileError, SettingError
from chainrule.models import read_model, write_model
from chainrule.nn.architecture import Architecture, read_settings
from chainrule.nn.costs import CostFunction
from chainrule.training.targets import Targets

Array = np.ndarray[Any, Any]
OFFSET, SCALE = "scaling.offset", "scaling.scale"


@dataclass(frozen=True)
class Saved:
    """All that makes a network: what `write` writes and `read` returns."""

    architecture: Architecture
    parameters: Mapping[str, Array]
    targets: Targets | None
    scaling: Scaling | None
    information: Mapping[str, Any]


def write(path: str | os.PathLike[str], saved: Saved) -> None:
    """Write a network to a safetensors file, wholly or not at all."""
    targets = saved.targets
    labels = None if targets is None else targets.labels
    plain = {
        **saved.architecture.plain(),
        "task": None if targets is None else ("regression" if labels is None else "labels"),
        "labels": None if labels is None else labels.tolist(),
        "information": dict(saved.information),
    }
    tensors = {name: np.array(value) for name, value in saved.parameters.items()}
    if saved.scaling is not None:
        tensors[OFFSET] = np.asarray(saved.scaling.offset, "float64")
        tensors[SCALE] = np.asarray(saved.scaling.scale, "float64")
    write_model(path, plain, tensors)


def read(path: str | os.PathLike[str], cost: CostFunction | None = None) -> Saved:
    """Return the network of a model file; names in it are looked up in fixed tables, nothing is imported.

    Raises
    ------
    FileError
        If the file is missing; `ModelFileError` if it is damaged or does not describe a network.
    """
    file = read_model(path)
    tensors = dict(file.tensors)
    offset, scale = tensors.pop(OFFSET, None), tensors.pop(SCALE, None)
    plain = file.architecture
    try:
        architecture = read_settings(
            plain["sizes"],
            plain["activation"],
            plain["cost"] or cost or _missing_cost,
            _name(plain, "output"),
            _name(plain, "initialiser"),
            plain["dtype"],
        )
        _check_tensors(architecture, tensors)
        return Saved(
            architecture,
            tensors,
            _targets(plain["task"], plain["labels"], architecture.sizes[-1]),
            _scaling(offset, scale, architecture.sizes[0]),
            dict(plain["information"]),
        )
    except (KeyError, TypeError, ValueError, ChainruleError) as error:
        raise ModelFileError("model.damaged", path=path, reason=" ".join(str(error).split())) from error


def _name(plain: Mapping[str, Any], key: str) -> str:
    value = plain[key]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} {value!r}"[:200])
    return value


def _missing_cost(*_: Any) -> Any:
    raise SettingError("setting.cost_function")


def _check_tensors(architecture: Architecture, tensors: Mapping[str, Array]) -> None:
    shapes = {name: array.shape for name, array in tensors.items()}
    if shapes != architecture.parameter_shapes or list(shapes) != list(architecture.parameter_shapes):
        raise ValueError(f"parameters {shapes}")
    if any(array.dtype != architecture.dtype for array in tensors.values()):
        raise ValueError(f"dtype is not {architecture.dtype}")
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")


def _targets(task: Any, labels: Any, outputs: int) -> Targets | None:
    if task is None:
        return None
    if task == "regression":
        return Targets(outputs)
    array = np.array(labels)
    distinct = array.shape == (max(outputs, 2),) and np.unique(array).size == array.size
    if task != "labels" or array.dtype.kind not in "iufU" or not distinct:
        raise ValueError(f"labels {labels!r}"[:200])
    return Targets(outputs, array)


def _scaling(offset: Array | None, scale: Array | None, features: int) -> Scaling | None:
    if offset is None and scale is None:
        return None
    if offset is None or scale is None:
        raise ValueError("scaling")
    fits = all(part.shape in ((), (features,)) and np.isfinite(part).all() for part in (offset, scale))
    if not fits or not np.all(scale):
        raise ValueError("scaling")
    return Scaling(offset[()], scale[()])
