"""How long it takes until something happens: whole processes, taking turns, medians.

Against ``import numpy`` by itself: ``import chainrule``, with and without all of its public names, the help
of the command line, and ``chainrule train`` on the digits from start to end.

    python benchmarks/start_up.py [--rounds 7] [--json start_up.json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "python": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import chainrule": ["-c", "import chainrule"],
    "import chainrule, all names": ["-c", "import chainrule as c; [getattr(c, name) for name in c.__all__]"],
    "chainrule --help": ["-m", "chainrule", "--help"],
    "chainrule train": ["-m", "chainrule", "train", "--quiet"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(options.rounds):
        for name, arguments in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        over = median - medians["import numpy"]
        print(f"{name:28} {median:6.3f} s   {over:+.3f} s against import numpy")
    if options.json:
        options.json.write_text(json.dumps(seconds, indent=1))


if __name__ == "__main__":
    main()
