"""What the steps of a function are called: as the user's variables that held them, whatever made them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import chainrule as cr


def logistic(t):
    grown = np.exp(-t)
    return 1 / (1 + grown)


def with_helper(w, x):
    h = logistic(w * x)
    return h**2


def unpacked(w, x):
    first, second = logistic(w), x * w
    (third, _), fourth = (first * second, 0), first + second
    return third * fourth


def in_rounds(w, x):
    h = x
    for _ in range(3):
        h = logistic(w * h)
    return h


def in_containers(x, weights):
    activations, cache = [x], {}
    for weight in weights:
        activations.append(logistic(weight * activations[-1]))
    cache["A"] = activations[-1] ** 2
    return cache["A"] * 3


def renamed(x):
    x = logistic(x)
    y = x
    mean = np.mean(y * y)
    return mean + 0 * x


def parameters_of_helpers(w, x):
    def scaled(x, by):
        by = by * 2
        return x * by

    return scaled(w * x, w + x)


def differentiated(x):
    slope = cr.grad(lambda t: t**3)(x)
    return slope * x


def named(e, *lasting):
    return {step.name: step.value for step in e.forward if step.name in lasting}


def test_results_of_helpers_have_the_names_that_the_caller_gives_them():
    e = cr.explain(with_helper, 2.0, 0.3)
    h = 1 / (1 + np.exp(-0.6))
    assert named(e, "h", "grown") == pytest.approx({"h": h, "grown": np.exp(-0.6)})
    assert e.expand("w").terms
    assert e.paths("h").total == pytest.approx(2 * h)


def test_several_variables_at_once():
    first, second = 1 / (1 + np.exp(-2.0)), 0.6
    e = cr.explain(unpacked, 2.0, 0.3)
    assert named(e, "first", "second", "third", "fourth") == pytest.approx(
        {"first": first, "second": second, "third": first * second, "fourth": first + second}
    )


def test_a_variable_of_a_loop_is_numbered():
    values, h = [], 0.3
    for _ in range(3):
        h = 1 / (1 + np.exp(-2.0 * h))
        values.append(h)
    e = cr.explain(in_rounds, 2.0, 0.3)
    assert e.output == "h_3"
    assert named(e, "h", "h_2", "h_3") == pytest.approx(dict(zip(("h", "h_2", "h_3"), values, strict=True)))


def test_lists_and_dicts():
    e = cr.explain(in_containers, 0.3, [1.0, 2.0])
    first = 1 / (1 + np.exp(-0.3))
    second = 1 / (1 + np.exp(-2 * first))
    assert named(e, "activations_1", "activations_2", "A") == pytest.approx(
        {"activations_1": first, "activations_2": second, "A": second**2}
    )


def test_reassigned_arguments_are_numbered_and_names_of_functions_are_kept():
    e = cr.explain(renamed, 0.0)
    assert named(e, "x_2", "mean") == {"x_2": 0.5, "mean": 0.25}
    assert e.output == "J"


def test_arguments_of_helpers_name_nothing_that_the_helper_did_not_make():
    e = cr.explain(parameters_of_helpers, 2.0, 3.0)
    assert named(e, "by", "x_2", "w_2") == {"by": 10.0}
    assert e.value == 60.0


def test_a_derivative_inside_has_the_name_of_the_variable():
    assert named(cr.explain(differentiated, 2.0), "slope") == {"slope": 12.0}


def test_a_profiler_that_runs_already_goes_on():
    def profiler(*_):
        return None

    sys.setprofile(profiler)
    try:
        e = cr.explain(with_helper, 2.0, 0.3)
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert "h" in named(e, "h")


def test_nothing_watches_afterwards_even_where_the_function_fails():
    def fails(x):
        y = x * 2
        raise KeyError(y)

    with pytest.raises(KeyError):
        cr.explain(fails, 1.0)
    assert sys.getprofile() is None
