"""Applying edits to texts: tolerant in the reading, exact in what changes, explained in a miss."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from selfheal.edits.blocks import Replace
from selfheal.edits.match import Match, find_matches
from selfheal.edits.nearest import nearest_lines
from selfheal.edits.recognise import Edit
from selfheal.edits.text import Line, Text
from selfheal.edits.whole_file import WholeFile
from selfheal.errors import InvalidEdit

_ELISION = re.compile(r"\s*(?:#|//|--|/\*|<!--)?\s*(?:\.\.\.|…)\s*(?:\*/|-->)?\s*\Z")

# "# ... rest of the file unchanged": a bare `...` may be Python, a comment with dots is not.
_LEFT_OUT = re.compile(r"\s*(?:#|//|--|/\*|<!--)\s*(?:\.\.\.|…)")


class Texts(Protocol):
    """Where the files' present texts come from; a dict is one."""

    def get(self, path: str, /) -> str | None:
        """The text of the file; None where there is none."""
        ...


def apply_edits(edits: Iterable[Edit], texts: Texts) -> Mapping[str, str]:
    """The new text of every file that the edits change, by path.

    Edits of one file apply one after the other. Line endings, the byte order mark and the kind of
    last line stay as they are; so does every line an edit repeats unchanged. Raises InvalidEdit
    when an edit fits nowhere (showing the nearest lines) or in several places.
    """
    changed: dict[str, str] = {}
    for edit in edits:
        present = changed.get(edit.path, texts.get(edit.path))
        changed[edit.path] = _apply(edit, present)
    return {path: text for path, text in changed.items() if text != texts.get(path)}


def _apply(edit: Edit, present: str | None) -> str:
    if isinstance(edit, WholeFile):
        return _write_whole(edit, present)
    if not any(line.strip() for line in edit.old):
        return _create(edit, present)
    if present is None:
        raise InvalidEdit(
            f"{edit.path}: there is no such file to search in; to create it, leave SEARCH empty"
        )
    text = Text.of(present)
    match = _only_match(edit, text)
    if match is not None:
        return text.with_lines(_replaced(text, edit, match))
    return _replace_round_elisions(edit, text)


def _write_whole(edit: WholeFile, present: str | None) -> str:
    text = Text.of(present or "")
    left_out = [line for line in edit.lines if _LEFT_OUT.match(line) and line not in text.contents]
    if present and left_out:
        raise InvalidEdit(
            f"{edit.path}: a whole file must be whole, but {left_out[0].strip()!r} leaves "
            "something out; send search/replace blocks instead"
        )
    return text.with_lines(text.made(edit.lines))


def _create(edit: Replace, present: str | None) -> str:
    text = Text.of(present or "")
    if any(line.content.strip() for line in text.lines):
        raise InvalidEdit(
            f"{edit.path}: an empty SEARCH creates a file, but this one has {len(text.lines)} "
            "lines; put into SEARCH the lines that shall be replaced"
        )
    return text.with_lines(text.made(edit.new))


def _only_match(edit: Replace, text: Text) -> Match | None:
    """The one place of the whole SEARCH part; None when it stands nowhere."""
    matches = find_matches(text.contents, edit.old)
    if len(matches) > 1:
        raise _ambiguous(edit, matches)
    return matches[0] if matches else None


def _ambiguous(edit: Replace, matches: Sequence[Match]) -> InvalidEdit:
    lines = ", ".join(str(match.start + 1) for match in matches[:10])
    return InvalidEdit(
        f"{edit.path}: the SEARCH lines stand in {len(matches)} places (lines {lines}); add lines "
        "round them until only one place fits"
    )


def _missed(edit: Replace, text: Text, part: Sequence[str]) -> InvalidEdit:
    wanted = next(line.strip() for line in part if line.strip())
    shown = nearest_lines(text.contents, part)
    hint = f"the nearest lines are:\n{shown}" if shown else "no line of it is similar"
    return InvalidEdit(
        f"{edit.path}: the SEARCH lines that begin with {wanted!r} are not in the file; {hint}\n"
        "copy the lines exactly as they are in the file"
    )


def _replaced(text: Text, edit: Replace, match: Match) -> list[Line]:
    return [
        *text.lines[: match.start],
        *_rewritten(text, match, old=edit.old, new=edit.new),
        *text.lines[match.end :],
    ]


def _rewritten(text: Text, match: Match, *, old: Sequence[str], new: Sequence[str]) -> list[Line]:
    """The matched stretch with the new lines; what old and new have in common stays as the file
    has it, with blank lines and trailing spaces that the edit did not mention."""
    written: list[Line] = []
    cursor = match.start
    matcher = difflib.SequenceMatcher(
        a=_compared(old, match), b=_compared(new, match), autojunk=False
    )
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        places = [place for place in match.places[old_start:old_end] if place is not None]
        if places:
            kept_until = places[-1] + 1 if tag == "equal" else places[0]
            written += text.lines[cursor:kept_until]
            cursor = places[-1] + 1
        if tag != "equal":
            written += text.made([match.shift.apply(line) for line in new[new_start:new_end]])
    return written + list(text.lines[cursor : match.end])


def _compared(lines: Sequence[str], match: Match) -> Sequence[str]:
    """Spaces at the end of a line count only where the edit has them as the file does."""
    return lines if match.exact else [line.rstrip() for line in lines]


def _replace_round_elisions(edit: Replace, text: Text) -> str:
    """Reads `...` lines as "what stands here stays": the parts between them are replaced each."""
    old, new = _parts(edit.old), _parts(edit.new)
    if len(old) == 1:
        raise _missed(edit, text, edit.old)
    if len(old) != len(new):
        raise InvalidEdit(
            f"{edit.path}: SEARCH leaves something out {len(old) - 1} times and REPLACE "
            f"{len(new) - 1} times; both must have the same `...` lines"
        )
    lines: list[Line] = []
    cursor = 0
    for before, after in zip(old, new, strict=True):
        if not any(line.strip() for line in before):
            _refuse_homeless(edit, after)
            continue
        match = _next_match(edit, text, before, cursor=cursor)
        lines += text.lines[cursor : match.start]
        lines += _rewritten(text, match, old=before, new=after)
        cursor = match.end
    return text.with_lines([*lines, *text.lines[cursor:]])


def _next_match(edit: Replace, text: Text, part: Sequence[str], *, cursor: int) -> Match:
    matches = [match.moved(cursor) for match in find_matches(text.contents[cursor:], part)]
    if len(matches) > 1:
        raise _ambiguous(edit, matches)
    if not matches:
        raise _missed(edit, text, part)
    return matches[0]


def _refuse_homeless(edit: Replace, added: Sequence[str]) -> None:
    if any(line.strip() for line in added):
        raise InvalidEdit(
            f"{edit.path}: REPLACE adds {added[0].strip()!r} beside a `...` where SEARCH has no "
            "line to put it next to; add one"
        )


def _parts(lines: Sequence[str]) -> list[list[str]]:
    """The stretches between `...` lines."""
    parts: list[list[str]] = [[]]
    for line in lines:
        if _ELISION.match(line):
            parts.append([])
        else:
            parts[-1].append(line)
    return parts
