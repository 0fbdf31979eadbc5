"""A network as one C file that needs nothing but the C library: the forward pass of one row."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.files import write_atomically
from chainrule.formats.c_loops import Loops
from chainrule.formats.c_words import CALLS, FUNCTIONS, TYPES, C, literal, own_function
from chainrule.formats.facts import Facts, facts_of
from chainrule.formats.formulas import formulas
from chainrule.formats.recipe import ONE, Recipe, recipe
from chainrule.formats.writing import WIDTH, rows_of
from chainrule.network import Network

Array = np.ndarray[Any, Any]
_WORDS = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long"
    " register restrict return short signed sizeof static struct switch typedef union unsigned void volatile"
    " while main predict predict_label predict_labels out sum prod max min mean i j k l m n p q r s t u v w z"
)
RESERVED = (*_WORDS.split(), *FUNCTIONS, *CALLS.values(), *[f"{name}f" for name in CALLS.values()], "memcpy")


def to_c(net: Network, path: str | os.PathLike[str]) -> None:
    """Write a network's prediction as one C file (C99) that needs the C library only.

    The file has ``void predict(const float *x, float *out)`` for one row (``double`` for networks in
    float64), and for a classifier ``predict_label`` and ``predict_labels``. Compiled with ``-DPREDICT_MAIN``
    it is a program that reads rows from standard input. Its numbers are exact; sums are gathered in double.

    Parameters
    ----------
    net
        The network.
    path
        The file; written wholly or not at all.

    Raises
    ------
    GraphError
        If an operation of the network cannot be written in C; names it.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import chainrule as cr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_c(cr.Network([2, 3, 1]), f"{folder}/net.c")
    ...     written = pathlib.Path(f"{folder}/net.c").read_text()
    >>> "void predict(const float *x, float *out) {" in written
    True
    """
    write_atomically(path, c_content(net))


def c_content(net: Network) -> bytes:
    """Return the content of the file that `to_c` writes."""
    made = recipe(net, C, rows=ONE)
    facts = facts_of(net)
    names = made.names(RESERVED)
    loops = Loops(made, names)
    kind = TYPES[net.architecture.dtype]
    parts = list(loops.parts())
    answers, declared = _labels(facts, kind)
    pieces = [
        _head(facts, formulas(net), kind, declared),
        _includes(made),
        _sizes(facts),
        *[_array(names[node], value) for node, value in made.values().items()],
        *[own_function(name, node) for name, node in loops.functions.items()],
        _predict(parts, kind, names[made.x]),
        *answers,
        _main(facts, kind),
    ]
    return ("\n\n".join(pieces) + "\n").encode()


def _head(facts: Facts, lines: Sequence[str], kind: str, declared: Sequence[str]) -> str:
    inputs, outputs = facts.sizes[0], facts.sizes[-1]
    text = [f"{facts.title}.", "", *[f"    {line}" for line in lines], ""]
    text += [
        f"Raw inputs: {inputs}; outputs: {outputs}. It is C99, and needs the C library (-lm) only.",
        "",
    ]
    text += [f"    void predict(const {kind} *x, {kind} *out);", *[f"    {line}" for line in declared]]
    text += ["", "As a program that reads rows of numbers and writes a line for each:", ""]
    text += ["    cc -std=c99 -O2 -DPREDICT_MAIN THIS_FILE.c -lm -o predict && ./predict < rows.csv"]
    for title, entries in (("The inputs", facts.feature_names), ("The labels", facts.names)):
        if entries:
            text += ["", *textwrap.wrap(f"{title}: {', '.join(map(_plain, entries))}.", WIDTH)]
    return "\n".join(["/*", *[f" * {line}".rstrip() for line in text], " */"])


def _plain(text: str) -> str:
    """Return text fit for a comment."""
    plain = "".join(sign if sign.isprintable() else " " for sign in text)
    return plain.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def _includes(made: Recipe) -> str:
    copies = any(node.primitive.name == "reshape" for node in made.steps)
    return "#include <math.h>" + ("\n#include <string.h>" if copies else "")


def _sizes(facts: Facts) -> str:
    return f"enum {{ PREDICT_INPUTS = {facts.sizes[0]}, PREDICT_OUTPUTS = {facts.sizes[-1]} }};"


def _array(name: str, value: Array) -> str:
    """Return the definition of a constant array; axes of length 1 are left out, as everywhere."""
    lengths = [length for length in value.shape if length != 1]
    entries = [literal(entry, value.dtype).text for entry in value.ravel()]
    start = f"static const {TYPES[value.dtype.name]} {name}{''.join(f'[{n}]' for n in lengths)} ="
    if not lengths:
        return f"{start} {entries[0]};"
    whole = f"{start} {{{', '.join(entries)}}};"
    if len(lengths) == 1:
        return whole if len(whole) <= WIDTH else "\n".join([f"{start} {{", *rows_of(entries, "    "), "};"])
    return "\n".join([f"{start} {{", *_nested(entries, lengths, "    "), "};"])


def _nested(entries: Sequence[str], lengths: Sequence[int], indent: str) -> list[str]:
    """Return the lines of a table: braces around each row."""
    if len(lengths) == 1:
        whole = f"{indent}{{{', '.join(entries)}}},"
        if len(whole) <= WIDTH:
            return [whole]
        return [f"{indent}{{", *rows_of(entries, indent + "    "), f"{indent}}},"]
    size = len(entries) // lengths[0]
    parts = [entries[at : at + size] for at in range(0, len(entries), size)]
    inner = [_nested(part, lengths[1:], indent if len(lengths) == 2 else indent + "    ") for part in parts]
    if len(lengths) == 2:
        return [line for part in inner for line in part]
    return [line for part in inner for line in (f"{indent}{{", *part, f"{indent}}},")]


def _predict(parts: Sequence[tuple[str, list[str]]], kind: str, x: str) -> str:
    text = ["/* Computes the outputs of one row. */", f"void predict(const {kind} *{x}, {kind} *out) {{"]
    for place, (part, lines) in enumerate(parts):
        text += [*([""] if place else []), *([f"    /* {_plain(part)} */"] if part else []), *lines]
    return "\n".join([*text, "}"])


def _labels(facts: Facts, kind: str) -> tuple[list[str], list[str]]:
    """Return the definitions about labels, and their declarations."""
    if facts.labels is None:
        return [], []
    count = len(facts.labels)
    names = [_string(name) for name in facts.names]
    start = f"const char *const predict_labels[{count}] ="
    whole = f"{start} {{{', '.join(names)}}};"
    listed = whole if len(whole) <= WIDTH else "\n".join([f"{start} {{", *[f"    {n}," for n in names], "};"])
    body = ["    return out[0] >= 0.5;"]
    if facts.sizes[-1] > 1:
        body = [
            "    int best = 0;",
            "    for (int j = 1; j < PREDICT_OUTPUTS; j++)",
            "        if (out[j] > out[best])",
            "            best = j;",
            "    return best;",
        ]
    chosen = [
        "/* Says which label the outputs mean: its place in predict_labels. */",
        f"int predict_label(const {kind} *out) {{",
        *body,
        "}",
    ]
    return (
        [f"/* What the outputs stand for. */\n{listed}", "\n".join(chosen)],
        [f"int predict_label(const {kind} *out);", f"extern const char *const predict_labels[{count}];"],
    )


def _string(text: str) -> str:
    """Return a string literal; what is not plain ASCII as octal escapes of its UTF-8."""
    codes = text.encode()
    signs = [chr(code) if 32 <= code < 127 and chr(code) not in '"\\?' else f"\\{code:03o}" for code in codes]
    return f'"{"".join(signs)}"'


def _main(facts: Facts, kind: str) -> str:
    """Return the optional program: rows in, a line for each out; a classifier's begins with the label."""
    form, digits = ("%f", "%.9g") if kind == "float" else ("%lf", "%.17g")
    label = [] if facts.labels is None else ['            printf("%s,", predict_labels[predict_label(out)]);']
    return "\n".join(
        [
            "#ifdef PREDICT_MAIN",
            "#include <stdio.h>",
            "",
            "/* Reads numbers separated by commas or blanks; writes a line for each row of them. */",
            "int main(void) {",
            f"    {kind} x[PREDICT_INPUTS], out[PREDICT_OUTPUTS];",
            "    int count = 0;",
            f'    while (scanf("{form}%*[,; \\t\\r\\n]", &x[count]) == 1) {{',
            "        if (++count == PREDICT_INPUTS) {",
            "            predict(x, out);",
            *label,
            "            for (int j = 0; j < PREDICT_OUTPUTS; j++)",
            f'                printf("%s{digits}", j ? "," : "", out[j]);',
            '            printf("\\n");',
            "            count = 0;",
            "        }",
            "    }",
            "    if (count || !feof(stdin)) {",
            '        fprintf(stderr, "not rows of %d numbers\\n", PREDICT_INPUTS);',
            "        return 1;",
            "    }",
            "    return 0;",
            "}",
            "#endif",
        ]
    )
