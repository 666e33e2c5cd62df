"""How long the embedded servers take to start, against bare initdb and pg_ctl in the same run.

    python benchmarks/embedded.py [ROUNDS]

Prints the median of each step in seconds, and the ratio to the bare programs. Both sides create the
same kind of data folder with the same binaries, as the same account; ours starts Valkey as well and
creates a database.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from selfheal.embedded.account import Account, account_for
from selfheal.embedded.binaries import PostgresBinaries, find_postgres
from selfheal.embedded.processes import ENVIRONMENT
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder

INITDB = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums")


class Timings:
    """Seconds by step, in the order in which the steps were first met."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    @contextmanager
    def measured(self, step: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds.setdefault(step, []).append(time.perf_counter() - begun)

    def median(self, step: str) -> float:
        return median(self.seconds[step])


def ours(place: Path, timings: Timings) -> None:
    folder = RunFolder.open(place / "run")
    for step in ("cold", "warm"):
        servers = start_servers(folder, provider="embedded")
        with timings.measured(f"ours, {step} start"):
            servers.__enter__()
        with timings.measured(f"ours, stop after {step} start"):
            servers.__exit__(None, None, None)


def bare(place: Path, timings: Timings) -> None:
    data = place / "bare"
    account = account_for(data)
    binaries = find_postgres(("embedded",), account)
    pg_ctl = _program(binaries, account, "pg_ctl")
    listen = f"-c listen_addresses= -c unix_socket_directories={place}"
    start = (*pg_ctl, "start", "-w", "-D", str(data), "-l", str(place / "log"), "-o", listen)
    stop = (*pg_ctl, "stop", "-w", "-m", "fast", "-D", str(data))
    with timings.measured("bare, cold start"):
        _run(*_program(binaries, account, "initdb"), *INITDB, "-D", str(data))
        _run(*start)
    _run(*stop)
    with timings.measured("bare, warm start"):
        _run(*start)
    _run(*stop)


def _program(binaries: PostgresBinaries, account: Account, name: str) -> tuple[str, ...]:
    return (*account.prefix, str(binaries.folder / name))


def _run(*command: str) -> None:
    subprocess.run(command, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)


def main(rounds: int) -> None:
    timings = Timings()
    for _ in range(rounds):
        # Alternating, so that a busy machine slows both sides alike.
        for side in (ours, bare):
            with tempfile.TemporaryDirectory(prefix="selfheal-bench-") as place:
                side(Path(place), timings)
    for step in timings.seconds:
        print(f"{step:30} {timings.median(step):6.2f} s")
    for step in ("cold", "warm"):
        ratio = timings.median(f"ours, {step} start") / timings.median(f"bare, {step} start")
        print(f"{f'{step} start, ours to bare':30} {ratio:6.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
