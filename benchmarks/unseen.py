"""Real packages with one planted one-token defect each: how many does `selfheal heal` mend?

    python benchmarks/unseen.py [--seed N] [--packages NAME==VERSION ...] [--json]

Fetches source archives with pip, makes each a git repository, and plants the first defect, in an
order drawn from the seed, that its own tests notice. Then `selfheal heal` as a user types it, from
cold, with a limit of 120 s. Beside it, as the reference, what any fix has to pay: a single run of
the package's suite. A fix counts as such by heal's own evidence: tests failed before, and none does
after. Whether it is the line that was planted is told as well.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

LIMIT_SECONDS = 120
SUITE_SECONDS = 60
PACKAGES = (
    "boltons==25.0.0",
    "cachetools==5.5.0",
    "idna==3.10",
    "jmespath==1.0.1",
    "mistune==3.0.2",
    "more-itertools==10.5.0",
    "parse==1.20.2",
    "pathspec==0.12.1",
    "sqlparse==0.5.3",
    "tabulate==0.9.0",
)

SWAPS: dict[type[ast.AST], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.And: "or",
    ast.Or: "and",
}


@dataclass(frozen=True, slots=True)
class Planted:
    """One line, as it was and as it is now."""

    path: str
    line: int
    was: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """What became of one package."""

    package: str
    planted: str
    suite_seconds: float
    seconds: float
    exit_code: int
    failed_before: int
    fixed: bool
    same_line: bool
    reason: str


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--packages", nargs="+", default=PACKAGES, metavar="NAME==VERSION")
    parser.add_argument("--json", action="store_true", help="one JSON object per package")
    options = parser.parse_args()
    results = []
    for package in options.packages:
        with tempfile.TemporaryDirectory(prefix="selfheal-unseen-") as folder:
            result = heal_one(package, Path(folder), seed=options.seed)
        if result is None:
            print(f"{package}: left out, its suite does not pass here as it is", file=sys.stderr)
            continue
        results.append(result)
        print(json.dumps(asdict(result)) if options.json else line_of(result), flush=True)
    if not options.json:
        fixed = sum(result.fixed and result.seconds <= LIMIT_SECONDS for result in results)
        print(f"{fixed} of {len(results)} mended within {LIMIT_SECONDS} s (goal: 7 of 10)")


def line_of(result: Healed) -> str:
    ratio = result.seconds / result.suite_seconds
    where = "same line" if result.same_line else "elsewhere"
    end = f"mended, {where}" if result.fixed else f"exit {result.exit_code}: {result.reason}"
    return (
        f"{result.package:24} suite {result.suite_seconds:5.1f} s  heal {result.seconds:5.1f} s"
        f"  ratio {ratio:5.1f}  {result.failed_before:4} failed  {result.planted}: {end}"
    )


def heal_one(package: str, folder: Path, *, seed: int) -> Healed | None:
    """None for a package whose suite cannot be used on this machine."""
    root = fetched(package, folder)
    began = time.monotonic()
    if suite(root) != 0:
        return None
    suite_seconds = time.monotonic() - began
    planted = plant(root, random.Random(f"{seed} {package}"))
    if planted is None:
        return None
    commit(root)
    began = time.monotonic()
    healed = heal(root, run_folder=folder / "run")
    seconds = time.monotonic() - began
    report = json.loads(healed.stdout) if healed.stdout.startswith("{") else {}
    before, after = report.get("before") or {}, report.get("after") or {}
    return Healed(
        package=package,
        planted=f"{planted.path}:{planted.line} {planted.was.strip()} -> {planted.now.strip()}",
        suite_seconds=round(suite_seconds, 2),
        seconds=round(seconds, 1),
        exit_code=healed.returncode,
        failed_before=before.get("failed", 0),
        fixed=healed.returncode == 0 and bool(before.get("failed")) and after.get("failed") == 0,
        same_line=f"+{planted.was}" in json.dumps(report).replace("\\\\", "\\"),
        reason=report.get("reason") or healed.stderr.strip()[-200:],
    )


def heal(root: Path, *, run_folder: Path) -> subprocess.CompletedProcess[str]:
    """As a user would, who presses Ctrl-C when it takes three times as long as it may."""
    with subprocess.Popen(
        [sys.executable, "-m", "selfheal.cli", "heal", str(root), "--json"],
        env={**os.environ, "SELFHEAL_FARM__RUN_FOLDER": str(run_folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            out, err = running.communicate(timeout=LIMIT_SECONDS * 3)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)
            out, err = running.communicate()
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)


def fetched(package: str, folder: Path) -> Path:
    """The unpacked source archive."""
    # Of this one only: what it is built with may come as wheels.
    command = ("download", "--quiet", "--no-deps", "--no-binary", package.partition("=")[0])
    subprocess.run(
        [sys.executable, "-m", "pip", *command, "--dest", str(folder), package],
        check=True,
        capture_output=True,
    )
    archive, source = next(folder.glob("*.tar.gz")), folder / "source"
    source.mkdir()
    # As root, tar would give the files to whoever packed them, and git refuses to work on those.
    unpack = ("tar", "--no-same-owner", "-xzf", str(archive), "-C", str(source))
    subprocess.run(unpack, check=True)
    return next(source.iterdir())


def suite(root: Path) -> int:
    """The exit status of the package's own tests."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{root / 'src'}:{root}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    try:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"],
            cwd=root,
            env=environment,
            capture_output=True,
            timeout=SUITE_SECONDS,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return -1


def plant(root: Path, choose: random.Random) -> Planted | None:
    """The first defect in the drawn order that tests notice."""
    defects = [defect for path in sources(root) for defect in defects_in(root, path)]
    choose.shuffle(defects)
    for defect in defects[:40]:
        file = root / defect.path
        before = file.read_text(encoding="utf-8")
        lines = before.splitlines(keepends=True)
        lines[defect.line - 1] = defect.now + "\n"
        file.write_text("".join(lines), encoding="utf-8")
        if suite(root) == 1:  # pytest's status for tests that ran and failed
            return defect
        file.write_text(before, encoding="utf-8")
    return None


def sources(root: Path) -> list[Path]:
    """The package's own modules: no tests, no packaging, no documentation."""
    outside = {"test", "tests", "doc", "docs", "examples", "benchmarks", "tools", "build", "misc"}
    return sorted(
        path
        for path in root.rglob("*.py")
        if not outside & set(path.relative_to(root).parts)
        and not path.name.startswith(("test_", "conftest", "setup"))
    )


def defects_in(root: Path, path: Path) -> Iterator[Planted]:
    """Each operator in a function turned into its counterpart, on its line."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for function in ast.walk(ast.parse(text)):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            for left, operator, right in operations(node):
                if left.end_lineno != right.lineno or not left.end_lineno:
                    continue
                line = lines[left.end_lineno - 1]
                if not line.isascii():
                    continue
                new = f" {SWAPS[type(operator)]} "
                now = line[: left.end_col_offset] + new + line[right.col_offset :]
                if parses(lines, left.end_lineno, now):
                    yield Planted(str(path.relative_to(root)), left.end_lineno, line, now)


def operations(node: ast.AST) -> Iterator[tuple[ast.expr, ast.AST, ast.expr]]:
    """(left, operator, right) of what can be swapped."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in SWAPS:
        yield node.left, node.ops[0], node.comparators[0]
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        yield node.left, node.op, node.right
    if isinstance(node, ast.BoolOp) and len(node.values) == 2:
        yield node.values[0], node.op, node.values[1]


def parses(lines: Sequence[str], number: int, now: str) -> bool:
    try:
        ast.parse("\n".join([*lines[: number - 1], now, *lines[number:]]))
    except SyntaxError:
        return False
    return True


def commit(root: Path) -> None:
    """A repository with one commit: the package, defect included."""
    git = ("git", "-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
    for arguments in (
        ("init", "-q", "-b", "main"),
        ("add", "--all", "--force"),
        ("commit", "-q", "-m", "as released"),
    ):
        subprocess.run([*git, *arguments], cwd=root, check=True, capture_output=True)


if __name__ == "__main__":
    main()
