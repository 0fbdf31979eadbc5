"""The mathematics of compiled code, against mpmath and NumPy's special values."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from chainrule.compiler.build import build

DTYPES = ("float32", "float64")
CURVES = ("exp", "expm1", "sigmoid", "tanh", "log", "log1p")
EXACT = ("sqrt", "absolute", "floor", "ceil", "trunc", "rint")
TRUE = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
}


def numpy_sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


NUMPY = {
    "sigmoid": numpy_sigmoid,
    **{name: getattr(np, name) for name in (*CURVES, *EXACT) if name != "sigmoid"},
}


@pytest.fixture(scope="module", params=DTYPES)
def run(request):
    """Return run(name, x): the function of that name at every entry of x, in a vectorised loop."""
    names = (*CURVES, *EXACT)
    lines = [
        f"from numpy import {request.param}",
        f"from chainrule.compiler.runtime import array, length, {', '.join(names)}",
        "def step(memory, first, last):",
        f"    x = array(memory, 0, 0, {request.param})",
        f"    y = array(memory, 1, 0, {request.param})",
    ]
    for number, name in enumerate(names):
        lines += [
            f"    if first == {number}:",
            "        for i in range(length(last)):",
            f"            y[i] = {name}(x[i])",
        ]
    function = build("\n".join([*lines, "    return last", ""]), "step", "<maths>").load()

    def call(name, x):
        x = np.ascontiguousarray(x, request.param)
        y = np.full_like(x, 77)
        table = np.array([x.ctypes.data, y.ctypes.data])
        assert function(table.ctypes.data, names.index(name), x.size) == x.size
        return y

    call.dtype = np.dtype(request.param)
    return call


def samples(name, dtype):
    """Return arguments all over the function's domain: of every magnitude, more of them around 0 and 1."""
    r = np.random.default_rng(3)
    about = np.finfo(dtype)
    limit = float(np.log(about.max))
    low = float(np.log(about.smallest_subnormal))
    log_uniform = np.exp(r.uniform(low, limit, 500))
    if name == "log":
        x = [log_uniform, r.uniform(0.5, 2, 500), r.uniform(0.95, 1.05, 300)]
    elif name == "log1p":
        small = np.exp(r.uniform(low, 0, 300))
        x = [log_uniform, -small[small < 0.99999], r.uniform(-0.9, 2, 500)]
    else:
        signed = np.exp(r.uniform(low, 1, 400)) * r.choice([-1, 1], 400)
        x = [r.uniform(low, limit, 500), r.uniform(-1.5, 1.5, 500), signed, r.uniform(-20, 20, 300)]
    return np.concatenate(x).astype(dtype)


def units(dtype, got, true):
    """Return how many units in the last place of ``true`` lie between it and ``got``."""
    about = np.finfo(dtype)
    size = abs(true)
    exponent = int(mpmath.floor(mpmath.log(size, 2))) if size else about.minexp
    unit = mpmath.mpf(2) ** (max(exponent, about.minexp) - about.nmant)
    return float(abs(mpmath.mpf(float(got)) - true) / unit)


@pytest.mark.parametrize("name", CURVES)
def test_the_error_is_at_most_two_units_in_the_last_place(run, name):
    x = samples(name, run.dtype)
    y = run(name, x)
    with mpmath.workprec(120):
        worst = max(
            units(run.dtype, got, TRUE[name](mpmath.mpf(float(point))))
            for point, got in zip(x, y, strict=True)
            if np.isfinite(got)
        )
    with np.errstate(all="ignore"):
        assert_array_equal(np.isfinite(y), np.isfinite(NUMPY[name](x)))
    assert worst <= 2


def special_values(dtype):
    about = np.finfo(dtype)
    border = [
        0.34657,
        0.625,
        88.72283,
        88.7229,
        709.78271,
        709.7828,
        -87.3,
        -103.9,
        -103.98,
        -708.4,
        -745.1,
        -745.2,
    ]
    values = [
        0.0,
        1,
        np.inf,
        about.tiny,
        about.smallest_subnormal,
        about.max,
        1e-30,
        0.34657,
        0.625,
        20,
        2.5,
        0.5,
    ]
    return np.array([*values, *(-v for v in values), np.nan, -0.9999999, 3.5, -1.5, *border], dtype)


@pytest.mark.parametrize("name", [*CURVES, *EXACT])
def test_zeros_infinities_nan_and_the_ends_of_the_range_are_as_in_numpy(run, name):
    x = special_values(run.dtype)
    with np.errstate(all="ignore"):
        expected = NUMPY[name](x)
        close = np.abs(run(name, x) - expected) <= 4 * np.spacing(np.abs(expected))
    got = run(name, x)
    special = ~np.isfinite(expected) | (expected == 0)
    assert_array_equal(got[special], expected[special])
    assert close[~special].all()
    assert_array_equal(np.signbit(got)[~np.isnan(expected)], np.signbit(expected)[~np.isnan(expected)])


@pytest.mark.parametrize("name", EXACT)
def test_functions_that_the_machine_has_are_exact(run, name):
    x = np.random.default_rng(1).normal(0, 30, 999).astype(run.dtype)
    with np.errstate(invalid="ignore"):
        assert_array_equal(run(name, x), NUMPY[name](x))


@pytest.mark.parametrize("name", CURVES)
def test_the_rest_of_a_loop_gives_the_same_bits_as_its_vectors(run, name):
    x = np.abs(samples(name, run.dtype))[:67]
    one_by_one = [run(name, x[i : i + 1])[0] for i in range(x.size)]
    assert_array_equal(run(name, x), one_by_one)
