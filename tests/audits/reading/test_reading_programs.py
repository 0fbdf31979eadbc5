"""Programs in many styles: cost and claims have the values that plain Python computes."""

from __future__ import annotations

import numpy as np
import pytest
from reading_harness import PROGRAMS, executed, true_derivatives, values

from chainrule.audits.reading import read_script

CLAIMS = {
    "accumulating_rows": ("J", "dW db"),
    "adam": ("loss", "grad_w grad_b"),
    "batch_norm": ("loss", "dout dbeta dgamma dxhat dvar dmu dx"),
    "char_rnn": ("loss", "dWxh dWhh dWhy dbh dby"),
    "closures": ("E", "dE_do dE_dnet dE_dV dE_dc dE_dx"),
    "convolution": ("loss", "dout db dw dxp dx"),
    "deep_cached": ("cost", 'grads["dW3"] grads["db3"] grads["dW2"] grads["db2"] grads["dW1"] grads["db1"]'),
    "dropout": ("cost", "dZ2 dW2 db2 dA1 dZ1 dW1 db1"),
    "forward_backward": ("cost", 'grads["dW2"] grads["db2"] grads["dW1"] grads["db1"]'),
    "hidden_layer": ("J", "dZ2 dW2 db2 dZ1 dW1 db1"),
    "layers": ("loss", "dout self.dW self.db self.dW self.db"),
    "lists": (
        "error",
        "dnets[0] dnets[1] dbiases[0] dweights[0][0] dweights[0][1] dbiases[1] dweights[1][1]",
    ),
    "logistic_loop": ("J", "dz dw1 dw2 db"),
    "logistic_vector": ("cost", "dZ dW db"),
    "lstm": ("loss", "do dnext_c df dprev_c di dg dai daf dao dag da dx dprev_h dWx dWh db"),
    "minibatches": ("loss", 'dz grads["W"] grads["b"]'),
    "model_function": ("calculate_loss", "delta3 db2 delta2 db1 dW2 dW1"),
    "nested_update": ("loss", "dh dw db dw db"),
    "polynomial": ("J", "dJ_dv dJ_du dJ_da dJ_db dJ_dc"),
    "scalars": ("L", "da dz dw1 dw2 db"),
    "svm": ("loss", "dW"),
    "two_layer_class": ("loss", 'dscores dh1 grads["W2"] grads["b2"] grads["W1"] grads["b1"]'),
    "two_layer_softmax": ("loss", "dscores db2 dhidden db dW2 dW"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_the_cost_and_all_claims_are_found(name: str) -> None:
    cost, claims = CLAIMS[name]
    found = read_script((PROGRAMS / f"{name}.txt").read_text())
    assert found.cost_name == cost
    names = [claim.name for claim in found.claims]
    for claim in claims.split():
        names.remove(claim)


@pytest.mark.parametrize("name", [name for name in CLAIMS if name not in ("minibatches", "model_function")])
def test_values_are_those_of_plain_python(name: str) -> None:
    source = (PROGRAMS / f"{name}.txt").read_text()
    found, plain = read_script(source), executed(source)
    nodes = [found.cost, *[claim.node for claim in found.claims]]
    seen = dict(
        zip([found.cost_name, *[claim.name for claim in found.claims]], values(found, nodes), strict=True)
    )
    known = [name for name in seen if name in plain]
    for variable in known:
        np.testing.assert_allclose(seen[variable], plain[variable], rtol=1e-12, atol=1e-14)
    grads = plain.get("grads", {})
    if isinstance(grads, dict):
        for key, value in grads.items():
            for variable in (f'grads["{key}"]',):
                if variable in seen:
                    np.testing.assert_allclose(seen[variable], value, rtol=1e-10, atol=1e-14)
    assert known or grads or name in ("nested_update", "svm", "layers", "deep_cached")


@pytest.mark.parametrize("name", [name for name in CLAIMS if name != "model_function"])
def test_claims_of_parameters_are_the_true_derivatives(name: str) -> None:
    found = read_script((PROGRAMS / f"{name}.txt").read_text())
    claimed = values(found, [claim.node for claim in found.claims])
    for claim, value, true in zip(found.claims, claimed, true_derivatives(found), strict=True):
        value, true = np.ravel(value), np.ravel(true)
        factor = 1.0 if claim.final else (value @ true) / (true @ true)
        np.testing.assert_allclose(value, factor * true, rtol=1e-9, atol=1e-12, err_msg=claim.name)


def test_a_class_without_cost_is_read_with_call_and_cost() -> None:
    found = read_script(
        (PROGRAMS / "network_class.txt").read_text(),
        call="np.random.seed(1)\nnet = Network([3, 4, 2])\nx = np.random.randn(3, 1)\n"
        "y = np.array([[1.0], [0.0]])\nnet.backprop(x, y)",
        cost="0.5 * np.sum((self.feedforward(x) - y) ** 2)",
    )
    names = [claim.name for claim in found.claims]
    assert names == ["delta", "nabla_b[-1]", "nabla_w[-1]", "delta", "nabla_b[-2]", "nabla_w[-2]"]
    claimed = values(found, [claim.node for claim in found.claims])
    for value, true in zip(claimed, true_derivatives(found), strict=True):
        np.testing.assert_allclose(value, true, rtol=1e-10)


def test_a_claim_has_every_line_that_changes_it() -> None:
    found = read_script((PROGRAMS / "two_layer_softmax.txt").read_text())
    lines = {claim.name: claim.lines for claim in found.claims}
    assert lines["dscores"] == (25, 26, 27)
    assert lines["dW"] == (32, 35)
    assert lines["dhidden"] == (30, 31)
