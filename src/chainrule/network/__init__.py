"""`Network` and `load`: where layers, training, data and model files meet."""

from chainrule.network.loading import load
from chainrule.network.network import Network

__all__ = ["Network", "load"]
