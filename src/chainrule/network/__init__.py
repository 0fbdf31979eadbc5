"""`Network` and `load`: where layers, training, data and model files meet."""

from chainrule.network.network import Network, load

__all__ = ["Network", "load"]
