"""What a jail costs at the start: each provider against a plain subprocess.

    python benchmarks/sandbox.py [RUNS]

Prints the median of RUNS (default 40) starts of /bin/true in milliseconds, the cost over plain and
the ratio, taken in turns so that a busy machine slows all of them alike; and the cost of a proof.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from selfheal.errors import SandboxUnavailable
from selfheal.sandbox.bubblewrap import Bubblewrap
from selfheal.sandbox.jail import Jail
from selfheal.sandbox.namespaces import Namespaces
from selfheal.sandbox.none import Unprotected
from selfheal.sandbox.probe import prove
from selfheal.sandbox.provider import Provider


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as folder:
        jail = Jail(argv=("/bin/true",), workdir=Path(folder))
        subjects: dict[str, Callable[[], object]] = {"plain": lambda: _plain(jail)}
        for sandbox in (Unprotected(), *_working()):
            subjects[sandbox.name] = lambda sandbox=sandbox: sandbox.run(jail)
            if sandbox.name != "none":
                subjects[f"{sandbox.name}, proof"] = lambda sandbox=sandbox: prove(sandbox)
        _report({name: statistics.median(took) for name, took in _measure(subjects, runs).items()})


def _working() -> list[Provider]:
    found: list[Provider] = []
    for sandbox in (Bubblewrap(), Namespaces()):
        try:
            prove(sandbox)
        except SandboxUnavailable as error:
            print(f"{sandbox.name}: not measured: {error}")
        else:
            found.append(sandbox)
    return found


def _plain(jail: Jail) -> None:
    subprocess.run(jail.argv, cwd=jail.workdir, capture_output=True, check=True, env={})


def _measure(subjects: dict[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(runs):
        for name, action in subjects.items():
            begin = time.perf_counter()
            action()
            took[name].append((time.perf_counter() - begin) * 1000)
    return took


def _report(medians: dict[str, float]) -> None:
    plain = medians["plain"]
    print(f"{'':20} {'median ms':>10} {'over plain':>11} {'ratio':>7}")
    for name, median in medians.items():
        print(f"{name:20} {median:10.1f} {median - plain:11.1f} {median / plain:7.1f}")


if __name__ == "__main__":
    main()
