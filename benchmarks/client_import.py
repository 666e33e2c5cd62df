"""What `import selfheal.client` costs a fresh interpreter, beside what it puts off to first use.

In CPU time: the time it takes where nobody else computes. What the interpreter itself needs
to start is measured in the same run and taken off each.

    python benchmarks/client_import.py [--runs N] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys

MODULES = {
    "selfheal.client": "import selfheal.client",
    "Celery's app": "from celery import Celery",
    "httpx": "import httpx",
    "pydantic's models": "from pydantic import BaseModel",
}


def main() -> None:
    """Print the medians in milliseconds, and what is put off as a multiple of ours."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = _measured(options.runs)
    if options.json:
        print(json.dumps(figures))
        return
    ours = figures["selfheal.client"]
    for name, milliseconds in figures.items():
        aim = "aim: 50 ms" if milliseconds == ours else f"{milliseconds / ours:.1f} times ours"
        print(f"{name:18} {milliseconds:7.1f} ms   ({aim})")


def _measured(runs: int) -> dict[str, float]:
    """Medians beyond a bare interpreter; the modules take turns, so a busy moment hits all."""
    statements = {"": "pass", **MODULES}
    seconds: dict[str, list[float]] = {name: [] for name in statements}
    for statement in statements.values():
        _seconds(statement)  # compiles what is not compiled yet
    for _ in range(runs):
        for name, statement in statements.items():
            seconds[name].append(_seconds(statement))
    bare = statistics.median(seconds.pop(""))
    return {
        name: round((statistics.median(taken) - bare) * 1_000, 1) for name, taken in seconds.items()
    }


def _seconds(statement: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-P", "-c", statement], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
