"""How well `selfheal locate` finds what a commit changed, against plain BM25 and against grep.

    python benchmarks/localisation.py [NAME=]REPO... [--cases FILE] [--most 25] [--half quote]

Cases come from the history of any git repositories, checked out or bare: the message of a commit
is the text, what it changed of ordinary Python files and functions is the answer, its parent is
what is looked in. Or from real issues: FILE has a JSON object a line, with `repo` (a NAME given
above), `base`, `text` and `patch`, as sets of issues with their fixes have them.

History has its say as in `selfheal locate`: only commits that lead up to the one looked in count.
Files of a release have none, as a repository of one commit has none.

Acc@k: all files (functions) of the answer are among the first k. Precision: the share of files
named that are right. All three ways see the same cases in one run. Every repository belongs to one
half by the hash of its name: weights are tuned on `tune` only, figures are quoted for `quote` only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from unidiff.patch import PatchedFile, PatchSet

from selfheal.codegraph.parse import facts_of_text
from selfheal.index.snapshot import Snapshot
from selfheal.index.store import MemoryStore
from selfheal.retrieval.changes import changes_before
from selfheal.retrieval.corpus import Corpus
from selfheal.retrieval.fields import fields_of
from selfheal.retrieval.kinds import is_test, prior
from selfheal.retrieval.lexical import Lexical
from selfheal.retrieval.locate import Localiser
from selfheal.workspace.objects import Objects
from selfheal.workspace.repository import commit_at

FILE_RANKS, FUNCTION_RANKS = (1, 3, 5, 10), (5, 10)
MOST_FILES = 3
"""Commits that change more are sweeps, which no text is about."""

_TRAILER = re.compile(r"(?im)^(?:co-authored-by|signed-off-by|reviewed-by|git-svn-id):.*$")

Function = tuple[str, str]
Key = TypeVar("Key", str, Function)


@dataclass(frozen=True)
class Case:
    """A text and what the commit that answered it changed."""

    repo: str
    objects: Objects
    base: str
    text: str
    files: frozenset[str]
    functions: frozenset[Function]


@dataclass
class Tally:
    """What one way of ranking came to."""

    hits: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    function_hits: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    cases: int = 0
    function_cases: int = 0
    named: int = 0
    right: int = 0
    seconds: float = 0.0

    def note_files(self, case: Case, ranked: Sequence[str]) -> None:
        self.cases += 1
        self.named += len(ranked[: FILE_RANKS[-1]])
        self.right += len(case.files.intersection(ranked[: FILE_RANKS[-1]]))
        for rank in FILE_RANKS:
            self.hits[rank] += case.files <= set(ranked[:rank])

    def note_functions(self, case: Case, ranked: Sequence[Function]) -> None:
        self.function_cases += 1
        for rank in FUNCTION_RANKS:
            self.function_hits[rank] += case.functions <= set(ranked[:rank])

    def figures(self) -> dict[str, float]:
        found = {f"file@{k}": _share(self.hits[k], self.cases) for k in FILE_RANKS}
        if self.function_cases:
            found |= {
                f"function@{k}": _share(self.function_hits[k], self.function_cases)
                for k in FUNCTION_RANKS
            }
        return found | {"precision": _share(self.right, self.named), "cases": self.cases}


def half_of(name: str) -> str:
    """Which half a repository belongs to, fixed by its name."""
    return "quote" if int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2 else "tune"


def from_history(name: str, objects: Objects, head: str, *, most: int) -> Iterator[Case]:
    """Cases spread over the newest thousand commits."""
    commits = [one for one in objects.log(head, limit=1000) if len(one.parents) == 1]
    found = 0
    for commit in commits[:: max(1, len(commits) // (4 * most))]:
        text = _TRAILER.sub("", commit.message).strip()
        patch = objects.diff(commit.parents[0], commit.sha)
        case = case_of(name, objects, commit.parents[0], text=text, patch=patch)
        if case is not None and len(text) > 40:
            yield case
            found += 1
        if found == most:
            return


def from_issues(file: Path, known: dict[str, Objects]) -> Iterator[Case]:
    """The cases of a file whose repositories were given."""
    for line in file.read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["repo"] in known:
            case = case_of(
                row["repo"], known[row["repo"]], row["base"], text=row["text"], patch=row["patch"]
            )
            if case is not None:
                yield case


def case_of(name: str, objects: Objects, base: str, *, text: str, patch: str) -> Case | None:
    """The case of a patch; None where it changes no or too many ordinary Python files."""
    changed = {
        file.source_file.removeprefix("a/"): file
        for file in PatchSet(patch)
        if file.source_file.endswith(".py") and not is_test(file.source_file.removeprefix("a/"))
    }
    files = {path: patched for path, patched in changed.items() if prior(path, main=".py") == 1}
    if not 0 < len(files) <= MOST_FILES or len(files) < len(changed):
        return None
    sources = objects.blobs(base, files)
    functions = {
        (path, name)
        for path, blob in sources.items()
        for name in _functions(blob.decode("utf-8", "replace"), path, _lines(files[path]))
    }
    return Case(name, objects, base, text, frozenset(files), frozenset(functions))


def _lines(patched: PatchedFile) -> Iterator[float]:
    """Lines of the old file that go, and places between two lines where something comes."""
    for hunk in patched:
        last = hunk.source_start - 1
        for line in hunk:
            if line.is_added and line.value.strip():
                yield last + 0.5
            elif line.source_line_no is not None:
                last = line.source_line_no
                if line.is_removed:
                    yield last


def _functions(source: str, path: str, lines: Iterable[float]) -> Iterator[str]:
    definitions = [
        one
        for one in facts_of_text(source, path).definitions
        if one.kind in ("function", "method") and "<" not in one.qualname
    ]
    for line in set(lines):
        around = [one for one in definitions if one.span.line <= line <= one.span.end_line]
        if around:
            yield min(around, key=lambda one: one.span.end_line - one.span.line).qualname


def measure(cases: Iterable[Case]) -> dict[str, Tally]:
    """The three ways over the same cases."""
    tallies = {"locate": Tally(), "bm25": Tally(), "grep": Tally()}
    stores: dict[str, MemoryStore] = defaultdict(MemoryStore)
    for case in cases:
        corpus = Corpus.of(Snapshot.at(case.objects, case.base), stores[case.repo])
        changes = changes_before(case.objects, case.base, stores[case.repo])
        began = perf_counter()
        found = Localiser(corpus, changes).locate(case.text)
        tallies["locate"].seconds += perf_counter() - began
        tallies["locate"].note_files(case, [one.path for one in found.files])
        by_words, functions = _bm25(corpus, case.text)
        tallies["bm25"].note_files(case, by_words)
        tallies["grep"].note_files(case, _grep(corpus, case.text))
        if case.functions:
            named = [(one.path, one.qualname) for one in found.functions]
            tallies["locate"].note_functions(case, named)
            tallies["bm25"].note_functions(case, functions)
    return tallies


def _bm25(corpus: Corpus, text: str) -> tuple[list[str], list[Function]]:
    """Files and functions by BM25 over the words of the text, each word once."""
    scores = Lexical(corpus).scores(dict.fromkeys(fields_of(text).words, 1.0))
    files = {path: score for path, score in scores.files.items() if not is_test(path)}
    functions: dict[Function, float] = {}
    for (path, number), score in scores.chunks.items():
        part = corpus.files[path].chunks[number]
        if part.kind in ("function", "method") and not is_test(path):
            key = path, part.qualname
            functions[key] = max(score, functions.get(key, 0.0))
    return _best(files), _best(functions)


def _grep(corpus: Corpus, text: str) -> list[str]:
    """Files by how many of the words of the text they have."""
    words = fields_of(text).words
    return _best({path: sum(map(digest.has, words)) for path, digest in corpus.sources.items()})


def _best(scores: Mapping[Key, float]) -> list[Key]:
    return sorted((key for key in scores if scores[key]), key=lambda key: (-scores[key], key))


def _share(part: int, whole: int) -> float:
    return round(100 * part / max(1, whole), 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("repositories", nargs="+")
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--most", type=int, default=25)
    parser.add_argument("--half", choices=("tune", "quote", "both"), default="quote")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    known: dict[str, Objects] = {}
    cases: list[Case] = []
    for written in asked.repositories:
        name, _, path = written.rpartition("=")
        name = name or Path(path).resolve().name.removesuffix(".git")
        if asked.half not in ("both", half_of(name)):
            print(f"{name} belongs to the other half: left out")
            continue
        known[name], head = commit_at(Path(path))
        if not asked.cases:
            cases += from_history(name, known[name], head, most=asked.most)
    if asked.cases:
        cases += from_issues(asked.cases, known)
    tallies = measure(cases)
    if asked.json:
        print(json.dumps({way: tally.figures() for way, tally in tallies.items()}))
        return
    print(f"{len(cases)} cases of {', '.join(known)} ({asked.half})")
    for way, tally in tallies.items():
        print(f"{way:8}", "  ".join(f"{name} {value}" for name, value in tally.figures().items()))
    located = tallies["locate"]
    print(f"a question takes {located.seconds / max(1, located.cases):.2f} s, the files known")


if __name__ == "__main__":
    main()
