"""The first step of a setting in a fresh process: ``python -m peers.first_step NAME SETTING FOLDER THREADS``.

Prints the seconds from the imported library to the first step's cost, as a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from peers.settings import read
from peers.worker import make_peer


def main() -> None:
    name, setting, folder, threads = sys.argv[1:]
    problem = read(setting, Path(folder))
    peer = make_peer(name, None if threads == "any" else int(threads))
    began = time.perf_counter()
    peer.prepare(problem)
    peer.costs(problem.setting.batch, 1)
    print(json.dumps(time.perf_counter() - began))


if __name__ == "__main__":
    main()
