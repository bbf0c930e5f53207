"""Runs benchmarks, prints a table and writes bench.json: `python -m tests.bench [NAME]`.

Each module `tests/bench/*_bench.py` has `BENCHES`, a mapping from a row's name to a function that
measures and returns the rows; NAME chooses the benches whose name contains it.
"""

import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent


def benches():
    for path in sorted(HERE.glob("*_bench.py")):
        yield from importlib.import_module(f"tests.bench.{path.stem}").BENCHES.items()


def shown(value):
    return "-" if value is None else f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def main(wanted):
    chosen = {name: bench for name, bench in benches() if wanted in name}
    if not chosen:
        names = ", ".join(name for name, _ in benches()) or "none yet"
        print(f"No benchmark is called like {wanted!r}; there are: {names}", file=sys.stderr)
        return 2
    rows = []
    print(f"{'name':<34}{'ours':>12}{'peer':>12}{'floor':>12} {'unit':<10}{'ratio':>8}  target")
    for bench in chosen.values():
        for row in bench():
            figures = "".join(f"{shown(value):>12}" for value in (row.ours, row.peer, row.floor))
            verdict = "holds" if row.holds else "FALLS SHORT"
            print(
                f"{row.name:<34}{figures} {row.unit:<10}{row.ratio:>8.2f}  {row.target}: {verdict}",
                flush=True,
            )
            rows.append(row.as_json())
    Path("bench.json").write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
