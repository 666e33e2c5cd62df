"""Which files a plan needs parsed: its own, what they import, and who speaks of its symbols."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from posixpath import basename, dirname
from typing import Final, Protocol

from selfheal.codegraph.facts import RETURN, YIELD, Binding, FileFacts
from selfheal.codegraph.source import (
    MAX_SOURCE_BYTES,
    Modules,
    SourceTree,
    is_python,
    module_name,
    source_text,
)
from selfheal.codegraph.tests_impact import is_test_file
from selfheal.errors import InvalidInput
from selfheal.index.index import Index
from selfheal.index.snapshot import Files
from selfheal.index.words import WantedWords

# What is not in the index is parsed for this one plan, at about 100 files a second.
_MOST_CALLERS: Final = 40
_MOST_TESTS: Final = 100
# Linking takes 0.3 s for 1 MB of source: half of what a plan may take (benchmarks/code_planner.py).
_MOST_CALLERS_BYTES: Final = 400_000
_MOST_TESTS_BYTES: Final = 600_000


@dataclass(frozen=True, slots=True)
class _Mention:
    path: str
    words: int


class IndexedTree(SourceTree, Files, Protocol):
    """The files of one commit, to be read and to be looked up in an index."""


class FileReader:
    """What is known of the files of one tree, each looked up once."""

    def __init__(self, tree: IndexedTree, index: Index | None = None) -> None:
        self._tree = tree
        self._index = index or Index()
        self._facts: dict[str, FileFacts] = {}
        self._contents: dict[str, bytes] = {}
        self.paths = tree.paths()
        self._there = frozenset(self.paths)
        self.modules = Modules(self.paths)

    def facts(self, paths: Iterable[str]) -> tuple[FileFacts, ...]:
        """The facts of those paths that are Python files of the tree, sorted by path."""
        wanted = sorted(set(filter(is_python, paths)))
        missing = [path for path in wanted if path not in self._facts]
        self._facts.update(self._index.facts(self._tree, missing))
        return tuple(self._facts[path] for path in wanted if path in self._facts)

    def text(self, path: str) -> str:
        """The source of a file; empty when it is not there or is no source text."""
        try:
            return source_text(self._content(path))
        except InvalidInput:
            return ""

    def is_as_written(self, path: str) -> bool:
        """Whether a file's bytes are its text in UTF-8, so that a diff of the text fits them."""
        return self.text(path).encode() == self._content(path)

    def calling(self, name: str) -> tuple[str, ...]:
        """Of what was read so far, the files that call something of this name."""
        return tuple(
            path
            for path, file in sorted(self._facts.items())
            if any(call.target[-1].lstrip(".") == name for call in file.calls)
        )

    def defining(self, names: Iterable[str]) -> list[str]:
        """The Python files that define a class or function of one of these names."""
        wanted = frozenset(names)
        sources, tests = self._mentioning(wanted)
        return [
            file.path
            for file in self.facts([*sources, *tests])
            if any(one.qualname.rpartition(".")[2] in wanted for one in file.definitions)
        ]

    def neighbourhood(self, affected: Iterable[str], names: Iterable[str]) -> tuple[FileFacts, ...]:
        """The facts of the affected files, their immediate imports, and likely callers and tests.

        Callers and tests are the files whose text has one of `names` or an affected module's
        name as a word; the most words first, a bounded number of each. What is only imported says
        what its names are, and not what happens inside its functions. A tree that is within these
        bounds is read as a whole.
        """
        everything = list(filter(is_python, self.paths))
        if len(everything) <= _MOST_CALLERS + _MOST_TESTS:
            return self.facts(everything)
        self._bring(affected)
        own = sorted(filter(is_python, affected))
        words = {*names, *map(_tail, own)}
        callers, tests = self._mentioning(words)
        callers = self._within(callers[:_MOST_CALLERS], _MOST_CALLERS_BYTES)
        # A test may come to the symbols through a caller that it names.
        _, further = self._mentioning(set(map(_tail, callers)))
        tests = list(dict.fromkeys((*tests, *further)))[:_MOST_TESTS]
        whole = {*own, *callers, *self._within(tests, _MOST_TESTS_BYTES)}
        whole |= self._conftests(whole)
        imported = set(self._imports(own)) - whole
        return tuple(
            _interface(file) if file.path in imported else file
            for file in self.facts(whole | imported)
        )

    def _content(self, path: str) -> bytes:
        """A file's bytes; none for one that is not there, or too large to be source."""
        self._bring([path])
        return self._contents.get(path, b"")

    def _bring(self, paths: Iterable[str]) -> None:
        """Read those that were not read yet, by one call of git."""
        new = self._there.intersection(paths) - self._contents.keys()
        small = [path for path in new if self._tree.size(path) <= MAX_SOURCE_BYTES]
        for portion in self._tree.portions(small):
            self._contents.update(portion)

    def _within(self, paths: Iterable[str], most: int) -> list[str]:
        """The first of these files that have no more bytes than `most` together."""
        found, left = [], most
        for path in paths:
            if self._tree.size(path) <= left:
                found.append(path)
                left -= self._tree.size(path)
        return found

    def _imports(self, paths: Iterable[str]) -> Iterator[str]:
        for file in self.facts(tuple(paths)):
            for imported in file.imports:
                for module in (imported.module, _joined(imported.module, imported.name)):
                    found = self.modules.find(module, importer=file.path)
                    if found is not None:
                        yield found

    def _mentioning(self, words: Iterable[str]) -> tuple[list[str], list[str]]:
        """Sources and tests that have one of `words`, most words first."""
        wanted = WantedWords(words)
        sources: list[_Mention] = []
        tests: list[_Mention] = []
        for path, kept in self._words.items() if wanted else ():
            count = wanted.count_in(kept)
            if count:
                (tests if is_test_file(path) else sources).append(_Mention(path, count))
        return _ranked(sources), _ranked(tests)

    @cached_property
    def _words(self) -> dict[str, bytes]:
        return self._index.words(self._tree, filter(is_python, self.paths))

    def _conftests(self, paths: Iterable[str]) -> set[str]:
        folders = {folder for path in paths if is_test_file(path) for folder in _upward(path)}
        return {path for path in self.paths if _is_conftest(path) and dirname(path) in folders}


def _interface(file: FileFacts) -> FileFacts:
    """A file without what happens inside its functions, but for what others get from there.

    That is what they return, and what they set as attributes.
    """
    opaque = {one.qualname for one in file.definitions if one.kind != "class"}
    given = [binding for binding in file.bindings if _is_seen(binding)]
    used = {(one.value_scope, one.value[0]) for one in given if one.value}
    return replace(
        file,
        calls=tuple(call for call in file.calls if call.scope not in opaque),
        bindings=tuple(
            binding
            for binding in file.bindings
            if binding.scope not in opaque
            or _is_seen(binding)
            or (binding.scope, binding.target[0]) in used
        ),
    )


def _is_seen(binding: Binding) -> bool:
    """Whether it is seen outside of its function: an attribute, an element, or a result."""
    return len(binding.target) > 1 or binding.target[0] in (RETURN, YIELD)


def _ranked(mentions: Iterable[_Mention]) -> list[str]:
    return [mention.path for mention in sorted(mentions, key=lambda m: (-m.words, m.path))]


def _joined(module: str, name: str) -> str:
    return f"{module}{name}" if module.endswith(".") else f"{module}.{name}"


def _tail(path: str) -> str:
    return module_name(path).rpartition(".")[2]


def _is_conftest(path: str) -> bool:
    return basename(path) == "conftest.py"


def _upward(path: str) -> Iterator[str]:
    while path:
        path = dirname(path)
        yield path
