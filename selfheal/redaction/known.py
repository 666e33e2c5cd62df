"""Secrets that are known by their value: which they are, and the forms they travel in."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote, quote_plus, urlsplit

# Shorter values ("dev", "root") occur in every text and hide nothing.
SHORTEST_VALUE: Final = 6

# Of a value with several lines each goes by itself, unless it is as short as a brace.
_SHORTEST_LINE = 16

# Base64 of a value inside a longer text differs with its place; of a short one too little is fixed.
_SHORTEST_SHIFTED = 8

_SECRET_WORD = re.compile(
    r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|DSN|CREDENTIAL|WEBHOOK)S?\Z|\A(?:PASS|PWD|PW)\Z"
)
# The shell's own variables: their words look like secrets and their values are folders.
_NEVER_SECRET = frozenset({"PWD", "OLDPWD"})


def parts(value: str) -> Iterator[str]:
    """The value, and each line of one with several: a line end is never taken away."""
    yield value
    if "\n" in value:
        yield from (line for line in map(str.strip, value.split("\n")) if _tells(line))


def forms(value: str) -> Iterator[str]:
    """The value as it stands in a log, a URL, a page, a JSON text, a traceback, a header."""
    raw = value.encode("utf-8", "surrogateescape")
    if "\n" not in value:
        yield value
    yield quote(raw, safe="")
    yield quote_plus(raw)
    yield html.escape(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield base64.b64encode(raw).decode()
    if len(raw) >= _SHORTEST_SHIFTED:
        yield from _shifted(raw)


def secrets_of(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names and values of what is secret by its name, and of every password inside a URL."""
    for name, value in environ.items():
        if is_secret_name(name) and not _is_plain_setting(value):
            yield name, value
        if password := _password_in(value):
            yield name, password


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    words = name.upper().replace("-", "_").split("_")
    return name not in _NEVER_SECRET and any(map(_SECRET_WORD.search, words))


def _tells(line: str) -> bool:
    """Whether a line of a longer value is its own; the marks round a key are everybody's."""
    return len(line) >= _SHORTEST_LINE and not line.startswith("-----")


def _shifted(raw: bytes) -> Iterator[str]:
    """What of its base64 is the same whatever stands before and after it, as in `user:value`."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        whole = len(raw) + shift
        yield encoded[(shift * 8 + 5) // 6 : whole * 8 // 6]


def _is_plain_setting(value: str) -> bool:
    """A limit or a switch (`MAX_TOKENS=200000`), whose value would blot out ordinary text."""
    return value.isdigit() and len(value) < 8


def _password_in(value: str) -> str | None:
    try:
        return urlsplit(value).password
    except ValueError:
        return None
