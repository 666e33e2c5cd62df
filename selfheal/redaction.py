"""What is secret in a text, and its replacement by stable placeholders.

A placeholder is `<secret:NAME:hash6>`: the same value gives the same placeholder in every process,
so a redacted diff still lines up with the redacted file it was made from. Values known by name are
replaced first and literally; patterns catch what nobody told us about.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple, Self
from urllib.parse import quote, urlsplit

# Shorter values ("dev", "root") occur in every text and hide nothing.
SHORTEST_VALUE: Final = 6

_PLACEHOLDER = r"<secret:[A-Za-z0-9_.-]+:[0-9a-f]{6}>"

_SECRET_WORD = re.compile(
    r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|DSN|CREDENTIAL|WEBHOOK)S?\Z|\A(?:PASS|PWD|PW)\Z"
)
# The shell's own variables: their words look like secrets and their values are folders.
_NEVER_SECRET = frozenset({"PWD", "OLDPWD"})

# A template where a password would stand is no password: {password}, ${PASS}, <pass>, %s, ***.
_NO_TEMPLATE = r"(?![{$<*]|%[s(])"


class _Pattern(NamedTuple):
    """`regex` finds a secret of this `kind`; its group `secret` is what has to go."""

    kind: str
    regex: re.Pattern[str]


def _pattern(kind: str, body: str) -> _Pattern:
    return _Pattern(kind, re.compile(body, re.DOTALL))


# The block first: its inside must not be taken apart by the shorter patterns.
_PATTERNS: Final = (
    _pattern(
        "private-key",
        r"(?P<secret>-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:.*?-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----|.*\Z))",
    ),
    _pattern(
        "url-password",
        rf"\b[A-Za-z][A-Za-z0-9+.-]{{0,20}}://[^\s/:@'\"<>]*:{_NO_TEMPLATE}(?P<secret>[^\s/'\"<>]+)@",
    ),
    _pattern("url-token", rf"\bhttps?://{_NO_TEMPLATE}(?P<secret>[^\s/:@'\"<>]{{16,}})@"),
    _pattern("anthropic-key", r"\b(?P<secret>sk-ant-[\w-]{20,})"),
    _pattern("openai-key", r"\b(?P<secret>sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_]{2}[\w-]{18,})"),
    _pattern("aws-key", r"\b(?P<secret>(?:AKIA|ASIA)[A-Z0-9]{16})\b"),
    _pattern("github-token", r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})"),
    _pattern("gitlab-token", r"\b(?P<secret>gl(?:pat|ptt|dt|rt)-[\w-]{20,})"),
    _pattern("slack-token", r"\b(?P<secret>xox[abeoprs]-[\w-]{10,}|xapp-\d-[\w-]{10,})"),
    _pattern("slack-webhook", r"\bhttps://hooks\.slack\.com/services/(?P<secret>[\w/]{20,})"),
    _pattern("google-key", r"\b(?P<secret>AIza[\w-]{35,})"),
    _pattern("stripe-key", r"\b(?P<secret>[sr]k_(?:live|test)_[A-Za-z0-9]{16,})"),
    _pattern("huggingface-token", r"\b(?P<secret>hf_[A-Za-z0-9]{30,})"),
    _pattern("pypi-token", r"\b(?P<secret>pypi-[\w-]{50,})"),
    _pattern("npm-token", r"\b(?P<secret>npm_[A-Za-z0-9]{36})\b"),
    _pattern("sendgrid-key", r"\b(?P<secret>SG\.[\w-]{16,}\.[\w-]{16,})"),
    _pattern("jwt", r"\b(?P<secret>eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})"),
)


class Redactor:
    """Replaces secrets in texts: the `(name, value)` pairs it is given, then known patterns."""

    def __init__(self, values: Iterable[tuple[str, str]] = ()) -> None:
        self._placeholders = {
            form: _placeholder(name, value)
            for name, value in values
            if len(value) >= SHORTEST_VALUE
            for form in _forms(value)
        }
        # Longest first: a value that contains another one must go as a whole.
        forms = sorted(self._placeholders, key=len, reverse=True)
        # A placeholder is matched to be passed over: a value may be a word such as "secret".
        self._known = re.compile("|".join([_PLACEHOLDER, *map(re.escape, forms)]))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Knows every value with a secret-like name, and every password inside a URL."""
        return cls(_secrets_of(environ))

    def redact(self, text: str) -> str:
        """The text with placeholders for its secrets; redacting it again changes nothing."""
        text = self._known.sub(lambda found: self._placeholders.get(found[0], found[0]), text)
        for kind, regex in _PATTERNS:
            text = regex.sub(_replacing(kind), text)
        return text

    def find(self, text: str) -> str | None:
        """The name or kind of the first secret in the text; None when there is none."""
        for found in self._known.finditer(text):
            if found[0] in self._placeholders:
                return self._placeholders[found[0]].split(":")[1]
        return next((kind for kind, regex in _PATTERNS if _holds_secret(regex, text)), None)


def _placeholder(name: str, value: str) -> str:
    digest = hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
    return f"<secret:{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}:{digest[:6]}>"


def _forms(value: str) -> Iterator[str]:
    """The value as it stands in a log, a URL, a JSON text and a basic-auth header."""
    raw = value.encode("utf-8", "surrogateescape")
    yield value
    yield quote(raw, safe="")
    yield json.dumps(value)[1:-1]
    yield base64.b64encode(raw).decode()


def _secrets_of(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if _is_secret_name(name) and not _is_plain_setting(value):
            yield name, value
        if password := _password_in(value):
            yield name, password


def _is_secret_name(name: str) -> bool:
    words = name.upper().replace("-", "_").split("_")
    return name not in _NEVER_SECRET and any(map(_SECRET_WORD.search, words))


def _is_plain_setting(value: str) -> bool:
    """A limit or a switch (`MAX_TOKENS=200000`), whose value would blot out ordinary text."""
    return value.isdigit() and len(value) < 8


def _password_in(value: str) -> str | None:
    try:
        return urlsplit(value).password
    except ValueError:
        return None


def _replacing(kind: str) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        secret = found["secret"]
        if _is_redacted(secret):
            return found[0]
        start, end = (position - found.start() for position in found.span("secret"))
        return found[0][:start] + _placeholder(kind, secret) + found[0][end:]

    return replace


def _holds_secret(regex: re.Pattern[str], text: str) -> bool:
    return any(not _is_redacted(found["secret"]) for found in regex.finditer(text))


def _is_redacted(secret: str) -> bool:
    return secret.startswith("<secret:")
