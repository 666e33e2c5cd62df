"""Finds secrets in texts and puts placeholders in their place.

Values known by name go first and literally; patterns catch what nobody told us about. Nothing but
the lines of a private key is recognised across a line end, and no line end is ever taken away: a
text may be redacted line by line, and a redacted diff applies to the redacted file.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Self

from selfheal.redaction.key_blocks import key_blocks
from selfheal.redaction.known import SHORTEST_VALUE, forms, parts, secrets_of
from selfheal.redaction.named_values import NAMED_VALUES
from selfheal.redaction.pattern import Pattern
from selfheal.redaction.placeholder import PLACEHOLDER, placeholder
from selfheal.redaction.provider_keys import PROVIDER_KEYS

PATTERNS = (*PROVIDER_KEYS, *NAMED_VALUES)
"""What says most about a secret comes first: of two that overlap the first one counts."""

_PLACES = {
    hint: tuple(place for place, one in enumerate(PATTERNS) if hint in one.hints)
    for hint in dict.fromkeys(hint for one in PATTERNS for hint in one.hints)
}


class _Found(NamedTuple):
    """A secret's place in a text, and what it is called."""

    start: int
    end: int
    name: str


class Redactor:
    """Replaces secrets in texts: the `(name, value)` pairs it is given, then known patterns."""

    def __init__(self, values: Iterable[tuple[str, str]] = ()) -> None:
        self._given = tuple(values)
        self._known = {
            form: (name, part)
            for name, value in self._given
            if len(value) >= SHORTEST_VALUE
            for part in parts(value)
            for form in forms(part)
        }
        # Longest first: a value that contains another one must go as a whole.
        longest = sorted(self._known, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest))) if longest else None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Knows every value with a secret-like name, and every password inside a URL."""
        return cls(secrets_of(environ))

    def knowing(self, values: Iterable[tuple[str, str]]) -> Redactor:
        """One that knows these values too."""
        further = tuple(values)
        return Redactor((*self._given, *further)) if further else self

    def redact(self, text: str) -> str:
        """The text with placeholders for its secrets; redacting it again changes nothing."""
        return self._redacted(text, {})

    def find(self, text: str) -> str | None:
        """The name or kind of the first secret in the text; None when there is none."""
        pieces = PLACEHOLDER.split(text)[::2]
        return next((found.name for piece in pieces for found in self._search(piece)), None)

    def restore(self, text: str, *, of: Iterable[str]) -> str | None:
        """The text with what its placeholders stand for in the texts it was made `of`.

        None where they do not tell: by then a secret of another text, or two that look alike.
        """
        secrets: dict[str, set[str]] = {}
        for original in of:
            for shown in PLACEHOLDER.findall(original):
                secrets.setdefault(shown, set()).add(shown)
            self._redacted(original, secrets)
        if any(len(secrets.get(shown, ())) != 1 for shown in PLACEHOLDER.findall(text)):
            return None
        return PLACEHOLDER.sub(lambda shown: min(secrets[shown[0]]), text)

    def _redacted(self, text: str, secrets: dict[str, set[str]]) -> str:
        """`text` redacted; `secrets` learns what each new placeholder stands for.

        What is left after one round may look like a secret by itself. No round touches a
        placeholder, so there is less left after each, and this ends.
        """
        while True:
            pieces = PLACEHOLDER.split(text)
            pieces[::2] = [self._replaced(piece, secrets) for piece in pieces[::2]]
            redacted = "".join(pieces)
            if redacted == text:
                return text
            text = redacted

    def _replaced(self, piece: str, secrets: dict[str, set[str]]) -> str:
        whole, at = [], 0
        for found in _apart(self._search(piece)):
            secret = piece[found.start : found.end]
            stands = self._placeholder(found.name, secret)
            secrets.setdefault(stands, set()).add(secret)
            whole += [piece[at : found.start], stands]
            at = found.end
        return "".join([*whole, piece[at:]])

    def _placeholder(self, name: str, secret: str) -> str:
        """One for all forms of a known value."""
        return placeholder(*self._known.get(secret, (name, secret)))

    def _search(self, piece: str) -> Iterator[_Found]:
        """Every secret in a text without placeholders; they may overlap."""
        if self._values:
            for value in self._values.finditer(piece):
                yield _Found(value.start(), value.end(), self._known[value[0]][0])
        for start, end in key_blocks(piece):
            yield _Found(start, end, "private-key")
        for kind, _, regex in _hinted(piece):
            for match in regex.finditer(piece):
                yield _Found(*match.span("secret"), kind)


def _hinted(piece: str) -> list[Pattern]:
    """The patterns that may find something, in their order.

    Most texts are short and hold no hint at all, so each hint is looked for once.
    """
    lowered = piece.lower()
    places = {place for hint, places in _PLACES.items() if hint in lowered for place in places}
    return [PATTERNS[place] for place in sorted(places)]


def _apart(found: Iterable[_Found]) -> list[_Found]:
    """In their order in the text; of those that overlap the one that was found first."""
    kept: list[_Found] = []
    for one in found:
        at = bisect(kept, one)
        free_before = at == 0 or kept[at - 1].end <= one.start
        if free_before and (at == len(kept) or one.end <= kept[at].start):
            kept.insert(at, one)
    return kept
