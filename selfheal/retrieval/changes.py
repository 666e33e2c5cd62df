"""What earlier commits said and which files they changed: a text like theirs may mean the same."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from selfheal.errors import GitFailed, TimedOut
from selfheal.index.store import BlobStore
from selfheal.retrieval.digest import Digest, decoded, digest_of_texts
from selfheal.retrieval.lexical import rarity, saturated
from selfheal.workspace.objects import Change, Objects

KIND: Final = "changes/1"
"""Under which they are kept, by the commit they lead up to."""

MOST_COMMITS: Final = 2_000
MOST_PATHS: Final = 20
"""A commit that changes more is a sweep: it says nothing of any one of them."""
HALF_LIFE: Final = 300
"""After so many commits a change counts half."""

_SECONDS: Final = 20.0
"""For git's log; where it takes longer, history has no say."""
_MESSAGE: Final = 2_000
_SUBJECT: Final = 72
_LENGTH_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Earlier:
    """A commit before: the first line that it said, and what it changed."""

    sha: str
    subject: str
    paths: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.sha[:10]} {self.subject!r}"


@dataclass(frozen=True)
class Changes:
    """The commits that lead up to one, newest first, and the words of their messages."""

    commits: tuple[Earlier, ...]
    messages: Digest

    def like(self, words: Mapping[str, float]) -> dict[int, float]:
        """How much of these words the messages say, by the number of the commit: BM25."""
        sizes = self.messages.sizes
        mean = max(1.0, self.messages.words / max(1, len(sizes)))
        found: dict[int, float] = defaultdict(float)
        for word, weight in words.items():
            having = self.messages.chunks_with(word)
            value = weight * rarity(len(sizes), len(having))
            for number, times in having:
                found[number] += value * saturated(times, _LENGTH_SHARE, sizes[number][0] / mean)
        return found

    def touched(
        self, like: Mapping[int, float], among: Collection[str]
    ) -> tuple[dict[str, float], dict[str, Earlier]]:
        """What commits that are so much like a text give the files that they changed.

        With the commit that gives each file the most. A commit of several files is less about each.
        """
        found: dict[str, float] = defaultdict(float)
        best: dict[str, Earlier] = {}
        for number in sorted(like, key=lambda one: (-like[one], one)):
            paths = [path for path in self.commits[number].paths if path in among]
            for path in paths:
                found[path] += like[number] / len(paths) ** 0.5
                best.setdefault(path, self.commits[number])
        return found, best

    def recent(self) -> dict[str, float]:
        """How lately files were changed: 1 by the newest commit, half of that 300 before it."""
        found: dict[str, float] = {}
        for number, commit in enumerate(self.commits):
            for path in commit.paths:
                found.setdefault(path, 0.5 ** (number / HALF_LIFE))
        return found


NO_CHANGES: Final = Changes((), digest_of_texts(()))
"""Of a commit that nothing is known to lead up to."""


def changes_before(objects: Objects, sha: str, store: BlobStore) -> Changes:
    """The changes up to a commit, itself the newest; none where git cannot tell them."""
    kept = store.get_many(KIND, [sha]).get(sha)
    if kept is not None:
        try:
            return _decoded(kept)
        except (ValueError, zlib.error):
            pass  # It is a cache: what cannot be read is found out again.
    try:
        found = objects.changes(sha, limit=MOST_COMMITS, seconds=_SECONDS)
    except (GitFailed, TimedOut):
        return NO_CHANGES
    changes = _of([one for one in found if 0 < len(one.paths) <= MOST_PATHS])
    store.put_many(KIND, {sha: _encoded(changes)})
    return changes


def _of(found: Sequence[Change]) -> Changes:
    commits = (Earlier(one.sha, _subject(one.message), one.paths) for one in found)
    return Changes(tuple(commits), digest_of_texts([one.message[:_MESSAGE] for one in found]))


def _subject(message: str) -> str:
    return message.partition("\n")[0][:_SUBJECT]


def _encoded(changes: Changes) -> bytes:
    commits = [[one.sha, one.subject, one.paths] for one in changes.commits]
    said = json.dumps(commits, separators=(",", ":")).encode()  # ASCII, without a null byte
    return zlib.compress(said + b"\0" + changes.messages.encoded(), level=1)


def _decoded(kept: bytes) -> Changes:
    said, _, messages = zlib.decompress(kept).partition(b"\0")
    commits = (Earlier(sha, subject, tuple(paths)) for sha, subject, paths in json.loads(said))
    return Changes(tuple(commits), decoded(messages))
