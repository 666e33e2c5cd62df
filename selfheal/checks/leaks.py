"""What must not be in a change or a request: secrets, personal data, instructions to a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from selfheal.redaction import Redactor

LeakKind = Literal["secret", "personal data", "injected instruction"]

_EMAIL = re.compile(r"\b[\w.+-]+@(?P<host>[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,})\b")
_NO_PERSON = re.compile(r"(?:^|\.)(?:example\.(?:com|org|net)|test|invalid|localhost|example)$")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\w.-])(?<!\d )[3-6](?:[ -]?\d){12,15}(?![ -]?\w)(?!\.\d)")
_SOCIAL_SECURITY = re.compile(
    r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])"
)
_INJECTION = re.compile(
    r"\b(?:ignore|disregard|forget|override)\s+(?:\w+\s+){0,3}?"
    r"(?:previous|prior|above|earlier|preceding|system)\s+(?:\w+\s+){0,2}?"
    r"(?:instructions?|rules?|prompts?|messages?)\b"
    r"|\b(?:reveal|print|repeat|show)\s+(?:\w+\s+){0,2}?system\s+prompt\b"
    r"|\byou\s+are\s+now\s+(?:in\s+)?(?:developer|jailbreak|dan)\b"
    r"|<\|(?:im_start|im_end|system|endoftext)\|>",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Leak:
    """One finding: its kind, where it is, and what it is called; never the text itself."""

    kind: LeakKind
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} at {self.where}: {self.what}"


def leaks_in(text: str, *, where: str, redactor: Redactor) -> Iterator[Leak]:
    """What one piece of text holds, at most one finding of each sort."""
    if found := redactor.find(text):
        yield Leak("secret", where, found)
    yield from (Leak("personal data", where, what) for what in _personal(text))
    if _INJECTION.search(text):
        yield Leak("injected instruction", where, "speaks to a model about its instructions")


def leaks_in_diff(diff: str, redactor: Redactor) -> Iterator[Leak]:
    """What the added lines of a unified diff hold, line by line."""
    path, line = "", 0
    for text in diff.splitlines():
        if text.startswith("+++ "):
            path = text.removeprefix("+++ ").removeprefix("b/")
        elif hunk := re.match(r"@@ -\S+ \+(\d+)", text):
            line = int(hunk[1]) - 1
        elif text.startswith("+"):
            line += 1
            yield from leaks_in(text[1:], where=f"{path}:{line}", redactor=redactor)
        elif text.startswith(" "):
            line += 1


def _personal(text: str) -> Iterator[str]:
    hosts = (found["host"].lower() for found in _EMAIL.finditer(text))
    if any(not _NO_PERSON.search(host) for host in hosts):
        yield "e-mail address"
    if any(_is_iban(found[0]) for found in _IBAN.finditer(text)):
        yield "bank account (IBAN)"
    if any(_is_card(found[0]) for found in _CARD.finditer(text)):
        yield "payment card"
    if _SOCIAL_SECURITY.search(text):
        yield "social security number"


def _is_card(text: str) -> bool:
    """Whether the check digit fits (ISO/IEC 7812-1, Luhn)."""
    digits = [int(mark) for mark in reversed(text) if mark.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return len(set(digits)) > 1 and (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    """Whether the check digits fit (ISO 13616)."""
    packed = text.replace(" ", "")
    number = "".join(str(int(mark, 36)) for mark in packed[4:] + packed[:4])
    return 15 <= len(packed) <= 34 and int(number) % 97 == 1
