"""The JSON form of explanations: all fields by their names, arrays as lists; described in docs/explain.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

VERSION = 1


def to_json(value: Any, indent: int | None = None) -> str:
    """Return plain data or records as JSON text; NaN and infinities are strings."""
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def document(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    """Return a record as the plain data of a whole document: with the version of its form, and its kind."""
    return {"version": VERSION, "kind": kind, **plain(value), **plain(more)}


def plain(value: Any) -> Any:
    """Return records, arrays and numbers as plain data; fields that are not for comparing are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        shown = {field.name: plain(getattr(value, field.name)) for field in fields(value) if field.compare}
        return {**shown, **_derived(value)}
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _derived(value: Any) -> dict[str, Any]:
    """Return the properties that a record's JSON form has beside its fields: its ``also``."""
    return {name: plain(getattr(value, name)) for name in getattr(value, "also", ())}
