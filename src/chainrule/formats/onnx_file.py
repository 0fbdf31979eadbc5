"""A network as an ONNX model, for onnxruntime and whatever else reads ONNX."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule import __version__
from chainrule.errors import SettingError
from chainrule.files import write_atomically
from chainrule.formats.facts import Facts, facts_of
from chainrule.formats.formulas import formulas
from chainrule.formats.onnx_words import ONNX, operand_dtypes, write
from chainrule.formats.recipe import ROWS, Recipe, part_of, recipe
from chainrule.graph.node import CONSTANT, Node
from chainrule.network import Network

Array = np.ndarray[Any, Any]
OPSET, IR_VERSION = 18, 8  # of 2022 and 2023: read by everything that is in use
MOST_BYTES = 2**31 - 2**20  # what a file of Protocol Buffers holds, less the names
X, OUTPUTS, LABEL, LABELS = "x", "outputs", "label", "labels"


def to_onnx(net: Network, path: str | os.PathLike[str]) -> None:
    """Write a network's prediction as an ONNX model; it needs the package onnx (``chainrule[onnx]``).

    The model takes ``x``, raw inputs in any number of rows, of the network's dtype. It returns ``outputs``,
    the same as ``net(x)``, and for a classifier ``label``, the same as ``net.predict(x)``. Its metadata holds
    the labels and the names of columns as JSON. ONNX's own full check has passed before it is written.

    Parameters
    ----------
    net
        The network.
    path
        The file; written wholly or not at all.

    Raises
    ------
    SettingError
        If the package onnx is not installed, or the network is larger than ONNX allows.
    GraphError
        If an operation of the network cannot be written in ONNX; names it.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import chainrule as cr
    >>> to_onnx(cr.Network([2, 3, 1]), "net.onnx")  # doctest: +SKIP
    """
    write_atomically(path, onnx_content(net))


def onnx_content(net: Network) -> bytes:
    """Return the content of the file that `to_onnx` writes."""
    try:
        import onnx
    except ImportError as error:
        raise SettingError("formats.needs_onnx") from error
    size = sum(value.nbytes for value in net.parameters.values())
    if size > MOST_BYTES:
        raise SettingError("formats.onnx_size", bytes=size)
    model = onnx_model(net)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def onnx_model(net: Network) -> Any:
    """Return a network as an ``onnx.ModelProto``."""
    from onnx import helper

    made = recipe(net, ONNX)
    facts = facts_of(net)
    body = _Body(made)
    outputs = [body.described(OUTPUTS, made.output.dtype, made.shapes[made.output])]
    body.run()
    if facts.labels is not None:
        body.label(facts.labels, facts.sizes[-1])
        outputs.append(body.described(LABEL, facts.labels.dtype, (ROWS,)))
    graph = helper.make_graph(
        body.nodes,
        "network",
        [body.described(X, made.x.dtype, made.shapes[made.x])],
        outputs,
        initializer=body.initializers,
        value_info=body.infos,
        doc_string="\n".join(formulas(net)),
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="chainrule",
        producer_version=__version__,
        doc_string=f"{facts.title}.",
    )
    helper.set_model_props(model, _metadata(facts))
    return model


def _metadata(facts: Facts) -> dict[str, str]:
    """Return what the model says about its columns and labels, as JSON; it leaves out what it has not."""
    entries: dict[str, Any] = {
        "labels": None if facts.labels is None else facts.labels.tolist(),
        "class_names": facts.class_names,
        "feature_names": facts.feature_names,
        "target_names": facts.target_names,
    }
    return {key: json.dumps(value, ensure_ascii=False) for key, value in entries.items() if value}


class _Body:
    """The operators of a model, written one after the other."""

    def __init__(self, made: Recipe) -> None:
        self.made = made
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.infos: list[Any] = []
        own = made.names((OUTPUTS, LABEL, LABELS))
        self._names = {**own, made.x: X}
        self._taken = {*self._names.values(), X, OUTPUTS, LABEL, LABELS}
        self._constants: dict[Any, str] = {}
        self._rows = ""
        self._node: Node | None = None
        for node, value in made.values().items():
            self._initialize(self._names[node], value)

    def run(self) -> None:
        """Write all operators from the inputs to the outputs."""
        for node in self.made.steps:
            self._node = node
            result = write(self, node, self._operands(node), self.made.settings[node])
            self._named(node, result)
        if not self.made.output.inputs:
            self._append("Identity", [X], OUTPUTS, {})

    def label(self, labels: Array, outputs: int) -> None:
        """Write the operators that choose the label: of the largest output, or the second from 0.5 on."""
        self._node = None
        if outputs == 1:
            half = self.constant(np.array(0.5, self.made.output.dtype))
            second = self.operator("GreaterOrEqual", [OUTPUTS, half])
            columns = self.operator("Cast", [second], to=self._type(np.int64))
            place = self.operator("Squeeze", [columns, self.constant(np.array([1], np.int64))])
        else:
            place = self.operator("ArgMax", [OUTPUTS], axis=1, keepdims=0)
        self._initialize(LABELS, labels)
        self._append("Gather", [LABELS, place], LABEL, {"axis": 0})

    # What `write` asks for.

    def operator(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Write an operator; return the name of its result."""
        name = self._free(kind.lower())
        self._append(kind, inputs, name, attributes)
        return name

    def constant(self, value: Array) -> str:
        """Return the name of a constant; equal ones are one."""
        key = value.dtype.str, value.shape, value.tobytes()
        if key not in self._constants:
            self._constants[key] = self._free("constant")
            self._initialize(self._constants[key], value)
        return self._constants[key]

    def cast(self, name: str, dtype: Any) -> str:
        """Write a conversion; return the name of its result."""
        return self.operator("Cast", [name], to=self._type(dtype))

    def lengths(self, shape: Sequence[int | str]) -> str:
        """Return the name of a shape, in which `ROWS` is the number of rows."""
        if ROWS not in shape:
            return self.constant(np.array(shape, np.int64))
        self._rows = self._rows or self.operator("Shape", [X], start=0, end=1)
        parts = [self._rows if n == ROWS else self.constant(np.array([n], np.int64)) for n in shape]
        return parts[0] if len(parts) == 1 else self.operator("Concat", parts, axis=0)

    def described(self, name: str, dtype: Any, shape: Sequence[int | str]) -> Any:
        """Return the description of a value: its type and its lengths, by name where they vary."""
        from onnx import helper

        return helper.make_tensor_value_info(name, self._type(dtype), list(shape))

    # How it is put together.

    def _operands(self, node: Node) -> list[str]:
        """Return the names of a node's operands, converted to the dtype that they need."""
        return [self._name(*pair) for pair in zip(node.inputs, operand_dtypes(node), strict=True)]

    def _name(self, node: Node, dtype: np.dtype[Any]) -> str:
        if node.primitive is CONSTANT and not node.shape:
            return self.constant(np.array(node.value).astype(dtype))
        return self._names[node] if node.dtype == dtype else self.cast(self._names[node], dtype)

    def _named(self, node: Node, result: str) -> None:
        """Give a result the name of the node that it is, and describe it."""
        own = OUTPUTS if node is self.made.output else self._names[node]
        last = self.nodes[-1] if self.nodes else None
        if last is not None and last.output[0] == result and result not in self._names.values():
            last.name = last.output[0] = own
        else:  # it is an operand, as it was
            self._append("Identity", [result], own, {})
        self._names[node] = own
        if own != OUTPUTS:
            self.infos.append(self.described(own, node.dtype, self.made.shapes[node]))

    def _append(self, kind: str, inputs: Sequence[str], output: str, attributes: Mapping[str, Any]) -> None:
        from onnx import helper

        doc = "" if self._node is None else part_of(self._node)
        self.nodes.append(
            helper.make_node(kind, list(inputs), [output], name=output, doc_string=doc, **attributes)
        )

    def _initialize(self, name: str, value: Array) -> None:
        from onnx import helper, numpy_helper

        if value.dtype.kind == "U":
            words = [word.encode() for word in value.ravel().tolist()]
            tensor = helper.make_tensor(name, self._type(value.dtype), value.shape, words)
        else:
            tensor = numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)
        self.initializers.append(tensor)

    def _type(self, dtype: Any) -> int:
        from onnx import TensorProto, helper

        kind: np.dtype[Any] = np.dtype(dtype)
        return TensorProto.STRING if kind.kind == "U" else int(helper.np_dtype_to_tensor_dtype(kind))

    def _free(self, name: str) -> str:
        count = 1
        while f"{name}_{count}" in self._taken:
            count += 1
        self._taken.add(f"{name}_{count}")
        return f"{name}_{count}"
