"""The JSON form of explanations against docs/explain.schema.json, by a small validator of our own."""

import json
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "explain.schema.json").read_text(encoding="utf-8"))
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}


def faults(value, schema, place="$"):
    """Return what in a value does not fit a schema: the few keywords that ours uses."""
    if "$ref" in schema:
        return faults(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], place)
    if "oneOf" in schema:
        fitting = [part for part in schema["oneOf"] if not faults(value, part, place)]
        return [] if len(fitting) == 1 else [f"{place}: fits {len(fitting)} of {len(schema['oneOf'])}"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{place}: {value!r}"]
    expected = TYPES[schema["type"]]
    if not isinstance(value, expected) or (isinstance(value, bool) and schema["type"] != "boolean"):
        return [f"{place}: {type(value).__name__}, not {schema['type']}"]
    if isinstance(value, list):
        parts = [faults(entry, schema["items"], f"{place}[{number}]") for number, entry in enumerate(value)]
        return [fault for part in parts for fault in part]
    return faults_of_object(value, schema, place) if isinstance(value, dict) else []


def faults_of_object(value, schema, place):
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    found = [f"{place}: no {name}" for name in schema.get("required", ()) if name not in value]
    for name, entry in value.items():
        if name in known:
            found += faults(entry, known[name], f"{place}.{name}")
        elif others is False:
            found.append(f"{place}: {name} is not in the schema")
        elif isinstance(others, dict):
            found += faults(entry, others, f"{place}.{name}")
    return found


def explained(formula, **values):
    return cr.explain(formula, **values)


NET = cr.Network([3, 2, 2], seed=1)
CASES = {
    "formula": lambda: explained("3*(a + b*c)", a=7, b=4, c=2).to_json(paths=["b"], nudges={"a": 0.001}),
    "twice": lambda: explained("x*x - x", x=2).to_json(paths=["x"], indent=2),
    "dead": lambda: explained("relu(x - 3)*y", x=2, y=1).to_json(nudges={"x": 0.5}),
    "undefined": lambda: explained("1/x", x=0).to_json(),
    "function": lambda: cr.explain(
        lambda W, x: np.sum(np.max(W @ x)), np.eye(2), np.array([1.0, 3.0])
    ).to_json(paths=["W", "x[0]"]),
    "network": lambda: NET.explain(np.ones((4, 3)), [0, 1, 1, 0]).to_json(),
    "entry": lambda: NET.explain(np.ones((4, 3)), [0, 1, 1, 0], parameter="W1[2, 1]").to_json(),
    "update": lambda: NET.explain_update(np.ones(3), 1, "b1[0]", optimizer="adam").to_json(),
}


@pytest.mark.parametrize("case", CASES)
def test_json_fits_the_schema(case):
    assert faults(json.loads(CASES[case]()), SCHEMA) == []


def test_the_validator_finds_faults():
    document = json.loads(CASES["formula"]())
    fitting = SCHEMA["$defs"]["explanation"]
    assert faults({**document, "version": 2}, fitting) == ["$.version: 2"]
    assert faults({**document, "more": 1}, fitting) == ["$: more is not in the schema"]
    assert faults({key: value for key, value in document.items() if key != "paths"}, fitting) == [
        "$: no paths"
    ]
    document["forward"][0]["shape"] = "()"
    assert faults(document, fitting) == ["$.forward[0].shape: str, not array"]


def test_the_numbers_are_those_of_the_explanation():
    e = cr.explain("3*(a + b*c)", a=7, b=4, c=2)
    found = json.loads(e.to_json(paths=["c"], nudges={"b": 0.5}))
    assert (found["version"], found["value"], found["gradient"]) == (1, 45, {"a": 3, "b": 6, "c": 12})
    assert found["paths"][0]["total"] == 12
    assert found["nudges"][0]["change"] == 3
    assert found["backward"][-1]["uses"][0]["rule"] == {"key": "product", "operation": "multiply"}
