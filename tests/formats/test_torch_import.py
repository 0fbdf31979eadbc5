"""Stacks of torch's Linear layers from safetensors files, and what is refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

import chainrule as cr
from chainrule.formats import from_torch_safetensors
from chainrule.nn.activations import ACTIVATIONS


def stack(sizes, names, dtype="float32", seed=0):
    """Return a state as torch has it: weights (outputs, inputs) and biases by name."""
    random = np.random.default_rng(seed)
    pairs = zip(names, sizes[:-1], sizes[1:], strict=True)
    parts = [(name, random.normal(size=(n, m)), random.normal(size=n)) for name, m, n in pairs]
    state = {f"{name}.weight": weight.astype(dtype) for name, weight, _ in parts}
    return state | {f"{name}.bias": bias.astype(dtype) for name, _, bias in parts}


def saved(folder, state):
    save_file(state, folder / "net.safetensors")
    return folder / "net.safetensors"


NAMES = {
    "a Sequential": ["0", "2", "10"],
    "a ModuleList": ["layers.0", "layers.1", "layers.2"],
    "attributes": ["fc1", "fc2", "fc10"],
    "a nested model": ["model.net.9.linear", "model.net.10.linear", "model.net.11.linear"],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_layers_follow_each_other_by_the_numbers_in_their_names(names, dtype, tmp_path):
    state = stack([4, 3, 3, 3], names, dtype)
    net = from_torch_safetensors(saved(tmp_path, state), activation="relu")
    x = np.random.default_rng(1).normal(size=(6, 4)).astype(dtype)
    h = x
    for name in names:
        z = h @ state[f"{name}.weight"].T + state[f"{name}.bias"]
        h = np.maximum(z, 0)
    assert net.architecture.dtype == dtype
    np.testing.assert_allclose(net(x), z, rtol=1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_any_activation_and_probabilities(activation, tmp_path):
    state = stack([3, 4, 2], ["a1", "a2"], "float64")
    path = saved(tmp_path, state)
    net = from_torch_safetensors(path, activation=activation, output="softmax", labels=["no", "yes"])
    x = np.random.default_rng(1).normal(size=(5, 3))
    function = getattr(cr, activation, {"tanh": np.tanh, "identity": lambda z: z}.get(activation))
    logits = function(x @ state["a1.weight"].T + state["a1.bias"]) @ state["a2.weight"].T + state["a2.bias"]
    np.testing.assert_allclose(net(x), np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), rtol=1e-12)
    assert net.predict(x).tolist() == np.where(logits[:, 1] > logits[:, 0], "yes", "no").tolist()
    assert net.architecture.cost == "cross_entropy"


def test_halves_no_biases_and_an_order_of_ones_own(tmp_path):
    state = stack([2, 3, 4, 1], ["in", "mid", "end"], "float16")
    state = {name: value for name, value in state.items() if "weight" in name}
    path = saved(tmp_path, state)
    with pytest.raises(cr.ChainruleError, match="end has 1 outputs, but in takes 2 inputs"):
        from_torch_safetensors(path, activation="tanh")
    with pytest.raises(cr.ChainruleError, match=r"once: 'end', 'in', 'mid'"):
        from_torch_safetensors(path, activation="tanh", order=["in", "end"])
    net = from_torch_safetensors(path, activation="tanh", order=["in", "mid", "end"])
    W = [state[f"{name}.weight"].astype("float32").T for name in ("in", "mid", "end")]
    x = np.array([[0.5, -1.0]], "float32")
    np.testing.assert_allclose(net(x), np.tanh(np.tanh(x @ W[0]) @ W[1]) @ W[2], rtol=1e-5)


def raw_file(path, dtype, shape, data, name="0.weight"):
    header = json.dumps({name: {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    numbers = np.array([[1.0, -2.5], [0.0078125, 3e38]], "<f4")
    halves = (numbers.view("<u4") >> 16).astype("<u2")
    path = raw_file(tmp_path / "net.safetensors", "BF16", [2, 2], halves.tobytes())
    net = from_torch_safetensors(path, activation="relu")
    np.testing.assert_allclose(net.parameters["W1"].T, numbers, rtol=2**-7)
    assert net.parameters["W1"][0, 0] == 1.0


REFUSED = {
    "a convolution": ({"0.weight": np.ones((2, 3, 3, 3))}, "0.weight.*is not the weight or bias"),
    "a normalisation": (
        stack([2, 2], ["0"]) | {"1.weight": np.ones(2), "1.bias": np.ones(2)},
        r"1.weight \(shape \(2,\)\) is not",
    ),
    "running statistics": (stack([2, 2], ["0"]) | {"1.running_mean": np.ones(2)}, "1.running_mean"),
    "a lonely bias": ({"0.bias": np.ones(2)}, "0.bias has no weight"),
    "a wrong bias": ({"0.weight": np.ones((2, 3)), "0.bias": np.ones(3)}, "has 2 outputs"),
    "no chain": (stack([4, 3], ["0"]) | stack([4, 2], ["1"]), "0 has 3 outputs, but 1 takes 4 inputs"),
    "whole numbers": ({"0.weight": np.ones((2, 2), int)}, "0.weight is of type I64"),
    "NaN": ({"0.weight": np.full((2, 2), np.nan)}, "0.weight holds NaN"),
    "nothing": ({}, "holds no tensors"),
    "no inputs": ({"0.weight": np.ones((2, 0))}, "0.weight"),
}


@pytest.mark.parametrize(("state", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_stack_is_refused(state, message, tmp_path):
    with pytest.raises(cr.ChainruleError, match=message) as caught:
        from_torch_safetensors(saved(tmp_path, state), activation="relu")
    assert isinstance(caught.value, OSError)
    assert "net.safetensors" in str(caught.value)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(cr.ChainruleError, match="no such file"):
        from_torch_safetensors(path, activation="relu")
    for content in (b"", b"PK\x03\x04 a pickle of torch", b"\x80\x02}q\x00.", b"\xff" * 40):
        path.write_bytes(content)
        with pytest.raises(cr.ChainruleError, match="not a safetensors file"):
            from_torch_safetensors(path, activation="relu")
    whole = saved(tmp_path, stack([2, 2], ["0"])).read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(cr.ChainruleError, match="not a safetensors file"):
        from_torch_safetensors(path, activation="relu")


def test_settings_that_do_not_fit_are_refused(tmp_path):
    path = saved(tmp_path, stack([2, 3, 2], ["0", "1"]))
    with pytest.raises(cr.ChainruleError, match="Did you mean 'relu'"):
        from_torch_safetensors(path, activation="rellu")
    with pytest.raises(cr.ChainruleError, match="3 labels for 2 outputs"):
        from_torch_safetensors(path, activation="relu", labels=[1, 2, 3])
    with pytest.raises(cr.ChainruleError, match="'a' is given twice"):
        from_torch_safetensors(path, activation="relu", labels=["a", "a"])
