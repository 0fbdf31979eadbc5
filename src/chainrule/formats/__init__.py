"""Networks for other programs (ONNX, NumPy, C), and from them (scikit-learn, torch)."""

from chainrule.formats.c_file import to_c
from chainrule.formats.exporting import export
from chainrule.formats.numpy_file import to_numpy
from chainrule.formats.onnx_file import to_onnx
from chainrule.formats.sklearn_import import from_sklearn
from chainrule.formats.torch_import import from_torch_safetensors

__all__ = ["export", "from_sklearn", "from_torch_safetensors", "to_c", "to_numpy", "to_onnx"]
