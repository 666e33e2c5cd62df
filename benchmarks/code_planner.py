"""How fast a plan is cut on a repository of the size of Django, with an index and without one.

    python benchmarks/code_planner.py [--repo PATH] [--plans 20] [--commits 20] [--no-aider]

Without `--repo` the standard library and installed packages, as far as 2,900 Python files, become a
git repository first. Prints in one run: the whole index from nothing; one more commit of one file;
plans of ten steps, each cut by a process of its own, with what the index knows and with none at
all; the peak of memory; the share of files known on successive commits; a map. Beside it, on the
same files, the repository map of `aider-chat` (cold and warm), which is the thing most people use
for that: installed for the run into an environment of its own, where the machine can.

A process is timed from its start, so Python's own and all imports are in the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from selfheal.code_planning.planner import CodePlanner
from selfheal.codegraph.source import module_name
from selfheal.contracts.plan import Plan, Step, Symbol
from selfheal.index.disk import DiskStore
from selfheal.index.index import Index
from selfheal.index.snapshot import Snapshot
from selfheal.workspace.git import Git
from selfheal.workspace.objects import Objects

FILES = 2_900
STEPS = 10
AIDER = "aider-chat==0.86.2"
SEED = 5

_GIVEN: dict[str, float] = {}
"""Seconds by what took them, for the ratios at the end."""

_GIT = ("-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, its commits oldest first, and how large the last one is."""

    folder: Path
    commits: tuple[str, ...]

    @property
    def sha(self) -> str:
        return self.commits[-1]


def main() -> None:
    arguments = _arguments()
    if arguments.job:
        print(json.dumps(_JOBS[arguments.job](arguments)))
        return
    with tempfile.TemporaryDirectory(prefix="selfheal-bench-") as scratch:
        folder = Path(scratch)
        given = arguments.repo is not None
        path = arguments.repo.absolute() if given else _made(folder / "repository")
        print(f"repository: {_described(path)}; {len(os.sched_getaffinity(0))} processors")
        if not given:
            _edits(path, arguments.commits)
        commits = _git(
            path, "rev-list", "--first-parent", "--max-count", str(arguments.commits + 1), "HEAD"
        )
        repository = Repository(path, tuple(reversed(commits.split())))
        _index_figures(repository, folder)
        _plan_figures(repository, folder, plans=arguments.plans)
        _map_figures(repository, folder / "map")
        if arguments.aider:
            _aider_figures(repository, folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repo", type=Path)
    parser.add_argument("--plans", type=int, default=20)
    parser.add_argument("--commits", type=int, default=20)
    parser.add_argument("--no-aider", dest="aider", action="store_false")
    parser.add_argument("--job", choices=sorted(_JOBS), help=argparse.SUPPRESS)
    parser.add_argument("--sha", default="", help=argparse.SUPPRESS)
    parser.add_argument("--index", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--plan", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


# What is printed


def _index_figures(repository: Repository, folder: Path) -> None:
    first, *later = repository.commits
    kept = folder / "index"
    whole = _run("fill", repository.folder, sha=first, index=kept)
    _print("whole index from nothing", whole.seconds, "s", "< 30")
    _print("  CPU time, of all processes", whole.cpu, "s")
    _GIVEN["whole index"] = whole.seconds
    print(f"  {whole.said['files']} source files; kept on disk: {_megabytes(kept):.0f} MB")
    _print("  peak memory, with reader processes", whole.said["peak_mb"], "MB", "< 1000")
    again = _run("fill", repository.folder, sha=first, index=kept)
    _print("the same once more, nothing to do", again.seconds, "s")
    asked = [_run("commit", repository.folder, sha=sha, index=kept).said for sha in later]
    if asked:
        _print(
            "one more commit, p50", 1000 * median(one["seconds"] for one in asked), "ms", "< 300"
        )
        _print("one more commit, worst", 1000 * max(one["seconds"] for one in asked), "ms")
        _print("  p50 of CPU time", 1000 * median(one["cpu"] for one in asked), "ms")
        rates = [one["hit_rate"] for one in asked]
        _print("known of a successive commit, mean", 100 * sum(rates) / len(rates), "%", ">= 95")
        _print("known of a successive commit, worst", 100 * min(rates), "%", ">= 70")


def _plan_figures(repository: Repository, folder: Path, *, plans: int) -> None:
    files = [_plan_for(repository, folder / f"plan-{n}.json", seed=n) for n in range(plans)]
    at = partial(_run, "plan", repository.folder, sha=repository.sha)
    warm = [at(index=folder / "index", plan=file) for file in files]
    none = [at(index=folder / f"none-{n}", plan=file) for n, file in enumerate(files)]
    _spread("plan of ten steps, warm index", warm, "< 1")
    _spread("plan of ten steps, no index", none, "< 4")
    _GIVEN["plan warm"] = median(one.seconds for one in warm)
    _GIVEN["plan cold"] = median(one.seconds for one in none)
    peak = max(one.said["peak_mb"] for one in (*warm, *none))
    _print("  peak memory of a plan", peak, "MB", "< 1000")
    rate = sum(one.said["hit_rate"] for one in warm) / len(warm)
    _print("  known of what plans asked for", 100 * rate, "%", ">= 95")
    same = all(a.said["bundle"] == b.said["bundle"] for a, b in zip(warm, none, strict=True))
    print(f"  bundles with and without an index are the same: {'yes' if same else 'NO'}")


def _map_figures(repository: Repository, run_folder: Path) -> None:
    """`selfheal map` as it is typed: with nothing known, then with what that has kept."""
    seconds = [_drawn(repository, run_folder) for _ in range(4)]
    _GIVEN["map cold"], _GIVEN["map warm"] = seconds[0], median(seconds[1:])
    _print("map of the repository, cold", _GIVEN["map cold"], "s")
    _print("map of the repository, warm, p50", _GIVEN["map warm"], "s", "< 2")


def _drawn(repository: Repository, run_folder: Path) -> float:
    command = [sys.executable, "-m", "selfheal.cli", "map", repository.folder]
    begun = time.perf_counter()
    subprocess.run(
        [*command, "--rev", repository.sha],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "SELFHEAL_FARM__RUN_FOLDER": str(run_folder)},
    )
    return time.perf_counter() - begun


def _print(what: str, value: float, unit: str, target: str = "") -> None:
    print(f"{what:<44}{value:9.2f} {unit}" + (f"   (target {target})" if target else ""))


def _spread(what: str, ran: list[Ran], target: str) -> None:
    """Of whole processes; then of their work without start and imports, and of CPU time."""
    _print(f"{what}, p95", _p95([one.seconds for one in ran]), "s", target)
    _print("  p50", median(one.seconds for one in ran), "s")
    _print("  p50 without start and imports", median(one.said["seconds"] for one in ran), "s")
    _print("  p50 of CPU time", median(one.cpu for one in ran), "s")


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, round(0.95 * len(values)))]


# aider's repository map


_MAP = """
import json, sys, time
from pathlib import Path
from aider.io import InputOutput
from aider.models import Model
from aider.repomap import RepoMap

class Counter:
    def token_count(self, text):
        return len(text) // 4

folder = Path(sys.argv[1])
listed = [str(path) for path in sorted(folder.rglob("*.py"))]
mine = [str(folder / name) for name in sys.argv[2:]]
begun = time.perf_counter()
made = RepoMap(root=str(folder), main_model=Counter(), io=InputOutput(yes=True, pretty=False),
               map_tokens=1024)
text = made.get_repo_map(mine, [one for one in listed if one not in mine])
print(json.dumps({"seconds": time.perf_counter() - begun, "characters": len(text or "")}))
"""


def _aider_figures(repository: Repository, folder: Path) -> None:
    """On a copy of the checkout, for its cache lies in the folder that it maps."""
    python = _aider_python(folder / "aider")
    if python is None:
        return
    copy = folder / "copy"
    _git(folder, "clone", "--quiet", str(repository.folder), str(copy))
    chosen = [
        step.path for step in Plan.model_validate_json((folder / "plan-0.json").read_bytes()).steps
    ]
    cold = _mapped(python, copy, chosen)
    warm = [_mapped(python, copy, chosen) for _ in range(3)]
    _print("aider's map of the same files, cold", cold, "s")
    _print("aider's map, warm, p50", median(warm), "s")
    _GIVEN["aider cold"], _GIVEN["aider warm"] = cold, median(warm)
    for state in ("warm", "cold"):
        for ours, target in (("plan", ">= 5"), ("map", "")):
            ratio = _GIVEN[f"aider {state}"] / _GIVEN[f"{ours} {state}"]
            _print(f"aider's map / our {ours}, {state}", ratio, "x", target)
    _print("aider's map, cold / our whole index", _GIVEN["aider cold"] / _GIVEN["whole index"], "x")


def _aider_python(environment: Path) -> Path | None:
    """The interpreter of a new environment with aider; None, with a reason, where that fails."""
    python = environment / "bin" / "python"
    try:
        subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=120)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", AIDER]
        subprocess.run(install, check=True, capture_output=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"no {AIDER} on this machine: {str(error)[:200]}")
        return None
    return python


def _mapped(python: Path, folder: Path, chosen: list[str]) -> float:
    """Seconds of a whole process that maps the folder for those who look at the chosen files."""
    begun = time.perf_counter()
    subprocess.run(
        [python, "-P", "-c", _MAP, folder, *chosen],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, "HOME": str(folder.parent)},
    )
    return time.perf_counter() - begun


# Jobs, each in a process of its own


@dataclass(frozen=True, slots=True)
class Ran:
    """How long a process took, its CPU time with that of its children, and what it said."""

    seconds: float
    cpu: float
    said: dict[str, Any]


def _run(job: str, repo: Path, *, sha: str, index: Path, plan: Path | None = None) -> Ran:
    options = ["--repo", repo, "--sha", sha, "--index", index, *(["--plan", plan] if plan else [])]
    command = [sys.executable, __file__, "--job", job, *map(str, options)]
    before, begun = _cpu_of_children(), time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - begun
    return Ran(seconds, _cpu_of_children() - before, json.loads(done.stdout))


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _fill(arguments: argparse.Namespace) -> dict[str, Any]:
    snapshot = _snapshot(arguments.repo, arguments.sha)
    with DiskStore(arguments.index) as store:
        index = Index(store)
        index.fill(snapshot)
    files = (index.tally.hits + index.tally.misses) / 2
    return {"files": files, "peak_mb": _peak_mb()}


def _commit(arguments: argparse.Namespace) -> dict[str, Any]:
    with DiskStore(arguments.index) as store:
        begun, before = time.perf_counter(), time.process_time() + _cpu_of_children()
        index = Index(store)
        index.fill(_snapshot(arguments.repo, arguments.sha))
        seconds = time.perf_counter() - begun
        cpu = time.process_time() + _cpu_of_children() - before
    return {"seconds": seconds, "cpu": cpu, "hit_rate": index.tally.hit_rate}


def _plan(arguments: argparse.Namespace) -> dict[str, Any]:
    plan = Plan.model_validate_json(arguments.plan.read_bytes())
    with DiskStore(arguments.index) as store:
        begun = time.perf_counter()
        index = Index(store)
        bundle = CodePlanner(_snapshot(arguments.repo, arguments.sha), index).run(plan)
        seconds = time.perf_counter() - begun
    return {
        "seconds": seconds,
        "hit_rate": index.tally.hit_rate,
        "peak_mb": _peak_mb(),
        "bundle": bundle.model_dump_json(),
    }


_JOBS: dict = {"fill": _fill, "commit": _commit, "plan": _plan}


def _snapshot(repo: Path, sha: str) -> Snapshot:
    return Snapshot.at(Objects(Git(repo / ".git")), sha)


def _plan_for(repository: Repository, file: Path, *, seed: int) -> Path:
    """A plan that edits ten top-level functions, drawn from those that git finds."""
    drawn = random.Random(seed)
    listed = _git(repository.folder, "grep", "-E", r"^def [a-z]\w+\(", repository.sha, "--", "*.py")
    places = sorted(
        {line.split(":", 2)[1] + ":" + line.split(":", 2)[2] for line in listed.splitlines()}
    )
    steps = [
        _step(order, place) for order, place in enumerate(drawn.sample(places, STEPS), start=1)
    ]
    plan = Plan(
        id=UUID(int=seed + 1),
        parent_request_id=UUID(int=1),
        steps=tuple(steps),
        reserved_lease_ids=(UUID(int=2),),
        base_commit_sha=repository.sha,
        planner="benchmark",
    )
    file.write_text(plan.model_dump_json())
    return file


def _step(order: int, place: str) -> Step:
    path, _, line = place.partition(":")
    name = line.removeprefix("def ").partition("(")[0]
    symbol = Symbol(fq_name=f"{module_name(path)}.{name}", kind="function", file_path=path)
    return Step(order=order, kind="EDIT", path=path, symbols=(symbol,), goal=f"change {name}")


def _peak_mb() -> float:
    """Of this process, and of as many of its children as there are processors."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + largest_child * len(os.sched_getaffinity(0))) / 1024


# The repository


def _made(folder: Path) -> Path:
    """The standard library without its tests, then packages by name, as far as FILES go."""
    library, packages = (Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib"))
    for source, target in islice(_sources(library, packages), FILES):
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / target)
    _git(folder, "init", "--quiet")
    _keep(folder, "everything")
    return folder


def _sources(library: Path, packages: Path) -> Iterator[tuple[Path, Path]]:
    for root in (library, packages):
        for source in sorted(root.rglob("*.py")):
            target = source.relative_to(root)
            if target.parts[0] not in ("test", "site-packages"):
                yield source, target


def _edits(folder: Path, commits: int) -> None:
    """Commits that each change one file, drawn by a fixed seed."""
    drawn = random.Random(SEED)
    files = sorted(folder.rglob("*.py"))
    for number in range(commits):
        with drawn.choice(files).open("ab") as file:
            file.write(b"\n\ndef added_%d():\n    return %d\n" % (number, number))
        _keep(folder, f"change {number}")


def _keep(folder: Path, message: str) -> None:
    _git(folder, "add", "--all", "--force")
    _git(folder, "commit", "--quiet", "--message", message)


def _described(folder: Path) -> str:
    listed = _git(folder, "ls-tree", "-r", "-l", "HEAD").splitlines()
    sizes = [int(line.split()[3]) for line in listed if line.endswith(".py")]
    return f"{len(sizes)} Python files, {sum(sizes) / 1e6:.1f} MB"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", *_GIT, *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True, errors="replace"
    ).stdout


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


if __name__ == "__main__":
    main()
