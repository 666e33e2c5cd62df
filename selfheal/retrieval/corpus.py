"""The digests of one commit's files: read from the store, computed where it has none."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from posixpath import basename, splitext
from typing import Final, Self

from selfheal.codegraph.source import MAX_SOURCE_BYTES, Modules
from selfheal.index.snapshot import Snapshot
from selfheal.index.store import BlobStore
from selfheal.retrieval.digest import KIND, Digest, decoded, digest_of
from selfheal.retrieval.kinds import NEGLIGIBLE, is_code, is_test, prior
from selfheal.retrieval.sketch import Part

_BATCH: Final = 400
"""Files read at once: a few megabytes."""


@dataclass(frozen=True, slots=True)
class Place:
    """A definition and the file it is in."""

    path: str
    part: Part


class Corpus:
    """What may be found in a commit. `files` are the digests by path."""

    def __init__(self, snapshot: Snapshot, files: Mapping[str, Digest]) -> None:
        self.snapshot = snapshot
        self.files = files
        self._named: dict[str, list[Place]] = {}
        self._texts: dict[str, list[str]] = {}

    @classmethod
    def of(
        cls, snapshot: Snapshot, store: BlobStore, *, paths: Collection[str] | None = None
    ) -> Self:
        """The corpus of a commit, of all its code or of these paths of it.

        What the store lacks is computed and put there.
        """
        code = [path for path in snapshot.paths() if is_code(path)]
        chosen = _meant(code) if paths is None else [path for path in code if path in paths]
        wanted = [path for path in chosen if snapshot.size(path) <= MAX_SOURCE_BYTES]
        known = _known(store, {snapshot.blob(path) for path in wanted})
        missing = {snapshot.blob(p): p for p in wanted if snapshot.blob(p) not in known}
        for batch in _batches(missing.values()):
            contents = snapshot.read_many(batch)
            made = {snapshot.blob(p): digest_of(blob, p) for p, blob in contents.items()}
            store.put_many(KIND, {blob: digest.encoded() for blob, digest in made.items()})
            known.update(made)
        return cls(snapshot, {path: known[snapshot.blob(path)] for path in wanted})

    @cached_property
    def main(self) -> str:
        """The ending that most files have."""
        return main_ending(self.files)

    @cached_property
    def modules(self) -> Modules:
        """Which file an import means."""
        return Modules(self.files)

    def named(self, name: str) -> Sequence[Place]:
        """The definitions whose last name this is, outside of tests."""
        if name not in self._named:
            self._named[name] = [
                Place(path, part)
                for path in self._defining.get(name, ())
                for part in self.files[path].defining(name)
            ]
        return self._named[name]

    @cached_property
    def _defining(self) -> Mapping[str, Sequence[str]]:
        """The sources that define a name."""
        found: dict[str, list[str]] = defaultdict(list)
        for path, digest in self.sources.items():
            for name in digest.names:
                found[name].append(path)
        return found

    @cached_property
    def sources(self) -> Mapping[str, Digest]:
        """The files that are no tests."""
        return {path: digest for path, digest in self.files.items() if not is_test(path)}

    @cached_property
    def by_blob(self) -> Mapping[str, str]:
        """The first path of each content."""
        return {self.snapshot.blob(path): path for path in sorted(self.files, reverse=True)}

    @cached_property
    def by_name(self) -> Mapping[str, Sequence[str]]:
        """Paths by their last part."""
        found: dict[str, list[str]] = defaultdict(list)
        for path in self.files:
            found[basename(path)].append(path)
        return found

    def text(self, path: str, part: Part) -> str:
        """The lines of a part."""
        return "\n".join(self.lines(path)[part.line - 1 : part.end_line])

    def lines(self, path: str) -> list[str]:
        """The lines of a file, kept."""
        if path not in self._texts:
            self.load([path])
        return self._texts[path]

    def load(self, paths: Iterable[str]) -> None:
        """Read files that will be asked for, by one call of git."""
        wanted = [path for path in paths if path not in self._texts]
        for path, blob in self.snapshot.read_many(wanted).items():
            self._texts[path] = blob.decode("utf-8", "replace").splitlines()


def _meant(code: list[str]) -> list[str]:
    """What a text may be about: vendored files of other languages are many, and never are."""
    main = main_ending(code)
    return [path for path in code if prior(path, main=main) > NEGLIGIBLE]


def main_ending(paths: Iterable[str]) -> str:
    """The ending that most of the paths have."""
    endings = Counter(splitext(path)[1] for path in paths)
    return max(sorted(endings), key=endings.__getitem__, default=".py")


def _known(store: BlobStore, blobs: set[str]) -> dict[str, Digest]:
    found = {}
    for blob, kept in store.get_many(KIND, blobs).items():
        try:
            found[blob] = decoded(kept)
        except ValueError:
            continue  # It is a cache: what cannot be read is computed again.
    return found


def _batches(paths: Iterable[str]) -> Iterable[list[str]]:
    rest = iter(paths)
    while batch := list(islice(rest, _BATCH)):
        yield batch
