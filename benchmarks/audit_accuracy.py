"""How accurate is the audit: correct programs in many styles, and single errors planted in them.

Every error is proved one by central differences on the program itself. Prints by kind how often the line and
the kind were named, what was missed, what correct programs were accused of, and the time of a 60-line script.

    python benchmarks/audit_accuracy.py [--only NAME …] [--jobs 2] [--corrections] [--json accuracy.json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from audits.accuracy import catalogue, scoring

import chainrule as cr

TIMED = "spiral_softmax"


def seconds(name: str, times: int = 5) -> float:
    """Return the shortest time of several audits of a program."""
    program = catalogue.program(name)
    took = []
    for _ in range(times):
        began = time.perf_counter()
        cr.audit(program.source, **program.audit)
        took.append(time.perf_counter() - began)
    return min(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", default=catalogue.names(), metavar="NAME")
    parser.add_argument("--jobs", type=int, help="processes; all cores by default")
    parser.add_argument("--corrections", action="store_true", help="also try the corrected lines")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    accused = {name: scoring.alarms(catalogue.program(name)) for name in options.only}
    errors = [error for name in options.only for error in catalogue.planted(name)]
    with multiprocessing.Pool(options.jobs) as pool:
        scores = pool.map(scoring.score, errors, chunksize=4)
    print(scoring.table(scores))
    missed = scoring.misses(scores)
    print(f"\nmisses:\n{missed or 'none'}")
    print(f"\nfalse alarms in {len(accused)} correct programs:")
    for name, found in accused.items():
        for line in found:
            print(f"{name}: {line}")
    print("none" if not any(accused.values()) else "")
    if options.corrections:
        offered = [row for row in scores if row.offered]
        right = sum(scoring.corrected(row) for row in offered)
        print(f"\ncorrected lines: {len(offered)} tried by the audit; with {right} of them all is right")
    if TIMED in options.only and not accused[TIMED]:
        lines = catalogue.program(TIMED).source.count("\n")
        print(f"\na script of {lines} lines: {seconds(TIMED):.2f} s")
    took = [row.seconds for row in scores]
    print(f"\nan audit of a wrong script: median {statistics.median(took):.2f} s, longest {max(took):.2f} s")
    if options.json:
        rows = [
            {
                "error": row.error.label,
                "kinds": row.error.kinds,
                "line_named": row.line_named,
                "kind_named": row.kind_named,
                "said": row.said,
                "seconds": row.seconds,
            }
            for row in scores
        ]
        options.json.write_text(json.dumps({"alarms": accused, "errors": rows}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
