"""The ONNX file: ONNX's full check, and onnxruntime's outputs, labels and names."""

import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from written_networks import (
    Drawn,
    assert_same,
    elementwise_cases,
    elementwise_network,
    moves,
    networks,
    own_error,
    raw_inputs,
    sure,
)

import chainrule as cr
from chainrule.formats import to_onnx
from chainrule.formats.onnx_words import ONNX
from chainrule.training.targets import Targets

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
DIGITS = {"float32": 5, "float64": 6}  # in float64 erf and a few more are computed in float32


def session(net, folder):
    path = folder / "net.onnx"
    to_onnx(net, path)
    onnx.checker.check_model(str(path), full_check=True)
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(net=networks())
def test_any_network_gives_the_same_outputs_and_labels(net, tmp_path):
    run = session(net, tmp_path)
    for count in (7, 1):
        x = raw_inputs(net, count)
        own = own_error(net, x) + (1e-6 if "gelu" in repr(net) else 0)
        found = dict(zip([output.name for output in run.get_outputs()], run.run(None, {"x": x}), strict=True))
        assert_same(found["outputs"], net(x), DIGITS[net.architecture.dtype], own)
        if "label" in found:
            rows = sure(net(x), own)
            np.testing.assert_array_equal(found["label"][rows], net.predict(x)[rows])
        else:
            assert net.predict(x).dtype.kind == "f"


def test_ten_thousand_rows_of_digits(digits, tmp_path):
    net = cr.Network([64, 30, 10], activation="relu", seed=2)
    net.scaling = digits.scaling
    net.fit(digits.x, digits.y, epochs=3)
    random = np.random.default_rng(4)
    x = digits.x[random.integers(len(digits.x), size=10_000)].astype(np.float32)
    x = np.clip(x + random.normal(size=x.shape), 0, 16).astype(np.float32)
    outputs, label = session(net, tmp_path).run(None, {"x": x})
    expected = net(x)
    assert np.max(np.abs(outputs - expected)) <= 1e-5
    np.testing.assert_array_equal(outputs.argmax(axis=1), expected.argmax(axis=1))
    np.testing.assert_array_equal(label, net.predict(x))


def test_all_names_are_identifiers_and_the_rows_are_symbolic(tmp_path):
    net = cr.Network([4, 3, 2], activation="gelu")
    net.targets = Targets(2, np.array(["no", "yes"]))
    net.information |= {"feature_names": ["width (cm)", "b", "c", "d"], "class_names": ["nein", "ja"]}
    to_onnx(net, tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    graph = model.graph
    names = [node.name for node in graph.node]
    assert len(set(names)) == len(names)
    values = [
        value.name
        for part in (graph.input, graph.output, graph.initializer, graph.value_info)
        for value in part
    ]
    assert all(re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) for name in [*names, *values])
    assert {"x", "W1", "b1", "W2", "b2", "z1", "a1", "outputs", "label"} <= set(values)
    lengths = {
        value.name: [length.dim_param or length.dim_value for length in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    assert lengths["x"] == ["rows", 4]
    assert lengths["a1"] == ["rows", 3]
    assert (lengths["outputs"], lengths["label"]) == (["rows", 2], ["rows"])
    assert graph.doc_string == "a1 = gelu(x @ W1 + b1)\na2 = softmax(a1 @ W2 + b2)"
    assert {node.doc_string for node in graph.node} == {"layer 1", "layer 2", ""}
    facts = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert facts == {
        "labels": ["no", "yes"],
        "class_names": ["nein", "ja"],
        "feature_names": ["width (cm)", "b", "c", "d"],
    }


def test_a_large_offset_costs_no_digits(tmp_path):
    net = cr.Network([1, 1], cost="mse")
    net.set_parameters(W1=[[1.0]], b1=[0.0])
    net.scaling = cr.datasets.scaling.Scaling(np.array([16_777_000.0]), np.array([0.001]))
    x = np.array([[16_777_003.0]], np.float32)
    assert session(net, tmp_path).run(["outputs"], {"x": x})[0].item() == 3000.0


def test_equal_networks_make_equal_files(tmp_path):
    for name in ("a.onnx", "b.onnx"):
        to_onnx(cr.Network([3, 4, 2], seed=9), tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


@pytest.mark.parametrize(("name", "operands"), [*elementwise_cases(ONNX.knows)])
def test_each_operation(name, operands, dtype, tmp_path):
    net, x = elementwise_network(name, operands, dtype)
    assert_same(session(net, tmp_path).run(["outputs"], {"x": x})[0], net.expected(x), DIGITS[dtype])


def test_layers_to_come(drawn, tmp_path):
    x = raw_inputs(drawn)
    found = session(drawn, tmp_path).run(["outputs"], {"x": x})[0]
    assert_same(found, drawn.expected(x), DIGITS[drawn.architecture.dtype])


def test_moves_and_sums(dtype, tmp_path):
    net = Drawn(moves, 6, 0.0, dtype)
    x = raw_inputs(net)
    assert_same(session(net, tmp_path).run(["outputs"], {"x": x})[0], net.expected(x), DIGITS[dtype])
