"""Two threads share a step without ever touching what the other may be writing: shown on every address.

The emitted source is run as Python, once for each thread, with functions that only note which bytes are read
and written, and how many barriers were passed by then.
"""

import ast
from collections import defaultdict

import numpy as np
import pytest

from chainrule.compiler import lower, passes, products, rows
from chainrule.compiler.waiting import must_wait
from chainrule.nn.architecture import read_settings
from chainrule.training.optimizers import optimizer
from chainrule.training.step import step_graph

WORD = 4  # bytes, the smallest entry in these steps


class Zero(int):
    """0 in all arithmetic: a number, or a vector of so many."""

    width = 0

    def _with(self, *others):
        result = Zero()
        result.width = max([self.width, *[getattr(other, "width", 0) for other in others]])
        return result

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _with
    __neg__ = __pow__ = __rpow__ = __or__ = __ror__ = __and__ = __rand__ = _with


def zero(*others):
    return Zero()._with(*others)


def vector(width):
    result = Zero()
    result.width = width
    return result


class Notes:
    """What one thread reads and writes: sets of words, by the number of barriers that it had passed."""

    def __init__(self):
        self.passed, self.read, self.written = 0, defaultdict(set), defaultdict(set)

    def note(self, touched, array, place, count):
        first = array.offset + place * array.size
        last = first + count * array.size
        touched[self.passed].update((array.slot, word) for word in range(first // WORD, -(-last // WORD)))


class Array:
    """An array whose entries are 0, and noted."""

    def __init__(self, notes, slot, offset, size):
        self.notes, self.slot, self.offset, self.size = notes, slot, offset, size

    def __getitem__(self, place):
        self.notes.note(self.notes.read, self, place, 1)
        return Zero()

    def __setitem__(self, place, value):
        self.notes.note(self.notes.written, self, place, 1)


def functions(notes, thread, threads_at):
    """Return what the source imports."""

    def array(memory, slot, offset, kind):
        return [thread, 2] if slot == threads_at else Array(notes, slot, offset, np.dtype(kind).itemsize)

    def region(touched, matrix, rows, columns, step):
        for row in range(rows):
            notes.note(touched, matrix, row * step, columns)

    def gemm(
        turned, other, rows, columns, inner, alpha, left, left_row, right, right_row, beta, out, out_row
    ):
        region(notes.read, left, *((inner, rows) if turned else (rows, inner)), left_row)
        region(notes.read, right, *((columns, inner) if other else (inner, columns)), right_row)
        region(notes.written, out, rows, columns, out_row)

    def barrier(gate, threads):
        notes.passed += 1

    def load(values, place, count):
        notes.note(notes.read, values, place, count)
        return vector(count)

    def store(values, place, numbers):
        assert numbers.width
        notes.note(notes.written, values, place, numbers.width)

    def shifted(values, count):
        return Array(notes, values.slot, values.offset + count * values.size, values.size)

    known = {
        "array": array,
        "gemm": gemm,
        "barrier": barrier,
        "load": load,
        "store": store,
        "shifted": shifted,
    }
    return known | {"length": int, "is_finite": bool, "spread": lambda _, width: vector(width)}


class Dtype(str):
    """The name of a dtype, and the conversion to it."""

    def __call__(self, value):
        return zero(value)


def noted(code, thread):
    """Return what a thread notes in two steps."""
    notes = Notes()
    (threads_at,) = [b.slot for b in code.lowered.buffers if b.name == "threads_at"]
    space = functions(notes, thread, threads_at)
    space["is_finite"] = lambda cost: True
    tree = ast.parse(code.source)
    for part in tree.body:
        if isinstance(part, ast.ImportFrom):
            for alias in part.names:
                number = part.module == "numpy" and alias.name not in ("inf", "nan")
                space.setdefault(alias.name, Dtype(alias.name) if number else zero)
    space["inf"] = Zero()
    tree.body = [part for part in tree.body if not isinstance(part, ast.ImportFrom)]
    exec(compile(tree, "<step>", "exec"), space)
    space[code.lowered.name](0, 0, 2)
    return notes


SMALL = 64  # iterations from which a stage is shared here
CASES = {
    "adam": ([40, 9], 32, "relu", "cross_entropy", "adam"),
    "odd sizes": ([19, 27, 2], 35, "tanh", "mse", "momentum"),
    "wide": ([12, 50, 5], 32, "sigmoid", "quadratic", "sgd"),
    "blas": ([40, 33, 2], 37, "relu", "cross_entropy", "sgd"),
}


@pytest.fixture(params=CASES, scope="module")
def code(request):
    sizes, batch, activation, cost, update = CASES[request.param]
    architecture = read_settings(sizes, activation, cost, None, None, "float32")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "SHARED_FROM", 0)  # small steps too
        for module in (passes, lower, rows):
            patch.setattr(module, "WORTH_SHARING", SMALL)
        if request.param == "blas":
            patch.setattr(products, "BLAS_FROM", 2 * 37 * 40 * 33)
        graph = step_graph(architecture.cost_graph(batch), optimizer(update))
        code = rows.RowsCode(*rows.training_step(graph))
    assert ("gemm(" in code.source) == (request.param == "blas")
    assert {stage.sharing for stage in code.lowered.stages} == {"rows", "columns", "each", "one"}
    return code


def test_no_thread_touches_what_the_other_writes_at_the_same_time(code):
    first, second = noted(code, 0), noted(code, 1)
    (costs,) = [buffer.slot for buffer in code.lowered.buffers if buffer.name == "costs"]
    assert first.passed == second.passed > 2
    for passed in range(first.passed + 1):
        for one, other in ((first, second), (second, first)):
            shared = one.written[passed] & (other.read[passed] | other.written[passed])
            assert {slot for slot, _ in shared} <= {costs}  # both write the cost, the same number


def test_there_is_less_waiting_than_there_are_stages(code):
    waits = must_wait(code.lowered.stages)
    assert 2 < sum(waits) < len(waits) / 2
