"""What is made of a blob, by kind: the same in this process and in a reader beside it."""

from __future__ import annotations

from functools import cache

from selfheal.codegraph.facts import FileFacts
from selfheal.codegraph.grammar import LANGUAGES
from selfheal.codegraph.parse import facts_of
from selfheal.index.facts import facts_kind, packed
from selfheal.index.words import WORDS_KIND, words_of


def derive(kind: str, blob: bytes) -> bytes:
    """What is kept of a blob under a kind; raises KeyError for one of other code than this."""
    if kind == WORDS_KIND:
        return words_of(blob)
    return packed(facts_of(blob, "", language=_languages()[kind]))


def without_facts(kind: str, reason: str) -> bytes:
    """The same for a blob that cannot be read, and why."""
    return b"" if kind == WORDS_KIND else packed(FileFacts("", problem=reason))


@cache
def _languages() -> dict[str, str]:
    return {facts_kind(language): language for language in LANGUAGES}
