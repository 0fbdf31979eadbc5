"""A network as one Python file that needs nothing but NumPy: formulas first, numbers last."""

from __future__ import annotations

import base64
import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.files import write_atomically
from chainrule.formats.facts import Facts, facts_of
from chainrule.formats.formulas import Line, lines, numpy_recipe
from chainrule.formats.numpy_words import CALLED, FUNCTIONS, NEEDS_MATH
from chainrule.formats.recipe import ROWS, Recipe, part_of
from chainrule.formats.writing import WIDTH, number, rows_of
from chainrule.graph.node import Node
from chainrule.network import Network

Array = np.ndarray[Any, Any]
FEW = 64  # entries that are written as numbers
RESERVED = (
    *FUNCTIONS,
    "np",
    "math",
    "base64",
    "outputs",
    "predict",
    "probabilities",
    "array",
    "LABELS",
    ROWS,
)
RESERVED = (*RESERVED, "NAMES", "abs", "all", "any", "max", "min", "sum", "float", "int", "len", "tuple")


def to_numpy(net: Network, path: str | os.PathLike[str]) -> None:
    """Write a network's prediction as one Python file that needs NumPy only.

    The file has ``outputs(x)``, the same as ``net(x)``; ``predict(x)``, the same as ``net.predict(x)``; and
    for a classifier ``probabilities(x)``, one column for each of ``LABELS``. Its numbers are exact.

    Parameters
    ----------
    net
        The network.
    path
        The file; written wholly or not at all.

    Raises
    ------
    GraphError
        If an operation of the network cannot be written with NumPy alone; names it.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import runpy, tempfile
    >>> import chainrule as cr
    >>> net = cr.Network([2, 3, 1], seed=5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_numpy(net, f"{folder}/net.py")
    ...     written = runpy.run_path(f"{folder}/net.py")
    >>> bool((written["outputs"]([[1.0, 2.0]]) == net([[1.0, 2.0]])).all())
    True
    """
    write_atomically(path, numpy_content(net))


def numpy_content(net: Network) -> bytes:
    """Return the content of the file that `to_numpy` writes."""
    made = numpy_recipe(net)
    facts = facts_of(net)
    names = made.names(RESERVED)
    body = lines(made, names)
    needed = _needed(made)
    arrays = [_array(names[node], value) for node, value in made.values().items()]
    coded = any(value.size > FEW for value in made.values().values())
    imports = [name for name, used in (("base64", coded), ("math", needed & NEEDS_MATH)) if used]
    parts = [
        "\n".join([_head(facts, names[made.x]), "", *_imports(imports), *_labels(facts)]),
        _outputs(made, names, body, facts),
        *_answers(facts, softmax=net.architecture.output == "softmax"),
        *[text.strip() for name, text in FUNCTIONS.items() if name in needed],
        *([_ARRAY.strip()] if coded else []),
    ]
    return ("\n\n\n".join([*parts, *(["\n".join(arrays)] if arrays else [])]) + "\n").encode()


def _imports(standard: Sequence[str]) -> list[str]:
    return [*[f"import {name}" for name in standard], *([""] if standard else []), "import numpy as np"]


def _needed(made: Recipe) -> set[str]:
    """Return the functions that the formulas call, and those that these call."""
    named = {node.primitive.name for node in made.steps} & FUNCTIONS.keys()
    return named.union(*[CALLED.get(name, ()) for name in named])


def _head(facts: Facts, x: str) -> str:
    columns = ", ".join(facts.feature_names)
    about = f"{facts.title}."
    text = [f'"""{about}', "", "It needs NumPy, and nothing else::", ""]
    text += ["    predict(x)        " + ("labels" if facts.labels is not None else "values")]
    if facts.labels is not None:
        text += ["    probabilities(x)  a column for each of LABELS"]
    text += ["    outputs(x)        what the last layer hands on", ""]
    inputs = facts.sizes[0]
    text += [
        f"where {x} holds raw inputs: examples in rows, shape (m, {inputs}), or one example, ({inputs},)."
    ]
    if columns:
        text += [*textwrap.wrap(_quoted(f"The columns: {columns}."), WIDTH, break_long_words=False)]
    return "\n".join([*text, '"""'])


def _quoted(text: str) -> str:
    """Return text fit for a docstring."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return printable.replace("\\", "\\\\").replace('"""', r"\"\"\"")


def _labels(facts: Facts) -> list[str]:
    if facts.labels is None:
        return []
    dtype = "" if facts.labels.dtype.kind in "iU" else f", np.{facts.labels.dtype.name}"
    found = [
        "",
        _wrapped("LABELS = np.array([", [repr(label) for label in facts.labels.tolist()], f"]{dtype})"),
    ]
    if facts.class_names:
        names = _wrapped("NAMES = [", [repr(name) for name in facts.class_names], "]")
        found.append(f"{names}  # what the labels are called")
    return found


def _wrapped(before: str, entries: Sequence[str], after: str) -> str:
    whole = f"{before}{', '.join(entries)}{after}"
    if len(whole) <= WIDTH:
        return whole
    return "\n".join([before, *rows_of(entries, "    "), after])


def _outputs(made: Recipe, names: Mapping[Node, str], body: Sequence[Line], facts: Facts) -> str:
    x, dtype, inputs, outputs = names[made.x], made.x.dtype.name, facts.sizes[0], facts.sizes[-1]
    text = [
        '@np.errstate(all="ignore")  # where exp overflows, 1 / exp is 0',
        f"def outputs({x}):",
        f'    """Return the outputs, shape (m, {outputs}), for examples in rows, (m, {inputs})."""',
        f"    {x} = np.asarray({x}, np.{dtype})",
        f"    if {x}.ndim == 1:",
        f"        return outputs({x}[np.newaxis])[0]",
    ]
    if any(re.search(rf"\b{ROWS}\b", line.text) for line in body):
        text.append(f"    {ROWS} = len({x})")
    last = {part_of(line.node): line for line in body}
    layers = {line: part for part, line in last.items() if part.startswith("layer")}
    column = min(max((len(str(line)) for line in layers), default=0), 60)
    for line in body:
        comment = layers.get(line)
        text.append(f"    {line!s:<{column}}  # {comment}" if comment else f"    {line}")
    return "\n".join([*text, f"    return {names[made.output]}"])


def _answers(facts: Facts, *, softmax: bool) -> list[str]:
    """Return the functions that make labels and probabilities, or values, of outputs."""
    single = facts.sizes[-1] == 1
    if facts.labels is None:
        return [_VALUE.strip() if single else _VALUES.strip()]
    if single:
        return [_SECOND_LABEL.strip(), _TWO_SHARES.strip()]
    return [_LARGEST.strip(), (_SHARES if softmax else _OUTPUTS).strip()]


_VALUE = '''
def predict(x):
    """Return the values, one for each example."""
    return outputs(x)[..., 0]
'''
_VALUES = '''
def predict(x):
    """Return the values, a row for each example."""
    return outputs(x)
'''
_SECOND_LABEL = '''
def predict(x):
    """Return the label of each example: the second one from 0.5 on."""
    return LABELS[(outputs(x)[..., 0] >= 0.5).astype(int)]
'''
_LARGEST = '''
def predict(x):
    """Return the label of each example: that of the largest output."""
    return LABELS[np.argmax(outputs(x), axis=-1)]
'''
_TWO_SHARES = '''
def probabilities(x):
    """Return the probability of each label; the output is that of the second one."""
    p = outputs(x)
    return np.concatenate([1 - p, p], axis=-1)
'''
_SHARES = '''
def probabilities(x):
    """Return the probability of each label; they add up to 1."""
    return outputs(x)
'''
_OUTPUTS = '''
def probabilities(x):
    """Return the output for each label; each is a number of its own, they need not add up to 1."""
    return outputs(x)
'''
_ARRAY = '''
def array(dtype, shape, text):
    """Return the array whose bytes are written in base 64."""
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)
'''


def _array(name: str, value: Array) -> str:
    """Return the line that sets an array: its entries if they are few, else their bytes in base 64."""
    if value.size <= FEW:
        return _entries(name, value)
    little = value.astype(value.dtype.newbyteorder("<"))
    code = base64.b64encode(np.ascontiguousarray(little).tobytes()).decode()
    body = "\n".join(code[at : at + WIDTH] for at in range(0, len(code), WIDTH))
    return f'{name} = array("{little.dtype.str}", {value.shape}, """\n{body}\n""")  # {value.dtype.name}'


def _entries(name: str, value: Array) -> str:
    numbers = [number(entry, value.dtype) for entry in value.ravel()]
    dtype = f"np.{value.dtype.name}"
    if value.ndim == 1 or not value.size:
        whole = f"{name} = np.array([{', '.join(numbers)}], {dtype})"
        shaped = whole if value.ndim == 1 else f"{whole}.reshape({value.shape})"
        if len(shaped) <= WIDTH:
            return shaped
    if value.ndim == 2:
        width = value.shape[1]
        table = [f"[{', '.join(numbers[at : at + width])}]," for at in range(0, value.size, width)]
        if max(map(len, table)) <= WIDTH - 4:
            return "\n".join([f"{name} = np.array([", *[f"    {row}" for row in table], f"], {dtype})"])
    body = rows_of(numbers, "    ")
    shape = "" if value.ndim == 1 else f".reshape({value.shape})"
    return "\n".join([f"{name} = np.array([", *body, f"], {dtype}){shape}"])
