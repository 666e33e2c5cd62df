"""Which files a plan needs, and what of them: who speaks of what it touches.

A tree may be too large to be linked for one plan, so its words are asked first. Files that have a
name of the plan are read, those of rare names before the others. The functions in them that speak
of it are looked for by their own names in turn: so a test is found that comes to a symbol through
two others. Of all that was read the graph gets the slice that says who comes to those names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import log
from posixpath import basename, dirname
from typing import Final, Protocol

from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.slicing import WHOLE, Slice, Wish, as_steps, speaks_of
from selfheal.codegraph.source import Modules, is_python, module_name
from selfheal.codegraph.tests_impact import is_test_file


@dataclass(frozen=True, slots=True)
class Subject:
    """What one step is about: its files, the symbols it names (fq), and whatever else it names."""

    files: tuple[str, ...]
    symbols: tuple[str, ...]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Bounds:
    """How many bytes of files one round may add."""

    sources: int
    tests: int


_FIRST_ROUND: Final = _Bounds(400_000, 400_000)
_FURTHER_ROUNDS: Final = (_Bounds(150_000, 300_000), _Bounds(0, 200_000))
"""Each looks for the functions that the one before has found."""
_IMPORTED: Final = (600_000, 300_000, 200_000)
"""How many bytes of files are read for what the slice imports, and for what those import."""
_RARE: Final = 60
"""A function whose name more files have than this is not looked for by its name."""
_CONSTRUCTORS: Final = frozenset({"__init__", "__new__"})
"""They are called by the name of their class."""


class Known(Protocol):
    """The files of one commit and what is known of them."""

    @property
    def paths(self) -> Sequence[str]:
        """All of them."""

    @property
    def modules(self) -> Modules:
        """What imports find in them."""

    def facts(self, paths: Iterable[str]) -> tuple[FileFacts, ...]:
        """The facts of those that are Python files, by path."""

    def mentions(self, words: Collection[str]) -> Mapping[str, frozenset[str]]:
        """Which of the words each Python file has that has one."""

    def size(self, path: str) -> int:
        """Bytes of a file."""


def neighbourhood(known: Known, subjects: Iterable[Subject]) -> tuple[FileFacts, ...]:
    """What a graph of the subjects is linked from, by path."""
    return _Search(known, tuple(subjects)).found()


class _Search:
    def __init__(self, known: Known, subjects: tuple[Subject, ...]) -> None:
        self._known = known
        self._subjects = subjects
        self._files = sum(map(is_python, known.paths))
        self._read: dict[str, FileFacts] = {}
        self._having: dict[str, set[str]] = {}
        own = {path for one in subjects for path in one.files if is_python(path)}
        self._tails = frozenset(map(_tail, own))
        self._bring(own)
        self._chosen = self._choose(own)

    def found(self) -> tuple[FileFacts, ...]:
        """Look around in rounds, and slice what was read."""
        part = Slice(self._look_around(), self._chosen)
        self._bring(self._conftests() | self._packages())
        part.add(self._read.values())
        for most in _IMPORTED:
            imported = dict.fromkeys(self._places(part.wishes()))
            part.add(self._bring(self._within(most, imported)))
        return tuple(part.files())

    def _look_around(self) -> set[str]:
        """Read who speaks of the subjects, who speaks of those, and so on; all names of it."""
        named = {name for one in self._subjects for name in one.names} - _CONSTRUCTORS
        roots = self._roots() - named
        self._ask({*named, *roots, *self._tails})
        fresh = named | self._rare(roots)
        wanted = set(fresh)
        self._look(fresh, _FIRST_ROUND)
        for bounds in _FURTHER_ROUNDS:
            fresh = self._speakers(fresh) - wanted
            wanted |= fresh
            self._look(fresh, bounds)
        return wanted

    def _choose(self, own: Iterable[str]) -> dict[str, set[str]]:
        """What each step touches: definitions that it names, or else the whole of its files."""
        chosen: dict[str, set[str]] = {path: set() for path in sorted(own)}
        for subject in self._subjects:
            files = [self._read[path] for path in subject.files if path in self._read]
            named = {file.path: _named(file, subject) for file in files}
            for path, qualnames in named.items():
                chosen[path] |= qualnames if any(named.values()) else {WHOLE}
        return chosen

    def _roots(self) -> set[str]:
        """Names of what is touched without being named: in a class, or in a whole file."""
        chosen = (
            (qualnames, definition.qualname.rpartition("."))
            for path, qualnames in self._chosen.items()
            for definition in (self._read[path].definitions if path in self._read else ())
        )
        return {
            name
            for qualnames, (outer, _, name) in chosen
            if (WHOLE in qualnames or outer in qualnames) and not name.startswith(("_", "<"))
        }

    def _look(self, names: Collection[str], bounds: _Bounds) -> None:
        """Read files that have one of the names, for each name in turn those with most to say."""
        said = self._said({*names, *self._tails})
        rarest = sorted(names, key=lambda name: (len(self._having[name]), name))
        ranked = [sorted(self._having[name], key=lambda p: (-said[p], p)) for name in rarest]
        in_turn = (path for row in zip_longest(*ranked) for path in row if path is not None)
        order = [path for path in dict.fromkeys(in_turn) if path not in self._read]
        sources = (path for path in order if not is_test_file(path))
        tests = filter(is_test_file, order)
        self._bring(self._within(bounds.sources, sources))
        self._bring(self._within(bounds.tests, tests))

    def _said(self, words: Collection[str]) -> dict[str, float]:
        """How much each file says by these words: the rarer they are, the more."""
        said: dict[str, float] = defaultdict(float)
        for word in sorted(words):
            weight = log((self._files + 1) / (len(self._having[word]) + 1))
            for path in self._having[word]:
                said[path] += weight
        return said

    def _within(self, most: int, paths: Iterable[str]) -> Iterator[str]:
        """The first of these files that have no more bytes than `most` together."""
        left = most
        for path in paths:
            if self._known.size(path) <= left:
                left -= self._known.size(path)
                yield path

    def _speakers(self, names: Collection[str]) -> set[str]:
        """The rare names of what speaks of one of `names` in a file that was read; tests end it."""
        steps = as_steps(names)
        found = {
            name
            for path, file in self._read.items()
            if not is_test_file(path)
            for scope in _speaking(file, steps)
            if (name := _called(scope))
        }
        self._ask(found)
        return self._rare(found)

    def _rare(self, names: Collection[str]) -> set[str]:
        """Those of the names that say something: not many files have them."""
        return {name for name in names if len(self._having[name]) <= _RARE}

    def _ask(self, words: Collection[str]) -> None:
        """Learn which files have each of the words."""
        new = set(words) - self._having.keys()
        self._having |= {word: set() for word in new}
        for path, found in self._known.mentions(new).items():
            for word in found:
                self._having[word].add(path)

    def _places(self, wishes: Iterable[Wish]) -> Iterator[str]:
        """Where the modules are that a slice asks for, and what is asked of them if it is one."""
        for importer, module, name in wishes:
            for dotted in (module, _joined(module, name)) if name else (module,):
                path = self._known.modules.find(dotted, importer=importer)
                if path is not None and path not in self._read:
                    yield path

    def _bring(self, paths: Iterable[str]) -> tuple[FileFacts, ...]:
        """The facts of these files, which were not read before."""
        facts = self._known.facts(set(paths) - self._read.keys())
        self._read |= {file.path: file for file in facts}
        return facts

    def _packages(self) -> set[str]:
        """The packages around: they pass on names of what is in them."""
        around = {f"{up}/__init__.py" for path in self._read for up in _upward(path)}
        return around.intersection(self._known.paths)

    def _conftests(self) -> set[str]:
        folders = {up for path in self._read if is_test_file(path) for up in (*_upward(path), "")}
        named = (path for path in self._known.paths if basename(path) == "conftest.py")
        return {path for path in named if dirname(path) in folders}


def _named(file: FileFacts, subject: Subject) -> set[str]:
    """The qualnames in a file that a step means."""
    there = {one.qualname for one in file.definitions}
    if subject.symbols:
        ends = {end for symbol in subject.symbols for end in _ends(symbol)}
        return there & ends
    return {one for one in there if one.rpartition(".")[2] in subject.names}


def _ends(dotted: str) -> Iterator[str]:
    while dotted:
        yield dotted
        dotted = dotted.partition(".")[2]


def _speaking(file: FileFacts, steps: frozenset[str]) -> Iterator[str]:
    """The qualnames of what speaks of one of the steps."""
    yield from (one.scope for one in file.calls if speaks_of(one, steps))
    yield from (one.scope for one in file.bindings if not steps.isdisjoint(one.value))
    for definition in file.definitions:
        said = (definition.parameters, *definition.decorators, *definition.bases)
        if any(not steps.isdisjoint(one) for one in said):
            yield definition.qualname


def _called(scope: str) -> str:
    """The name by which others call what is in a scope: of a special method, its class's."""
    parts = [part for part in scope.split(".") if not part.startswith("<")]
    while parts and parts[-1].startswith("__"):
        parts.pop()
    return parts[-1] if parts else ""


def _joined(module: str, name: str) -> str:
    return f"{module}{name}" if module.endswith(".") else f"{module}.{name}"


def _tail(path: str) -> str:
    return module_name(path).rpartition(".")[2]


def _upward(path: str) -> Iterator[str]:
    while path := dirname(path):
        yield path
