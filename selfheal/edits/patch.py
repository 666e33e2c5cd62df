"""A git-style patch as git will read it, taken apart strictly.

Everything outside the grammar is refused: a line that this reader skips and `git apply` understands
would be a door. Names come from the raw headers (quoted or not), and every header that names a
file must name the same one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from selfheal.errors import PatchRefused

DEV_NULL: Final = "/dev/null"

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(?: .*)?\Z", re.ASCII)
_NO_NEWLINE = "\\ No newline at end of file"
_MODE = re.compile(r"(old mode|new mode|new file mode|deleted file mode) (\d{6})\Z", re.ASCII)
_INDEX = re.compile(r"index [0-9a-f]{4,64}\.\.[0-9a-f]{4,64}(?: (\d{6}))?\Z", re.ASCII)
_MOVE = re.compile(r"(rename|copy) (from|to) (.+)\Z")
_SIMILARITY = re.compile(r"(?:dis)?similarity index \d{1,3}%\Z", re.ASCII)
_ESCAPE = re.compile(r'\\([0-7]{3}|[abtnvfr"\\])')
_ESCAPED = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePatch:
    """What a patch does to one file. A path is None where the file does not exist on that side;
    `modes` are all that its headers name, by header."""

    old_path: str | None
    new_path: str | None
    modes: dict[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths it touches, one or (moved) two."""
        found = (self.old_path, self.new_path)
        return tuple(dict.fromkeys(path for path in found if path is not None))


def read_patch(diff: str) -> tuple[FilePatch, ...]:
    """The files of a patch; raises PatchRefused (`malformed`, `header_mismatch`, `binary`)."""
    if not diff.endswith("\n"):
        raise PatchRefused("malformed", "-", "a patch ends with a line break; this one was cut")
    reader = _Reader(diff.split("\n")[:-1])
    files = []
    while reader.line is not None:
        files.append(reader.read_file())
    return tuple(files)


class _Reader:
    """Reads line by line; `line` is the present one, None after the last."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0
        self._shown = "-"

    @property
    def line(self) -> str | None:
        return self._lines[self._at] if self._at < len(self._lines) else None

    def read_file(self) -> FilePatch:
        header = self._take("diff --git ")
        self._shown = header[:200]
        modes, moves = self._read_extended()
        names = self._read_names() if self._starts("--- ") else None
        added: list[str] = []
        removed: list[str] = []
        while names and self._starts("@@ "):
            self._read_hunk(added, removed)
        if not (added or removed if names else moves or modes.keys() - {"index"}):
            raise self._malformed("changes nothing")
        old, new = _Header(header, self._shown).paths(modes, moves, names)
        return FilePatch(
            old_path=old, new_path=new, modes=modes, added=tuple(added), removed=tuple(removed)
        )

    def _read_extended(self) -> tuple[dict[str, str], dict[str, str]]:
        modes: dict[str, str] = {}
        moves: dict[str, str] = {}
        while (line := self.line) is not None and not line.startswith(("--- ", "diff --git ")):
            if mode := _MODE.match(line):
                self._note(modes, mode[1], mode[2])
            elif index := _INDEX.match(line):
                self._note(modes, "index", index[1] or "")
            elif move := _MOVE.match(line):
                self._note(moves, f"{move[1]} {move[2]}", move[3])
            elif line.startswith(("GIT binary patch", "Binary files ")):
                raise PatchRefused("binary", self._shown, "binary content is not edited")
            elif not _SIMILARITY.match(line):
                raise self._malformed(f"cannot be read: {line[:100]!r}")
            self._at += 1
        return {name: mode for name, mode in modes.items() if mode}, moves

    def _read_names(self) -> tuple[str, str]:
        return self._take("--- "), self._take("+++ ")

    def _read_hunk(self, added: list[str], removed: list[str]) -> None:
        numbers = _HUNK.match(self.line or "")
        if numbers is None:
            raise self._malformed(f"has a torn hunk header: {(self.line or '')[:100]!r}")
        self._at += 1
        old, new = (1 if count is None else int(count) for count in (numbers[2], numbers[4]))
        while old > 0 or new > 0:
            line = self.line
            if line is None or line[:1] not in ("", " ", "+", "-", "\\"):
                raise self._malformed("has a hunk with fewer lines than its header says")
            if line.startswith("\\"):
                self._skip_no_newline()
                continue
            self._at += 1
            old -= line[:1] != "+"
            new -= line[:1] != "-"
            if line[:1] in ("+", "-"):
                (added if line[0] == "+" else removed).append(line[1:])
        if old or new:
            raise self._malformed("has a hunk with other lines than its header says")
        if self._starts("\\"):
            self._skip_no_newline()

    def _skip_no_newline(self) -> None:
        if self.line != _NO_NEWLINE:
            raise self._malformed(f"cannot be read: {(self.line or '')[:100]!r}")
        self._at += 1

    def _starts(self, prefix: str) -> bool:
        return self.line is not None and self.line.startswith(prefix)

    def _take(self, prefix: str) -> str:
        if self.line is None or not self.line.startswith(prefix):
            found = (self.line or "the end")[:100]
            raise self._malformed(f"line {self._at + 1}: expected `{prefix}`, found {found!r}")
        self._at += 1
        return self._lines[self._at - 1].removeprefix(prefix)

    def _note(self, into: dict[str, str], name: str, value: str) -> None:
        if name in into:
            raise self._malformed(f"says {name} twice")
        into[name] = value

    def _malformed(self, why: str) -> PatchRefused:
        return PatchRefused("malformed", self._shown, why)


class _Header:
    """What stands behind `diff --git`, held against every other header that names the file."""

    def __init__(self, text: str, shown: str) -> None:
        self._text = text
        self._shown = shown

    def paths(
        self, modes: dict[str, str], moves: dict[str, str], names: tuple[str, str] | None
    ) -> tuple[str | None, str | None]:
        """The path before and after; raises PatchRefused when headers disagree."""
        if moves:
            old, new = self._of_move(moves)
            if names and self._of_names(*names) != (old, new):
                raise self._mismatch(f"moves {old} but is followed by {names[0]} and {names[1]}")
        elif names:
            old, new = self._of_names(*names)
        else:
            old, new = self._of_halves()
        if f"{old} {new}" != self._text:
            raise self._mismatch(f"is followed by headers that name {old} and {new}")
        before, after = self._path(old, "a/"), self._path(new, "b/")
        if not moves and before != after:
            raise self._mismatch(f"names two files, {before} and {after}, without a rename")
        self._check_existence(modes, names)
        created, deleted = "new file mode" in modes, "deleted file mode" in modes
        return None if created else before, None if deleted else after

    def _of_move(self, moves: dict[str, str]) -> tuple[str, str]:
        kind = "rename" if "rename from" in moves else "copy"
        if set(moves) != {f"{kind} from", f"{kind} to"}:
            raise self._mismatch("has rename or copy headers that do not belong together")
        return _prefixed(moves[f"{kind} from"], "a/"), _prefixed(moves[f"{kind} to"], "b/")

    def _of_names(self, old: str, new: str) -> tuple[str, str]:
        # One tab may end a name with spaces; a time stamp behind it is not git's.
        old, new = old.removesuffix("\t"), new.removesuffix("\t")
        if old == DEV_NULL and new == DEV_NULL:
            raise self._mismatch("is followed by two names that are no file")
        if old == DEV_NULL:
            old = _exchanged(new, "a")
        elif new == DEV_NULL:
            new = _exchanged(old, "b")
        return old, new

    def _of_halves(self) -> tuple[str, str]:
        """Without other headers git takes the name that stands there twice."""
        middle = len(self._text) // 2
        return self._text[:middle], self._text[middle + 1 :]

    def _path(self, name: str, prefix: str) -> str:
        if name.startswith('"'):
            name = self._unquoted(name)
        if not name.startswith(prefix):
            raise self._mismatch(f"names {name!r} without the prefix {prefix}")
        return name.removeprefix(prefix)

    def _unquoted(self, name: str) -> str:
        inside = name[1:-1]
        if len(name) < 2 or not name.endswith('"') or re.search(r'["\\]', _ESCAPE.sub("", inside)):
            raise self._mismatch(f"has a torn quoted name {name!r}")
        raw = b"".join(_bytes(part) for part in re.split(r"(\\(?:[0-7]{3}|.))", inside))
        return raw.decode("utf-8", "surrogateescape")

    def _check_existence(self, modes: dict[str, str], names: tuple[str, str] | None) -> None:
        created, deleted = "new file mode" in modes, "deleted file mode" in modes
        absent = tuple(name == DEV_NULL for name in names) if names else (created, deleted)
        if absent != (created, deleted):
            raise self._mismatch(f"and {DEV_NULL} disagree about a new or deleted file")

    def _mismatch(self, why: str) -> PatchRefused:
        return PatchRefused("header_mismatch", self._shown, why)


def _prefixed(name: str, prefix: str) -> str:
    return f'"{prefix}{name[1:]}' if name.startswith('"') else prefix + name


def _exchanged(name: str, letter: str) -> str:
    """The name with the other side's prefix letter."""
    at = 1 if name.startswith('"') else 0
    return name[:at] + letter + name[at + 1 :]


def _bytes(part: str) -> bytes:
    if not part.startswith("\\"):
        return part.encode("utf-8", "surrogateescape")
    code = part[1:]
    return bytes([_ESCAPED[code] if code in _ESCAPED else int(code, 8) & 0xFF])
