"""The files of the commit that a plan is for, and what is known of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Final, Protocol

from selfheal.code_planning.neighbourhood import Subject, neighbourhood
from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.source import (
    MAX_SOURCE_BYTES,
    Modules,
    SourceTree,
    is_python,
    source_text,
)
from selfheal.errors import InvalidInput
from selfheal.index.index import Index
from selfheal.index.snapshot import Files, tree_id
from selfheal.index.words import WantedWords

_SMALL_TREE: Final = 140
"""A tree of no more Python files than this is linked as a whole."""


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

    def expect(self, paths: Iterable[str]) -> None:
        """Read the texts of these, which will be asked for, by one call of git."""
        new = self._there.intersection(paths) - self._contents.keys()
        small = [path for path in new if self._tree.size(path) <= MAX_SOURCE_BYTES]
        for portion in self._tree.portions(small):
            self._contents.update(portion)

    def text(self, path: str) -> str:
        """The source of a file; empty when it is not there or is no source text."""
        try:
            return source_text(self._content(path))
        except InvalidInput:
            return ""

    def is_as_written(self, path: str) -> bool:
        """Whether a file's bytes are its text in UTF-8, so that a diff of the text fits them."""
        return self.text(path).encode() == self._content(path)

    def calling(self, name: str, *, most: int) -> tuple[str, ...]:
        """Of the first files that have this name as a word, those that call something of it."""
        speaking = sorted(self.mentions([name]))[:most]
        return tuple(
            file.path
            for file in self.facts(speaking)
            if any(call.target[-1].lstrip(".") == name for call in file.calls)
        )

    def defining(self, names: Iterable[str]) -> list[str]:
        """The Python files that define a class or function of one of these names."""
        wanted = frozenset(names)
        return [
            file.path
            for file in self.facts(self.mentions(wanted))
            if any(one.qualname.rpartition(".")[2] in wanted for one in file.definitions)
        ]

    def surroundings(self, subjects: Iterable[Subject]) -> tuple[FileFacts, ...]:
        """The facts that a graph of these subjects is linked from: of a small tree, all."""
        everything = list(filter(is_python, self.paths))
        if len(everything) <= _SMALL_TREE:
            return self.facts(everything)
        return neighbourhood(self, subjects)

    def mentions(self, words: Collection[str]) -> dict[str, frozenset[str]]:
        """Which of the words each Python file has, of those that have one."""
        wanted = WantedWords(words)
        found = ((path, wanted.found_in(kept)) for path, kept in self._words.items())
        return {path: has for path, has in found if has}

    @property
    def tree_id(self) -> str:
        """The same for trees of the same files."""
        return tree_id(self._tree)

    def size(self, path: str) -> int:
        """Bytes of a file of the tree."""
        return self._tree.size(path)

    def _content(self, path: str) -> bytes:
        """A file's bytes; none for one that is not there, or too large to be source."""
        self.expect([path])
        return self._contents.get(path, b"")

    @cached_property
    def _words(self) -> dict[str, bytes]:
        return self._index.words(self._tree, filter(is_python, self.paths))
