"""A table of ten million rows is learned from without being loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import json, sys
import numpy as np
import chainrule as cr
from chainrule.datasets import load

def own_megabytes():
    # Pages of the mapped file count as resident, but the system may drop them at any time: count the rest.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024

data = load(sys.argv[1])
assert isinstance(data.x, np.memmap) and data.x.shape == (10_000_000, 31)
net = cr.Network([31, 4, 1], activation="tanh", cost="mse", seed=0)
before, seen = own_megabytes(), []
history = net.fit(data.x, data.y, epochs=1, batch_size=50_000, learning_rate=0.01,
                  progress=lambda _: seen.append(own_megabytes()))
print(json.dumps({"cost": history.cost[0], "grown": max(seen) - before, "reports": len(seen)}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_million_rows_in_constant_memory(tmp_path):
    path = tmp_path / "table.npy"
    table = np.lib.format.open_memmap(path, "w+", "float32", (10_000_000, 32))  # sparse: zeros take no room
    table[:1000, -1] = 1.0
    del table
    done = subprocess.run([sys.executable, "-c", PROGRAM, path], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["cost"] < 0.1
    # The table has 1,280 MB; an order of ten million rows (80 MB) and its targets are what a fit may hold.
    assert found["reports"] > 10
    assert found["grown"] < 400
