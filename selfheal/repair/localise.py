"""Where the defect may be: Ochiai over executed lines, raised by the frames of the failures.

Pure. Ochiai (Abreu et al., 2006): failed(line) / sqrt(all failed x executed(line)).
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from selfheal.repair.source import SourceFile
from selfheal.repair.task import SuspectFunction
from selfheal.repair.validator import CaseResult

OCHIAI_SHARE = 0.7
INNERMOST_FRAME = 0.3
OTHER_FRAME = 0.15
# Code that runs at import is covered by every test alike: it is judged by who uses its names.
IMPORT_SHARE = 0.3
_WORD = re.compile(r"[A-Za-z_]\w*")

Line = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Localisation:
    """Scores (0..1) of lines and the functions that hold them, the most suspicious first.

    `results` are the traced runs the scores come from; `failing` and `passing` split them.
    """

    lines: Mapping[Line, float]
    functions: tuple[SuspectFunction, ...]
    results: Mapping[str, CaseResult]
    failing: tuple[str, ...]
    passing: tuple[str, ...]
    bodies: Mapping[tuple[str, str], tuple[int, ...]]

    def body(self, function: SuspectFunction) -> tuple[int, ...]:
        """The suspicious lines of a function."""
        return self.bodies.get((function.path, function.qualname), ())

    def is_framed(self, path: str, line: int) -> bool:
        """True when a failing test's traceback goes through this line."""
        failures = (self.results[name].failure for name in self.failing)
        frames = (frame for failure in failures if failure for frame in failure.frames)
        return any((frame.path, frame.line) == (path, line) for frame in frames)

    def covering(self, lines: Iterable[Line]) -> tuple[str, ...]:
        """Passing tests that execute any of these lines, those that execute least first."""
        wanted = set(lines)
        found = [
            result
            for result in (self.results[name] for name in self.passing)
            if any(line in result.lines.get(path, ()) for path, line in wanted)
        ]
        return tuple(result.test for result in sorted(found, key=_effort))


def _effort(result: CaseResult) -> tuple[int, str]:
    return sum(len(lines) for lines in result.lines.values()), result.test


def localise_lines(
    results: Sequence[CaseResult],
    sources: Mapping[str, SourceFile],
    imported: Mapping[str, frozenset[int]],
) -> Localisation:
    """Rank the lines of `sources` by how much the failing results point at them."""
    failing = [result for result in results if not result.green]
    passing = [result for result in results if result.outcome == "passed"]
    scores = _ochiai(failing, passing, sources)
    _add_frames(scores, failing, sources)
    _add_imported(scores, sources, imported)
    top = max(scores.values(), default=0.0)
    lines = {line: round(score / top, 4) for line, score in scores.items()} if top else {}
    functions, bodies = _functions(lines, failing, sources)
    return Localisation(
        lines,
        functions,
        {result.test: result for result in results},
        tuple(result.test for result in failing),
        tuple(result.test for result in passing),
        bodies,
    )


def _ochiai(
    failing: Sequence[CaseResult],
    passing: Sequence[CaseResult],
    sources: Mapping[str, SourceFile],
) -> dict[Line, float]:
    failed, passed = _counts(failing, sources), _counts(passing, sources)
    total = sum(1 for result in failing if result.lines) or 1
    return {
        line: OCHIAI_SHARE * count / sqrt(total * (count + passed[line]))
        for line, count in sorted(failed.items())
    }


def _counts(results: Sequence[CaseResult], sources: Mapping[str, SourceFile]) -> Counter[Line]:
    return Counter(
        (path, line)
        for result in results
        for path, lines in result.lines.items()
        if path in sources
        for line in lines
    )


def _add_frames(
    scores: dict[Line, float],
    failing: Sequence[CaseResult],
    sources: Mapping[str, SourceFile],
) -> None:
    """Raise the lines in tracebacks, by the share of the failures they are in."""
    for result in failing:
        frames = result.failure.frames if result.failure else ()
        seen: set[Line] = set()
        for depth, frame in enumerate(reversed(frames)):
            line = (frame.path, frame.line)
            if frame.path in sources and line not in seen:
                seen.add(line)
                bonus = INNERMOST_FRAME if depth == 0 else OTHER_FRAME
                scores[line] = scores.get(line, 0.0) + bonus / len(failing)


def _add_imported(
    scores: dict[Line, float],
    sources: Mapping[str, SourceFile],
    imported: Mapping[str, frozenset[int]],
) -> None:
    """Score statements that run at import by the most suspicious line that uses their names."""
    users: dict[str, float] = {}
    for (path, line), score in scores.items():
        for word in _WORD.findall(sources[path].line_text(line)):
            users[word] = max(users.get(word, 0.0), score)
    for path in sorted(imported):
        if path not in sources:
            continue
        top = max((score for (file, _), score in scores.items() if file == path), default=0.0)
        for line in _called_at_import(sources[path], imported[path]):
            scores[path, line] = max(IMPORT_SHARE * top, scores.get((path, line), 0.0))
        for statement in _import_time_statements(sources[path]):
            score = IMPORT_SHARE * max(
                (
                    _inner_score(scores, path, statement),
                    *(users.get(n, 0.0) for n in _given(statement)),
                )
            )
            for line in own_lines(statement):
                if score > scores.get((path, line), 0.0):
                    scores[path, line] = score


def _called_at_import(source: SourceFile, lines: frozenset[int]) -> list[int]:
    """Lines inside functions that ran while the tests were collected: they built tables, say."""
    bodies = {
        line
        for node in source.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for line in range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1)
        if node.body[0].lineno > node.lineno
    }
    return sorted(bodies & lines)


def _import_time_statements(source: SourceFile) -> Iterable[ast.stmt]:
    for node in source.nodes:
        if isinstance(node, ast.stmt):
            outer = source.parent.get(node)
            if outer is not None and source.function_of(outer) is None:
                yield node


def _inner_score(scores: Mapping[Line, float], path: str, statement: ast.stmt) -> float:
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return 0.0
    lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    return max((scores.get((path, line), 0.0) for line in lines), default=0.0)


def _given(statement: ast.stmt) -> list[str]:
    """Names a statement at import time gives to the rest of the program."""
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
    if isinstance(statement, ast.ImportFrom | ast.Import):
        return [(alias.asname or alias.name).split(".")[0] for alias in statement.names]
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return []
    return [n.id for n in ast.walk(statement) if isinstance(n, ast.Name)]


def own_lines(statement: ast.stmt) -> range:
    """The lines of a statement without those of the statements inside it."""
    body = getattr(statement, "body", None)
    last = statement.end_lineno or statement.lineno
    if isinstance(body, list) and body:
        last = max(statement.lineno, body[0].lineno - 1)
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return range(first, last + 1)


def _functions(
    lines: Mapping[Line, float],
    failing: Sequence[CaseResult],
    sources: Mapping[str, SourceFile],
) -> tuple[tuple[SuspectFunction, ...], dict[tuple[str, str], tuple[int, ...]]]:
    found: dict[tuple[str, str], SuspectFunction] = {}
    bodies: dict[tuple[str, str], tuple[int, ...]] = {}
    for path in sorted({path for path, _ in lines}):
        owners = _owners(sources[path])
        for line in sorted(line for file, line in lines if file == path):
            name, first = owners.get(line, ("", 1))
            score = lines[path, line]
            bodies[path, name] = (*bodies.get((path, name), ()), line)
            if (path, name) not in found or found[path, name].score < score:
                found[path, name] = SuspectFunction(
                    path=path,
                    qualname=name,
                    line=first,
                    score=score,
                    why=_why(path, line, failing),
                )
    order = sorted(found.values(), key=lambda f: (-f.score, f.path, f.line, f.qualname))
    return tuple(order), bodies


def _owners(source: SourceFile) -> dict[int, tuple[str, int]]:
    """Qualified name and first line of the innermost function by line."""
    found: dict[int, tuple[str, int]] = {}
    for node in source.nodes:  # outer before inner
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = source.qualname(node)
            for line in range(own_lines(node).start, (node.end_lineno or node.lineno) + 1):
                found[line] = (name, node.lineno)
    return found


def _why(path: str, line: int, failing: Sequence[CaseResult]) -> str:
    run = sum(1 for result in failing if line in result.lines.get(path, ()))
    framed = sum(
        1
        for result in failing
        if result.failure and any((f.path, f.line) == (path, line) for f in result.failure.frames)
    )
    said = [f"line {line} runs in {run} of {len(failing)} failing tests"] if run else []
    said += [f"is in the traceback of {framed}"] if framed else []
    return ", ".join(said) or f"line {line} runs at import and is used by suspicious lines"
