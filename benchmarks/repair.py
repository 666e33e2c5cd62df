"""Repair on planted defects: how many are found, how fast, against a naive reference.

    python benchmarks/repair.py CHECKOUT... [--each 5] [--seed 1] [--budget 60]

Each CHECKOUT is a package with a pytest suite. One token of its code is changed at random by a
mutator of this file, which knows nothing of the fix templates; only changes that make a test fail
count. Prints a line per defect and, at the end, the shares and the cost of one validation as a
ratio to a fresh `python -m pytest` of the failing test's file.
"""

from __future__ import annotations

import argparse
import ast
import io
import keyword
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from selfheal.edits.diff import file_diff
from selfheal.repair.engine import repair
from selfheal.repair.project import project_files
from selfheal.repair.task import RepairOutcome, RepairTask
from selfheal.sandbox.jail import Sandbox

OPERATORS = {
    "<": ["<=", ">", ">="], "<=": ["<", ">="], ">": [">=", "<"], ">=": [">", "<="],
    "==": ["!="], "!=": ["=="], "+": ["-", "*"], "-": ["+"], "*": ["/", "+", "**"],
    "/": ["*", "//"], "//": ["/", "%"], "%": ["//"], "**": ["*"], "&": ["|"], "|": ["&"],
    "<<": [">>"], ">>": ["<<"], "+=": ["-=", "="], "-=": ["+="], "*=": ["+="], "^": ["|"],
}  # fmt: skip
WORDS = {
    "and": ["or"], "or": ["and"], "True": ["False"], "False": ["True"], "not": [""],
    "is": ["is not"], "in": ["not in"], "break": ["continue"], "continue": ["break"],
    "min": ["max"], "max": ["min"], "any": ["all"], "all": ["any"], "None": ["True"],
    "if": ["if not"], "elif": ["elif not"], "while": ["while not"],
}  # fmt: skip


@dataclass(frozen=True)
class Defect:
    """One planted change: the file, the text before and after."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Score:
    """What became of one defect."""

    found: bool
    same: bool
    seconds: float
    validations: int
    ratio: float


def mutants(text: str, chance: random.Random) -> list[str]:
    """The text with one token changed, in random order, without end-of-line layout changes."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return []
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    names = [
        (token.string, _kind(tokens, number))
        for number, token in enumerate(tokens)
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string)
    ]
    found = []
    for number, token in enumerate(tokens):
        begin = starts[token.start[0] - 1] + token.start[1]
        end = starts[token.end[0] - 1] + token.end[1]
        for other in _others(tokens, number, names, chance):
            found.append((token.type, text[:begin] + other + text[end:]))
    found += [(-1, other) for other in _swaps(text, tokens, starts)]
    # Kinds come up equally often: a plain draw would be names almost every time.
    kinds = sorted({kind for kind, _ in found})
    ordered = []
    piles = {kind: [new for k, new in found if k == kind] for kind in kinds}
    for pile in piles.values():
        chance.shuffle(pile)
    while any(piles.values()):
        kind = chance.choice([kind for kind in kinds if piles[kind]])
        ordered.append(piles[kind].pop())
    return ordered


def _kind(tokens: list[tokenize.TokenInfo], number: int) -> tuple[str, bool, bool]:
    """Names of one kind stand in one function, or follow the same base; all called, or none."""
    before = tokens[number - 1].string
    called = tokens[number + 1].string == "("
    if before == ".":
        return tokens[number - 2].string, True, called
    heads = (n for n in range(number, -1, -1) if tokens[n].string in ("def", "class"))
    head = next(heads, 0)
    return (f"{head}" if not called else ""), False, called


def _others(
    tokens: list[tokenize.TokenInfo],
    number: int,
    names: list[tuple[str, tuple[str, bool, bool]]],
    chance: random.Random,
) -> Iterator[str]:
    token = tokens[number]
    if token.type == tokenize.OP:
        yield from OPERATORS.get(token.string, [])
        if token.string == "." and tokens[number + 1].type == tokenize.NAME:
            return
    elif token.type == tokenize.NUMBER and token.string.isdigit():
        yield from (str(int(token.string) + 1), str(max(0, int(token.string) - 1)))
    elif token.type == tokenize.STRING and token.string[:1] in "'\"" and len(token.string) < 40:
        quote = token.string[0]
        if not token.string.startswith(quote * 3) and tokens[number - 1].type != tokenize.INDENT:
            yield quote + token.string[1:-1].swapcase() + quote
            yield quote + token.string[1:-1] + "x" + quote
    elif token.type == tokenize.NAME:
        yield from WORDS.get(token.string, [])
        before = tokens[number - 1].string
        if not keyword.iskeyword(token.string) and before not in ("def", "class", "import"):
            kind = _kind(tokens, number)
            yield chance.choice([name for name, other in names if other == kind])


def _swaps(text: str, tokens: list[tokenize.TokenInfo], starts: list[int]) -> Iterator[str]:
    """`(a, b` to `(b, a` where both are single tokens."""
    plain = (tokenize.NAME, tokenize.NUMBER, tokenize.STRING)
    for one, comma, other, after in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
        same_line = one.start[0] == other.end[0]
        atoms = comma.string == "," and one.type in plain and other.type in plain
        if atoms and same_line and after.string in (",", ")") and one.string != other.string:
            base = starts[one.start[0] - 1]
            a, b, c, d = one.start[1], one.end[1], other.start[1], other.end[1]
            middle = text[base + b : base + c]
            yield text[: base + a] + other.string + middle + one.string + text[base + d :]


def planted(checkout: Path, chance: random.Random, *, wanted: int) -> Iterator[tuple[Defect, Path]]:
    """Copies of the checkout with one defect each that makes at least one test fail."""
    files = project_files(checkout, ())
    texts = {path: (checkout / path).read_text(encoding="utf-8") for path in files}
    sized = [path for path in files if len(texts[path]) > 400]
    piles = {path: mutants(texts[path], chance) for path in sized}
    given = 0
    while given < wanted and any(piles.values()):
        path = chance.choice([path for path in sized if piles[path]])
        new = piles[path].pop()
        if new == texts[path] or not _compiles(new):
            continue
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder) / "tree"
            shutil.copytree(checkout, tree, ignore=shutil.ignore_patterns("__pycache__", ".git"))
            (tree / path).write_text(new, encoding="utf-8")
            if _red(tree):
                given += 1
                yield Defect(path, texts[path], new), tree


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _pytest(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    import os

    source = {"PYTHONPATH": "src"} if (tree / "src").is_dir() else {}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **source},
        capture_output=True,
        text=True,
        timeout=120,
    )


def _red(tree: Path) -> bool:
    try:
        return _pytest(tree).returncode == 1
    except subprocess.TimeoutExpired:
        return True


def measured(defect: Defect, tree: Path, sandbox: Sandbox, budget: float) -> Score:
    begin = time.monotonic()
    outcome = repair(
        RepairTask(
            worktree=tree, python=Path(sys.executable), sandbox=sandbox, budget_seconds=budget
        )
    )
    seconds = time.monotonic() - begin
    same = bool(outcome.patches) and _tree(outcome.patches[0].new_text) == _tree(defect.old)
    _report(defect, outcome, seconds, same=same)
    return Score(
        outcome.status == "fixed", same, seconds, outcome.validations, _ratio(outcome, tree)
    )


def _tree(text: str) -> str:
    return ast.dump(ast.parse(text))


def _ratio(outcome: RepairOutcome, tree: Path) -> float:
    """How many of our validations fit into one fresh pytest run of the failing test's file."""
    if not outcome.patches or not outcome.validations:
        return 0.0
    begin = time.monotonic()
    _pytest(tree, outcome.patches[0].fixes[0].split("::")[0])
    return (time.monotonic() - begin) / (outcome.seconds["search"] / outcome.validations)


def _report(defect: Defect, outcome: RepairOutcome, seconds: float, *, same: bool) -> None:
    change = [
        line
        for line in file_diff(defect.path, defect.old, defect.new).splitlines()
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    verdict = "same" if same else outcome.status
    print(
        f"{verdict:9} {seconds:5.1f} s {outcome.validations:5} validations "
        f"{outcome.plausible:3} plausible  {defect.path}"
    )
    for line in change:
        print(f"    planted {line[:110]}")
    if outcome.status != "fixed":
        print(f"    {outcome.reason}; {dict(outcome.seconds)}")
        print(f"    looked at {[f'{f.qualname} {f.score}' for f in outcome.looked_at[:5]]}")
    elif not same:
        for line in outcome.patches[0].diff.splitlines()[2:]:
            if line[:1] == "+" and line[:3] != "+++":
                print(f"    patched {line[:110]} ({outcome.patches[0].template})")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("checkouts", nargs="+", type=Path)
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=60.0)
    given = parser.parse_args()
    scores = []
    for checkout in given.checkouts:
        print(f"== {checkout.name}")
        chance = random.Random(f"{given.seed} {checkout.name}")
        for defect, tree in planted(checkout.resolve(), chance, wanted=given.each):
            scores.append(measured(defect, tree, sandbox_of_this_machine(), given.budget))
    found = [score for score in scores if score.found]
    print(
        f"{len(found)}/{len(scores)} found, {sum(s.same for s in scores)} as before the defect; "
        f"median {statistics.median(s.seconds for s in scores):.1f} s, "
        f"{statistics.median(s.validations for s in scores):.0f} validations; one fresh pytest run "
        f"costs as much as {statistics.median([s.ratio for s in found] or [0.0]):.0f} validations"
    )


def sandbox_of_this_machine() -> Sandbox:
    """The provider that repairs use here."""
    from selfheal.sandbox.choose import choose_sandbox

    return choose_sandbox()


if __name__ == "__main__":
    main()
