"""Text of others in a prompt: fenced, so that none of it is taken for a word of ours (SEC-2)."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

MOST_CHARACTERS: Final = 200_000
"""Of one text; whoever has more to show chooses what of it."""

# Terminal sequences: with the first character gone, the rest of them would stand in the text.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]"
    r"|(?:\x1b[\]P^_X]|[\x9d\x90\x9e\x9f\x98])[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,16}[0-~]"
)
# Of marks that stand on the letter before them, as many as any language puts there.
_PILES = re.compile(
    r"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]{4})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]+"
)

# Control and format characters (bidi, zero width, tags), private use, halves of pairs, separators.
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
# Letters and spaces by their category, and nothing to see by their look.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | {
    chr(code) for block in (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)) for code in block
}


def untrusted(text: str, label: str) -> str:
    """The text in a fence that it cannot close, and nothing in it that a reader does not see.

    Too long a text loses its middle, and says so. The fence holds a digest of what is inside: no
    text can hold its own.
    """
    seen = _shortened(visible(text))
    mark = hashlib.sha256(seen.encode("utf-8", "replace")).hexdigest()[:16]
    name = " ".join(visible(label).replace("<", "(").replace(">", ")").split())[:200]
    return f"<<{name} {mark}>>\n{seen}\n<</{name} {mark}>>"


def visible(text: str) -> str:
    """The text as people see it: no terminal sequences, no controls, nothing hidden or reversed."""
    plain = _ESCAPES.sub("", text.replace("\r\n", "\n")).replace("\r", "\n")
    kept = (mark for mark in plain if mark in "\n\t" or _is_seen(mark))
    return _PILES.sub(r"\1", "".join(kept))


def _is_seen(mark: str) -> bool:
    return unicodedata.category(mark) not in _UNSEEN and mark not in _BLANK


def _shortened(text: str) -> str:
    left_out = len(text) - MOST_CHARACTERS
    if left_out <= 0:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}\n[{left_out} characters left out]\n{text[-half:]}"
