"""Files, trees and history at a commit, read from the object store without a checkout.

Every answer is bounded; what would be larger is refused, never cut silently.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from selfheal.errors import GitFailed, InvalidInput
from selfheal.workspace.git import READ_SECONDS, Git, checked_sha

FILE_BYTES: Final = 4 << 20
BATCH_BYTES: Final = 64 << 20
DIFF_BYTES: Final = 8 << 20
LOG_COMMITS: Final = 1000
GREP_SECONDS: Final = 10.0
REGEX_CHARACTERS: Final = 500

_GREP_LINES_OF_A_FILE: Final = 50
_LINE_CHARACTERS: Final = 400

_SYMLINK, _GITLINK = "120000", "160000"
_LOG_FORMAT = "--format=%H%x00%P%x00%an%x00%ae%x00%at%x00%B%x00"
# With `-z` an empty field then stands before each commit, and between it and its paths.
_CHANGE_FORMAT = "--format=%x00%H%x00%P%x00%B%x00"


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file of a tree; `size` in bytes."""

    path: str
    mode: str
    oid: str
    size: int

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, so neither a symlink nor a submodule."""
        return self.mode not in (_SYMLINK, _GITLINK)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of a log."""

    sha: str
    parents: tuple[str, ...]
    author: str
    email: str
    authored: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Change:
    """A commit by what it said, and the paths that differ from its parent."""

    sha: str
    message: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BlameLine:
    """One line of a file (counted from 1) and the commit it came from."""

    number: int
    sha: str
    text: str


@dataclass(frozen=True, slots=True)
class MatchingLine:
    """A line of a file (counted from 1) that a search found, cut to 400 characters."""

    path: str
    line: int
    text: str


class Objects:
    """Reads what commits hold. Commits are full shas, paths are relative to the top folder."""

    def __init__(self, git: Git) -> None:
        self.git = git

    def ls_tree(self, sha: str) -> tuple[TreeEntry, ...]:
        """Every file of the commit, in git's order."""
        listing = self.git.run(
            "ls-tree", "-r", "-z", "-l", "--full-tree", operands=(checked_sha(sha),)
        )
        return tuple(map(_tree_entry, listing.records))

    def read_file(self, sha: str, path: str, *, max_bytes: int = FILE_BYTES) -> bytes | None:
        """The file's bytes; None where the commit has no regular file of this path."""
        return self.blobs(sha, (path,), max_bytes=max_bytes).get(path)

    def blobs(
        self, sha: str, paths: Iterable[str], *, max_bytes: int = BATCH_BYTES
    ) -> Mapping[str, bytes]:
        """The bytes of several regular files; paths the commit does not have are left out.

        Raises InvalidInput when they are larger than `max_bytes` together.
        """
        wanted = set(paths)
        found = [entry for entry in self.ls_tree(sha) if entry.path in wanted and entry.is_file]
        total = sum(entry.size for entry in found)
        if total > max_bytes:
            raise InvalidInput(
                f"{len(found)} files of {sha[:12]} hold {total} bytes, at most {max_bytes} are "
                "read at once: ask for fewer or smaller files"
            )
        contents = self.contents([entry.oid for entry in found])
        return {entry.path: content for entry, content in zip(found, contents, strict=True)}

    def log(self, sha: str, *, path: str | None = None, limit: int = 20) -> tuple[Commit, ...]:
        """The newest commits up to `sha`, newest first; only those that touch `path` if given."""
        answer = self.git.run(
            "log",
            "-z",
            f"--max-count={min(limit, LOG_COMMITS)}",
            _LOG_FORMAT,
            operands=(checked_sha(sha),),
            paths=None if path is None else (path,),
        )
        fields = answer.text.split("\0")
        # `-z` ends each commit with one more NUL than the format does.
        return tuple(_commit(fields[start : start + 6]) for start in range(0, len(fields) - 6, 7))

    def changes(
        self, sha: str, *, limit: int = LOG_COMMITS, seconds: float = READ_SECONDS
    ) -> tuple[Change, ...]:
        """The newest commits up to `sha`, newest first, by what each said and changed.

        Without merges, and without a commit whose parent is not here (the first one, and the last
        one of a shallow clone): it would have changed everything. Raises TimedOut.
        """
        answer = self.git.run(
            "log",
            "-z",
            "--no-merges",
            "--name-only",
            "--no-renames",
            f"--max-count={limit}",
            _CHANGE_FORMAT,
            operands=(checked_sha(sha),),
            seconds=seconds,
        )
        return tuple(_changes(answer.text.split("\0")))

    def blame(
        self, sha: str, path: str, *, lines: tuple[int, int] | None = None
    ) -> tuple[BlameLine, ...]:
        """Which commit each line came from; `lines` is the first and last line, from 1."""
        chosen = ("-L", f"{int(lines[0])},{int(lines[1])}") if lines else ()
        answer = self.git.run(
            "blame", "--porcelain", *chosen, operands=(checked_sha(sha),), paths=(path,)
        )
        return _blame_lines(answer.text)

    def diff(
        self, old: str, new: str, *, paths: Sequence[str] = (), max_bytes: int = DIFF_BYTES
    ) -> str:
        """The unified diff between two commits, renames shown as a removal and an addition.

        Raises InvalidInput when it is longer than `max_bytes`.
        """
        answer = self.git.run(
            "diff",
            "--no-ext-diff",
            "--no-textconv",
            "--no-renames",
            "--no-color",
            operands=(checked_sha(old), checked_sha(new)),
            paths=paths,
        )
        if len(answer.stdout) > max_bytes:
            raise InvalidInput(
                f"the diff {old[:12]}..{new[:12]} has {len(answer.stdout)} bytes, at most "
                f"{max_bytes} are read: name the paths you need"
            )
        return answer.text

    def changed_paths(self, old: str, new: str) -> tuple[str, ...]:
        """The paths that differ between two commits."""
        answer = self.git.run(
            "diff",
            "--name-only",
            "--no-renames",
            "-z",
            operands=(checked_sha(old), checked_sha(new)),
        )
        return answer.records

    def grep(
        self, sha: str, regex: str, *, limit: int = 200, seconds: float = GREP_SECONDS
    ) -> tuple[MatchingLine, ...]:
        """At most `limit` lines of text files that match, by path, so many of one file.

        The expression is Perl's, of one line. It may come from anybody: what explodes is given up
        by git's engine or at the time limit, and costs no more than that. Raises InvalidInput for
        what is no expression, and TimedOut.
        """
        if not regex or len(regex) > REGEX_CHARACTERS or re.search(r"[\n\0]", regex):
            raise InvalidInput(
                f"expected a regular expression of one line and at most {REGEX_CHARACTERS} "
                f"characters, found {regex[:80]!r}"
            )
        try:
            answer = self.git.run(
                "grep",
                "-nIPz",
                "--no-color",
                f"--max-count={min(limit, _GREP_LINES_OF_A_FILE)}",
                "-e",
                operands=(f"(?:{regex})", checked_sha(sha)),
                accept=(0, 1),
                seconds=seconds,
            )
        except GitFailed as error:
            raise InvalidInput(f"{regex[:80]!r} cannot be searched for: {error.message}") from error
        return tuple(_matching_lines(answer.text, prefix=len(sha) + 1))[:limit]

    def contents(self, oids: Sequence[str]) -> list[bytes]:
        """The contents of blobs in the same order, by one `cat-file --batch` (read by object name,
        because a path may hold a line break). Without a bound: whoever asks knows their sizes."""
        asked = "".join(f"{oid}\n" for oid in oids).encode()
        answer = self.git.run("cat-file", "--batch", stdin=asked).stdout
        contents, position = [], 0
        for _ in oids:
            header_end = answer.index(b"\n", position)
            size = int(answer[position:header_end].split()[2])
            position = header_end + 1
            contents.append(answer[position : position + size])
            position += size + 1
        return contents


def _tree_entry(record: str) -> TreeEntry:
    meta, path = record.split("\t", 1)
    mode, _kind, oid, size = meta.split()
    return TreeEntry(path, mode, oid, _size(size))


def _size(written: str) -> int:
    """A submodule has none; an object that is not here (a partial clone) is beyond any bound."""
    if written == "-":
        return 0
    return int(written) if written.isdigit() else sys.maxsize


def _commit(fields: Sequence[str]) -> Commit:
    sha, parents, author, email, seconds, message = fields
    authored = datetime.fromtimestamp(int(seconds), UTC)
    return Commit(sha, tuple(parents.split()), author, email, authored, message.rstrip("\n"))


def _changes(fields: Sequence[str]) -> Iterator[Change]:
    at = 0
    while at + 4 < len(fields):
        _, sha, parents, message, _ = fields[at : at + 5]
        end = fields.index("", at + 5)
        if parents:
            # Before the first path stands the line break that would end a message.
            paths = tuple(path.removeprefix("\n") for path in fields[at + 5 : end])
            yield Change(sha, message.rstrip("\n"), paths)
        at = end


def _matching_lines(answer: str, *, prefix: int) -> Iterator[MatchingLine]:
    for found in re.finditer(r"([^\0\n]+)\0(\d+)\0([^\n]*)\n?", answer):
        yield MatchingLine(found[1][prefix:], int(found[2]), found[3][:_LINE_CHARACTERS])


def _blame_lines(porcelain: str) -> tuple[BlameLine, ...]:
    lines, sha, number = [], "", 0
    for row in porcelain.split("\n"):
        if row.startswith("\t"):
            lines.append(BlameLine(number, sha, row[1:]))
        elif header := re.match(r"([0-9a-f]{40,64}) \d+ (\d+)", row):
            sha, number = header[1], int(header[2])
    return tuple(lines)
