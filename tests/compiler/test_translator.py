"""What emitted source means, against Python and NumPy computing the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.compiler.build import build
from chainrule.errors import CompileError

HEAD = """
from math import hypot
from numpy import bool_, float32, float64, int8, int64, uint8, uint64
from chainrule.compiler.runtime import array, load, spread, store, where
def step(memory, first, last):
"""


def compiled(body, head=HEAD):
    """Return the function of (first, last) whose body this is; it returns a whole number."""
    lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    function = build(head + lines, "step", "<body>").load()
    return lambda first=0, last=0, memory=0: function(memory, first, last)


WHOLE = compiled(
    """
if last == 0:
    return first
value = -(first + 3) * last - first // last + first % last
value = (value & 1023) | (~first & 7) ^ (last & 5)
return min(value, 5000) + max(first, last) + abs(last)
"""
)


@given(st.integers(-(10**6), 10**6), st.integers(-1000, 1000).filter(bool))
def test_whole_numbers_are_pythons(a, b):
    value = -(a + 3) * b - a // b + a % b
    value = (value & 1023) | (~a & 7) ^ (b & 5)
    assert WHOLE(a, b) == min(value, 5000) + max(a, b) + abs(b)


def test_whole_numbers_wrap_around_and_division_by_zero_is_0():
    wrap = compiled("return int64(int8(first)) + int64(uint8(first)) * 1000")
    assert wrap(200, 0) == -56 + 200 * 1000
    assert compiled("return first // last")(5, 0) == 0
    assert compiled("return first % last")(5, 0) == 0
    lowest = -(2**63)
    assert compiled("return first // last")(lowest, -1) == lowest
    assert compiled("return first % last")(lowest, -1) == 0


def test_unsigned_numbers_are_compared_by_value():
    less = compiled("big = uint64(first)\nreturn where(last < big, 1, 0) + where(big > last, 2, 0)")
    assert less(-1, 5) == 3  # the largest number of 64 bits
    assert less(4, 5) == 0
    assert less(4, -5) == 3


@pytest.mark.parametrize(("condition", "truth"), [
    ("first < 3 and last < 3", lambda a, b: a < 3 and b < 3),
    ("first < 3 or last < 3", lambda a, b: a < 3 or b < 3),
    ("not first < 3 and (last == 1 or last >= 4)", lambda a, b: not a < 3 and (b == 1 or b >= 4)),
    ("first != last", lambda a, b: a != b),
])  # fmt: skip
def test_conditions(condition, truth):
    ask = compiled(f"if {condition}:\n    return 1\nreturn 0")
    for a in range(6):
        for b in range(6):
            assert ask(a, b) == truth(a, b)


def test_only_the_value_that_is_taken_is_computed():
    """The array behind the address 0 is not read."""
    body = "a = array(memory, 0, 0, int64)\nreturn a[0] if first > 0 else last"
    assert compiled(body)(0, 7, 0) == 7


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floor_division_and_rest_are_numpys(dtype):
    some = [0.0, -0.0, 1.0, -1.0, 0.3, -0.3, 7.5, -7.5, np.inf, -np.inf, np.nan, 1e30]
    x, y = (
        np.ascontiguousarray(grid.ravel())
        for grid in np.meshgrid(np.array(some, dtype), np.array(some, dtype))
    )
    quotient, rest = np.empty_like(x), np.empty_like(x)
    body = "".join(f"{name} = array(memory, {place}, 0, {dtype})\n" for place, name in enumerate("abcd"))
    body += "for i in range(last):\n    c[i] = a[i] // b[i]\n    d[i] = a[i] % b[i]\nreturn 0"
    table = np.array([part.ctypes.data for part in (x, y, quotient, rest)])
    compiled(body)(0, x.size, table.ctypes.data)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(quotient, x // y)
        np.testing.assert_array_equal(rest, x % y)


def test_kinds_meet_in_the_wider_one():
    body = "x = float32(0.1)\nreturn where(x + 0.0 == float64(x), 1, 0) + where(first + 0.5 == 3.5, 2, 0)"
    assert compiled(body)(3) == 3


def test_loops_count_in_steps_and_may_be_empty():
    body = "s = 0\nfor i in range(first, last, 3):\n    s = s * 100 + i\nreturn s"
    assert compiled(body)(1, 9) == 10407
    assert compiled(body)(9, 1) == 0


def test_a_name_may_be_used_again_for_another_kind():
    body = """
part = 0.25
result = 0
for i in range(last):
    part = 0
    for j in range(3):
        part = part + j
    result = result + part
return result
"""
    assert compiled(body)(0, 2) == 6


def test_each_branch_begins_with_the_same_names():
    body = """
x = 0.5
y = 0
if first > 0:
    x = 7
    y = x
else:
    y = int64(x * 8.0)
return y
"""
    assert compiled(body)(1) == 7
    assert compiled(body)(0) == 4


def test_the_variable_of_a_loop_may_be_known_before():
    body = """
x = 7
total = 0
for i in range(first):
    total = total * 100 + x
    for x in range(last):
        total = total + 0
return total * 100 + x
"""
    assert compiled(body)(3, 5) == 7040404
    assert compiled(body)(2, 0) == 70707


def test_whole_numbers_of_64_bits_are_what_is_written():
    largest, half = 2**64 - 1, 2**63
    assert compiled(f"return where(float64({largest}) == 18446744073709551615.0, 1, 0)")() == 1
    assert compiled(f"return where(first < {half}, 1, 0) + where(uint64(first) < {largest}, 2, 0)")(-2) == 3
    assert compiled(f"return -{half}")() == -half


def test_sizes_have_64_bits():
    assert compiled("return abs(int8(first))")(-128) == 128
    assert compiled("return where(abs(uint64(first)) > uint64(5), 1, 0)")(-1) == 1


@pytest.mark.parametrize("name", ["powf", "pow", "fmod", "memcpy", "memset", "nearbyint", "数", "ﬁt"])
def test_a_function_may_be_called_as_one_of_the_c_library(name):
    """What calls that one does not come back here."""
    head = HEAD.replace("step", name)
    body = "x = array(memory, 0, 0, float32)\nx[0] = x[0] ** x[1] + x[2] % x[3]\n"
    body += "for i in range(4, last):\n    x[i] = 0.0\nreturn last"
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    x = np.full(1000, 3.0, np.float32)
    x[:4] = 2.0, 0.7, 5.0, 3.0
    table = np.array([x.ctypes.data])
    assert build(head + lines, name, "<body>").load()(table.ctypes.data, 0, x.size) == x.size
    assert x[0] == pytest.approx(2**0.7 + 2)
    assert not x[4:].any()


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("x = 0.5\nfor i in range(last):\n    y = x\n    x = first\nreturn first", 4),
        ("x = 0.5\nif last > 0:\n    x = 1\nreturn int64(x)", 4),
        (
            "x = 0.5\nfor i in range(last):\n    y = x\n    for x in range(3):\n        y = 0.0\nreturn 0",
            4,
        ),
        ("x = 0.5\nfor i in range(last):\n    x = 1\nreturn int64(x)", 4),
        ("for i in range(last):\n    x = 1\nreturn x", 3),
        ("if last > 0:\n    x = 1\nreturn x", 3),
        ("return first + 18446744073709551616", 1),
        ("return first + 18446744073709551615", 1),
        ("return nowhere", 1),
        ("return first[0]", 1),
        ("while last > 0:\n    last = last - 1\nreturn last", 1),
        ("for i in [1, 2]:\n    last = i\nreturn last", 1),
        ("for i in range(0, 9, first):\n    last = i\nreturn last", 1),
        ("x = float64\nreturn first", 1),
        ("return first < 3 < last", 1),
        ("return first @ last", 1),
        ("return f'{first}'", 1),
        ("return hypot(memory, 1.0)", 1),
        ("return uint64(first) + last", 1),
        ("store(memory, 0, spread(1.0, last))\nreturn 0", 1),
        ("first, last = last, first\nreturn 0", 1),
    ],
)
def test_what_has_no_meaning_is_refused_with_its_line(body, line):
    with pytest.raises(CompileError, match=f"line {line + HEAD.count(chr(10))}:"):
        compiled(body)


def test_a_function_that_returns_nothing_is_refused():
    with pytest.raises(CompileError, match="returns nothing"):
        compiled("if first > 0:\n    return 1")
