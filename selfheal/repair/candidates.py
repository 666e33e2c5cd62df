"""Candidate edits in the order they are tried: waves of tier and location, then by score."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from selfheal.repair.forbidden import is_forbidden
from selfheal.repair.localise import Localisation, own_lines
from selfheal.repair.source import Edit, SourceFile
from selfheal.repair.templates.catalogue import CATALOGUE
from selfheal.repair.templates.place import Change, Place, Template
from selfheal.repair.validator import Failure
from selfheal.repair.vocabulary import Vocabulary

# Lines by score relative to the best: near it, in between, the rest.
BANDS = (0.6, 0.25, 0.0)
NAMED_IN_FAILURE = 3.0
_QUOTED = re.compile(r"['\"`]([A-Za-z_]\w*)['\"`]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One edit with what it was made by; a higher `score` is tried earlier within its wave."""

    source: SourceFile
    node: ast.AST
    change: Change
    template: Template
    score: float
    wave: int

    @property
    def edit(self) -> Edit:
        change = self.change
        return self.source.edit(self.node, (change.start, change.end, change.text))

    @property
    def statement(self) -> ast.stmt:
        found = self.source.statement_of(self.node)
        assert found is not None
        return found

    @property
    def lines(self) -> tuple[tuple[str, int], ...]:
        return tuple((self.source.path, line) for line in own_lines(self.statement))

    @property
    def order(self) -> tuple[float, str, int, int, str, str]:
        c = self.change
        return (-self.score, self.source.path, c.start, c.end, self.template.name, c.text)


def waves(
    sources: Mapping[str, SourceFile],
    localisation: Localisation,
    failures: Sequence[Failure],
    *,
    out_of_time: Callable[[], bool],
) -> Iterator[list[Candidate]]:
    """Waves of candidates, each sorted; none any more once it is `out_of_time`.

    Wave n holds tier t at the lines of band n + 1 - t: the first tier at the best lines, then the
    first tier at the next lines with the second tier at the best, and so on.
    """
    places = list(_places(sources, localisation))
    named = frozenset(name for failure in failures for name in _QUOTED.findall(failure.message))
    last = max(template.tier for template in CATALOGUE) + len(BANDS) - 1
    for wave in range(last):
        found: list[Candidate] = []
        for place, score, band in places:
            if out_of_time():  # a file of large tables has places by the ten thousand
                return
            tier = wave + 1 - band
            for template in CATALOGUE:
                if template.tier == tier and isinstance(place.node, template.nodes):
                    found.extend(_candidates(place, template, score, wave))
        found = [replace(c, score=c.score * _routing(c, named)) for c in found]
        yield sorted(
            (c for c in found if not is_forbidden(c.source, c.node, c.change)),
            key=lambda candidate: candidate.order,
        )


def _candidates(place: Place, template: Template, score: float, wave: int) -> Iterator[Candidate]:
    for change in template.changes(place):
        if place.source.text[change.start : change.end] != change.text:
            full = round(score * template.prior * change.weight, 6)
            yield Candidate(place.source, place.node, change, template, full, wave)


def _places(
    sources: Mapping[str, SourceFile], localisation: Localisation
) -> Iterator[tuple[Place, float, int]]:
    public = _public_names(sources, localisation)
    for path in sorted({path for path, _ in localisation.lines}):
        source = sources[path]
        words = Vocabulary(source, tuple(n for n in public if n not in source.text))
        scores = _statement_scores(source, localisation)
        silent = _silent_nodes(source, localisation)
        for node in source.nodes:
            statement = source.statement_of(node)
            score = scores.get(statement, 0.0) if statement is not None else 0.0
            if score > 0 and node not in silent and source.is_reliable(node):
                band = next(number for number, least in enumerate(BANDS) if score >= least)
                yield Place(source, words, node), score, band


def _public_names(sources: Mapping[str, SourceFile], localisation: Localisation) -> tuple[str, ...]:
    """Names defined in the files that the failing tests run."""
    paths = sorted({path for path, _ in localisation.lines})
    found = (name for path in paths for name in Vocabulary(sources[path]).defined)
    return tuple(dict.fromkeys(found))


def _statement_scores(source: SourceFile, localisation: Localisation) -> dict[ast.AST, float]:
    found: dict[ast.AST, float] = {}
    for node in source.nodes:
        if isinstance(node, ast.stmt):
            lines = [localisation.lines.get((source.path, n), 0.0) for n in own_lines(node)]
            found[node] = max(lines, default=0.0)
    return found


def _silent_nodes(source: SourceFile, localisation: Localisation) -> frozenset[ast.AST]:
    """Nodes no test can tell apart: docstrings, and annotations unless a failure points there."""
    roots: list[ast.AST] = []
    for node in source.nodes:
        for name in ("annotation", "returns"):
            child = getattr(node, name, None)
            if isinstance(child, ast.expr) and not localisation.is_framed(
                source.path, child.lineno
            ):
                roots.append(child)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            roots.append(node.value)
    return frozenset(inner for root in roots for inner in ast.walk(root))


def _routing(candidate: Candidate, named: frozenset[str]) -> float:
    """A name quoted by the failure's message is the likeliest to be wrong, or to be missing."""
    node, new = candidate.node, candidate.change.text
    name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "arg", None)
    return NAMED_IN_FAILURE if name in named or new in named else 1.0
