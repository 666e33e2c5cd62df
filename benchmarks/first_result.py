"""How long a cold `selfheal up` takes to its first result, beside bare PostgreSQL and Python.

Starts a farm in an empty run folder, submits a repository whose tests pass, and waits for the end
of the request. Printed beside what no farm can avoid in the same run: creating and starting the
servers, and importing the worker once.

    python benchmarks/first_result.py [--runs N] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder

CLI = [sys.executable, "-m", "selfheal.cli"]


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    first = statistics.median(_first_result() for _ in range(options.runs))
    servers = statistics.median(_servers_alone() for _ in range(options.runs))
    imports = statistics.median(_imports_alone() for _ in range(options.runs))
    figures = {
        "first_result_seconds": round(first, 2),
        "servers_alone_seconds": round(servers, 2),
        "imports_alone_seconds": round(imports, 2),
        "ratio": round(first / (servers + imports), 2),
    }
    if options.json:
        print(json.dumps(figures))
        return
    print(f"cold `up` to first result   {first:6.2f} s   (aim: 10 s on 2 cores)")
    print(f"servers alone, cold         {servers:6.2f} s")
    print(f"importing a worker, once    {imports:6.2f} s")
    print(f"ratio to the last two       {figures['ratio']:6.2f}")


def _first_result() -> float:
    with _folder() as folder:
        repository = _repository(folder)
        environment = {**os.environ, "SELFHEAL_FARM__RUN_FOLDER": str(folder / "run")}
        began = time.monotonic()
        up = subprocess.Popen([*CLI, "up"], env=environment, stderr=subprocess.DEVNULL)
        try:
            request = _submitted(repository, environment)
            subprocess.run(
                [*CLI, "watch", request],
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            return time.monotonic() - began
        finally:
            up.terminate()
            up.wait()


def _submitted(repository: Path, environment: dict[str, str]) -> str:
    """The id, once the farm is there to take it; a person would wait for `up` to say so."""
    mark = Path(environment["SELFHEAL_FARM__RUN_FOLDER"]) / "up.pid"
    deadline = time.monotonic() + 60
    while not mark.exists():
        if time.monotonic() > deadline:
            raise SystemExit("`selfheal up` was not up within a minute")
        time.sleep(0.02)
    answer = subprocess.run(
        [*CLI, "submit", str(repository)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip()


def _servers_alone() -> float:
    with _folder() as folder:
        began = time.monotonic()
        with start_servers(RunFolder.open(folder / "run")):
            return time.monotonic() - began


def _imports_alone() -> float:
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", "import selfheal.celery, selfheal.tasks.land"], check=True
    )
    return time.monotonic() - began


def _repository(folder: Path) -> Path:
    repository = folder / "repository"
    repository.mkdir()
    (repository / "test_truth.py").write_text("def test_truth():\n    assert True\n")
    for words in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        ["-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "--quiet", "-m", "b"],
    ):
        subprocess.run(["git", "-C", str(repository), *words], check=True)
    return repository


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="selfheal-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
