"""What the tests of the formats share."""

import numpy as np
import pytest
from written_networks import Drawn, batch_norm, layer_norm


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture(params=["layer norm", "batch norm"])
def drawn(request, dtype):
    random = np.random.default_rng(3)
    parts = {"W": random.normal(size=(4, 4)), "b": random.normal(size=4)}
    parts |= {"gain": random.normal(size=4), "shift": random.normal(size=4)}
    if request.param == "layer norm":
        return Drawn(layer_norm, 4, 0.0, dtype, **parts)
    more = {"mean": random.normal(size=4), "variance": np.exp(random.normal(size=4))}
    return Drawn(batch_norm, 4, 0.0, dtype, **parts, **more)
