"""What a recipe comes to on one tree: new texts with their reasons, or why it cannot be done."""

from __future__ import annotations

import codecs
import io
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass

from selfheal.codegraph.parse import facts_of
from selfheal.contracts.plan import PlanWarning, Symbol
from selfheal.recipes.occurrences import Spot


@dataclass(frozen=True, slots=True)
class Edit:
    """`text` in place of what is at `spot`."""

    spot: Spot
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """New contents of files, by path; none where there is nothing to do.

    `symbols` are those whose text changes. `found` says in sentences what was found, `warnings`
    what was left as it is.
    """

    texts: tuple[tuple[str, bytes], ...] = ()
    symbols: tuple[Symbol, ...] = ()
    found: tuple[str, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class CannotDo:
    """Why a recipe does not fit the tree, and what its author can do."""

    reason: str
    next_step: str


def spliced(blob: bytes, edits: Iterable[Edit]) -> bytes:
    """The file with these edits, every other byte as it was.

    Spots count in the UTF-8 form of the file, whatever its coding is.
    """
    mark = codecs.BOM_UTF8 if blob.startswith(codecs.BOM_UTF8) else b""
    body, coding = blob[len(mark) :], "utf-8"
    try:
        body.decode(coding)
    except UnicodeDecodeError:
        coding, _ = tokenize.detect_encoding(io.BytesIO(blob).readline)
        body = body.decode(coding).encode()
    for edit in sorted(edits, key=lambda edit: edit.spot, reverse=True):
        body = body[: edit.spot.start] + edit.text.encode() + body[edit.spot.end :]
    return mark + (body if coding == "utf-8" else body.decode().encode(coding))


def sound(rewrite: Rewrite) -> Rewrite | CannotDo:
    """The rewrite itself, unless a file of it does not parse any more.

    For recipes that edit only what parsed before: then it is a defect of ours, kept from a branch.
    """
    for path, text in rewrite.texts:
        if problem := facts_of(text, path).problem:
            return CannotDo(f"{path} would not parse any more: {problem}", "change it by hand")
    return rewrite
