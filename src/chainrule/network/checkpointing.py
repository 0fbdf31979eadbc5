"""The folder of a fit's checkpoint: one file, written wholly or not at all, read for the same fit only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import FileError, ModelFileError, SettingError
from chainrule.files import ensure_writable
from chainrule.models import read_model, write_model
from chainrule.nn.architecture import Architecture
from chainrule.training.checkpoints import Standing
from chainrule.training.examples import Examples
from chainrule.training.optimizers import Lbfgs, Optimizer
from chainrule.training.schedules import Schedule

Array = np.ndarray[Any, Any]
KIND = "chainrule-checkpoint"
NAME, EARLIER = "checkpoint.safetensors", "earlier.safetensors"
SAMPLE = 1024  # rows by which data is known again


@dataclass(frozen=True)
class Found:
    """What a checkpoint holds: how far the fit is, and which of its parts ran as machine code."""

    standing: Standing
    compiled: dict[str, bool]


class CheckpointFolder:
    """A fit's folder.

    Parameters
    ----------
    folder
        Made if there is none.
    settings
        All settings of the fit as plain data; it is resumed with the same ones only.

    Raises
    ------
    FileError
        If the folder cannot be made.
    """

    def __init__(self, folder: Any, settings: dict[str, Any]) -> None:
        self._folder = Path(folder)
        self._settings: dict[str, Any] = json.loads(json.dumps(settings, default=_scalar))
        self._path = self._folder / NAME
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for left in self._folder.glob(f".{NAME}.*.tmp"):  # by a process that was killed while it wrote
                left.unlink(missing_ok=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise FileError("checkpoint.folder", path=str(self._folder), reason=reason) from error
        ensure_writable(self._path)

    def begin(self) -> None:
        """Put the checkpoint of an earlier fit aside: a forgotten ``resume`` is not to destroy it."""
        try:
            if self._path.exists():
                self._path.replace(self._folder / EARLIER)
        except OSError as error:
            reason = error.strerror or error
            raise FileError("file.unwritable", path=str(self._path), reason=reason) from error

    def write(self, standing: Standing, compiled: dict[str, bool]) -> None:
        """Write the checkpoint; if that fails, the one before is untouched."""
        plain, arrays = standing.packed()
        document = {"settings": self._settings, "standing": plain, "compiled": compiled}
        write_model(self._path, document, arrays, kind=KIND)

    def read(self, like: Sequence[Array]) -> Found | None:
        """Return what the checkpoint holds, its values being such as ``like``; None if there is none yet.

        Raises
        ------
        SettingError
            If it is that of another fit; says in which setting they differ.
        FileError
            If it cannot be read; `ModelFileError` if it is damaged.
        """
        if not self._path.exists():
            return None
        file = read_model(self._path, kind=KIND)
        try:
            self._check(file.architecture["settings"])
            standing = Standing.unpacked(file.architecture["standing"], file.tensors)
            _check_values(standing.values, like)
            _check_values(standing.best.parameters or like, like)
            compiled = file.architecture["compiled"]
            return Found(standing, {part: bool(compiled[part]) for part in ("epochs", "judging")})
        except SettingError:
            raise
        except (LookupError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ModelFileError("model.damaged", path=str(self._path), reason=reason) from error

    def _check(self, settings: dict[str, Any]) -> None:
        for name in dict.fromkeys([*self._settings, *settings]):
            there, here = settings.get(name), self._settings.get(name)
            if there != here:
                raise SettingError(
                    "checkpoint.other",
                    path=str(self._path),
                    name=name,
                    there=_shown(there),
                    here=_shown(here),
                )


def _check_values(values: Sequence[Array], like: Sequence[Array]) -> None:
    kinds = [[(array.shape, str(array.dtype)) for array in arrays] for arrays in (values, like)]
    if kinds[0] != kinds[1]:
        raise ValueError("shapes")


def _scalar(value: Any) -> Any:
    """Return a number of NumPy's, as settings may hold one, as Python's."""
    return value.item() if isinstance(value, np.generic) else str(value)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def settings_of(architecture: Architecture, **settings: Any) -> dict[str, Any]:
    """Return an architecture and the settings of a fit as plain data."""
    return {**architecture.plain(), **{name: _plain(value) for name, value in settings.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, Optimizer | Schedule):
        own = value.recipe is None if isinstance(value, Optimizer) else value.settings is None
        return value.name if own else value.plain()
    if isinstance(value, Lbfgs):
        return value.plain()
    if isinstance(value, Examples):
        return _known_by(value)
    if isinstance(value, np.random.SeedSequence):
        return [str(value.entropy), list(value.spawn_key)]
    return value


def _known_by(examples: Examples) -> dict[str, Any]:
    """Return by what data is known again: how much there is of it, and a checksum of some rows."""
    count = len(examples)
    rows = np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype("int64"))
    digest = hashlib.sha256()
    for part in examples.gather(rows):
        digest.update(f"{part.dtype}{part.shape}".encode())
        digest.update(part.tobytes())
    return {"rows": count, "checksum": digest.hexdigest()[:16]}
