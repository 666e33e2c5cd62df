"""The last word on a patch: the tests as they are, in fresh processes, with the patch on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selfheal.repair.validator import Bench, CaseResult, run_afresh


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What fresh processes say: failing tests now passing, tests newly red, runs made."""

    fixed: tuple[str, ...]
    broken: tuple[str, ...]
    runs: int


@contextmanager
def patched_file(path: Path, new_text: str) -> Iterator[None]:
    """The file with the new text; the old bytes and times are put back, whatever happens.

    The time stamp differs by more than its resolution, so that no stale byte code is taken.
    """
    before, times = path.read_bytes(), path.stat()
    try:
        path.write_bytes(new_text.encode())
        os.utime(path, (times.st_atime + 1000, times.st_mtime + 1000))
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def confirm(
    bench: Bench,
    path: str,
    new_text: str,
    *,
    failing: tuple[str, ...],
    known_red: frozenset[str],
    known_green: frozenset[str] | None = None,
    times: int,
) -> Confirmation:
    """Run the bench's tests `times` times with the patch; a test must be green in every run.

    A red test speaks against the patch unless it was red before: it is in `known_red`, or
    `known_green` is given and it is not in there.
    """
    runs: list[dict[str, CaseResult]] = []
    with patched_file(bench.worktree / path, new_text):
        for _ in range(times):
            runs.append({result.test: result for result in run_afresh(bench)})
    fixed = tuple(name for name in failing if all(_is_fixed(run, name) for run in runs))
    red = {name for run in runs for name, result in run.items() if not result.green}
    gone = {name for run in runs for name in failing if "::" in name and name not in run}
    blamed = (red | gone) - set(failing) - known_red
    if known_green is not None:
        blamed &= known_green
    return Confirmation(fixed, tuple(sorted(blamed)), len(runs))


def _is_fixed(run: dict[str, CaseResult], name: str) -> bool:
    if "::" in name:
        return name in run and run[name].outcome == "passed"
    inside = [result for test, result in run.items() if test.startswith(f"{name}::")]
    return bool(inside) and name not in run and all(result.green for result in inside)
