"""ONNX Runtime: one row through a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from peers.base import Peer


class OnnxPeer(Peer):
    """An inference session on the CPU."""

    def __init__(self, threads: int | None) -> None:
        super().__init__(threads)
        import onnx
        import onnxruntime

        self.onnx, self.runtime = onnx, onnxruntime

    def versions(self) -> dict[str, str]:
        """Return the version of ONNX Runtime."""
        return {"ONNX Runtime": self.runtime.__version__}

    def row(self, parameters: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function from one row to probabilities."""
        helper, table = self.onnx.helper, self.onnx.TensorProto.FLOAT
        nodes = [
            helper.make_node("Gemm", ["x", "W1", "b1"], ["z1"]),
            helper.make_node("Sigmoid", ["z1"], ["a1"]),
            helper.make_node("Gemm", ["a1", "W2", "b2"], ["z2"]),
            helper.make_node("Softmax", ["z2"], ["p"], axis=1),
        ]
        values = [
            self.onnx.numpy_helper.from_array(value, name)
            for name, value in zip(("W1", "b1", "W2", "b2"), parameters, strict=True)
        ]
        x = helper.make_tensor_value_info("x", table, [1, 64])
        p = helper.make_tensor_value_info("p", table, [1, 10])
        graph = helper.make_graph(nodes, "net", [x], [p], values)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = self.threads or 1
        session = self.runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return lambda x: session.run(None, {"x": x.reshape(1, -1)})[0]
