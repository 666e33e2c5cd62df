"""Values that are secret because of where they stand: after a name, in a URL, in a header.

A value in quotes, or one that no program text could be, is a secret where its name says so; a plain
word is not, for tests and forms are full of `password="secret"` and `token = next_token`.
"""

# One row is one place: a table is read down its first column.
# ruff: noqa: E501

from __future__ import annotations

import re
from typing import Final

from selfheal.redaction.pattern import Pattern, pattern

_WORDS = "passw pwd passphrase secret token key credential auth dsn webhook salt"

# `db_password`, `clientSecret`, `AWS_SECRET_ACCESS_KEY`: what stands before the word is bounded.
_NAME = (
    r"[\w.-]{0,60}?(?:(?i:passwords?|passwd|passphrase|pwd|secrets?|credentials?|tokens?)"
    r"|(?i:(?:api|access|secret|private|encryption|signing|auth|account|master|license|session|storage)[_-]?keys?)"
    r"|(?i:secret[_-]?access[_-]?key|auth[_-]?code|client[_-]?id[_-]?secret|security[_-]?salt))"
    r"(?:[_-](?:value|v?\d|base|fallbacks?|old|new|primary|secondary))?"
)

# A template where a password would stand is no password: {password}, ${PASS}, <pass>, %s, ***.
_NO_TEMPLATE = r"(?![{$<*]|%[s({]|\.\.\.)"
_NO_EXAMPLE = r"(?!(?i:pass|passwd|password|pwd|secret|token|x{1,20})@)"
_NO_PLACE = r"(?!https?://|/|\./|#/|~/|env:|os\.|process\.|xxx|XXX)"

# At least one digit or sign that no label and no identifier ends up with.
_MIXED = r"(?=[^\s\"']{0,199}[0-9@#$%^&*+~])(?=[^\s\"']{0,199}[A-Za-z])"
_QUOTED = rf"{_NO_TEMPLATE}{_NO_PLACE}{_MIXED}(?P<secret>[^\s\"'\\<>{{}}]{{8,300}})"

# Outside quotes a program has names and numbers: only what is neither is taken for a value.
_ODD = r"(?=[^\s]{0,199}[0-9])(?=[^\s]{0,199}[A-Za-z])(?=[^\s]{0,199}[@#$!%^&~+/-]|[A-Za-z0-9]{20})"
_BARE = rf"{_NO_TEMPLATE}{_NO_PLACE}{_ODD}(?P<secret>[^\s\"'\\<>{{}}()\[\],;`]{{8,300}})"

# A text in a text in JSON has its quotes and line ends escaped over and over.
_ESCAPES = r"\\{0,7}"

# A line begins after a real or an escaped end, and may have signs of diffs, comments or pytest.
_START = r"(?:^|\\{1,8}n)[+\- ]?(?:E {2,12})?[ \t#;*>|]{0,40}(?:- )?"

NAMED_VALUES: Final[tuple[Pattern, ...]] = (
    # URLs
    pattern(
        "url-password",
        "://",
        rf"\b[A-Za-z][A-Za-z0-9+.-]{{0,20}}://[^\s/:@'\"<>]{{0,100}}:{_NO_TEMPLATE}{_NO_EXAMPLE}(?P<secret>[^\s/'\"<>\[\]\\]{{1,300}})@",
    ),
    pattern(
        "url-token", "://", rf"\bhttps?://{_NO_TEMPLATE}(?P<secret>[^\s/:@'\"<>\\]{{16,300}})@"
    ),
    pattern(
        "url-query",
        "= %3d",
        r"[?&](?i:access_token|refresh_token|id_token|auth_token|token|api_?key|key|sig|signature|password|passwd|secret|client_secret|x-amz-signature)(?:=|%3D)(?![{$<*]|%[s({])(?=[\w.~%+/=-]{0,400}[0-9A-Z])(?P<secret>[\w.~%+/=-]{8,400})",
    ),
    # headers and cookies
    pattern(
        "authorization",
        "bearer basic token",
        r"\b(?i:bearer|basic|authorization[\"']{0,2}[ \t]{0,4}[:=][ \t]{0,4}[\"']{0,2}token)[ \t]{1,4}(?![{$<*]|%[s({])(?=[\w.~+/=-]{0,200}[0-9A-Z=])(?P<secret>[\w.~+/-]{16,4000}={0,2})",
    ),
    pattern(
        "api-key-header",
        "x-",
        rf"\b(?i:x-[a-z-]{{0,30}}(?:key|token|secret))[\"']{{0,2}}[ \t]{{0,4}}[:=][ \t]{{0,4}}[\"']{{0,2}}{_NO_TEMPLATE}(?=[\w.~+/=-]{{0,199}}\d)(?P<secret>[\w.~+/=-]{{8,400}})",
    ),
    pattern(
        "cookie",
        "cookie",
        r"\b(?i:set-cookie|cookie)[\"']{0,2}[ \t]{0,4}:[ \t]{0,4}[\"']{0,2}(?=[^\"'<>\n]{0,400}\d)(?P<secret>[\w!#$%&*.^|~-]{1,80}=[^\s;,\"'<>\\]{8,4000}(?:;[ \t]?[\w!#$%&*.^|~-]{1,80}=[^\s;,\"'<>\\]{1,4000}){0,50})",
    ),
    pattern(
        "session-cookie",
        "sess csrf",
        r"\b(?i:sessionid|session_id|phpsessid|jsessionid|connect\.sid|csrftoken|remember_token)=(?![{$<*]|%[s({])(?=[\w.%:+/-]{0,400}\d)(?P<secret>[\w.%:+/-]{16,400})",
    ),
    # command lines
    pattern(
        "curl-user",
        "-u --user",
        r"(?:[ \t]-u|--user)[ =][\"']?[\w.@-]{1,80}:(?![{$<*])(?P<secret>[^\s\"'<>\\]{6,200})",
    ),
    pattern(
        "option",
        "--",
        rf"(?<![\w-])--(?i:[a-z-]{{0,30}}(?:password|passwd|passphrase|token|secret|api-key|apikey|access-key|secret-key))(?:=|[ \t]{{1,3}})[\"']?{_NO_TEMPLATE}{_NO_PLACE}(?=[^\s\"']{{0,199}}[0-9])(?P<secret>[^\s\"'<>\\,)\]]{{8,300}})",
    ),
    # files of other programs
    pattern(
        "netrc",
        "password",
        r"\blogin[ \t]{1,4}\S{1,100}[ \t]{1,4}password[ \t]{1,4}(?![{$<*])(?P<secret>[^\s\\]{6,200})",
    ),
    pattern(
        "pgpass",
        ":",
        rf"{_START}[\w.*-]{{1,100}}:(?:\d{{2,5}}|\*):[\w.*-]{{1,60}}:[\w.-]{{1,60}}:(?![{{$<*])(?P<secret>[^\s:/\"'<>\\]{{6,200}})(?:$|\\)",
    ),
    pattern(
        "connection-string",
        "password= pwd=",
        r"(?:^|[;\"' \t])(?i:password|pwd)[ \t]?=[ \t]?(?![{$<*])(?P<secret>[^\s;\"'<>{}\\()]{6,200})(?=;[ \t]?\w)",
    ),
    # names: in code, JSON, YAML, TOML; in environments; in settings without quotes
    pattern(
        "assigned",
        _WORDS,
        rf"(?<![\w.]){_NAME}{_ESCAPES}[\"']?\]?(?:[ \t]{{0,4}}:[ \t]{{0,2}}[\w.|\[\] ]{{1,40}}?)?[ \t]{{0,8}}(?:=>|:=|={{1,2}}|!=|:)[ \t]{{0,8}}[bru]?{_ESCAPES}[\"'`]{_QUOTED}{_ESCAPES}[\"'`]",
    ),
    pattern(
        "assigned",
        _WORDS,
        rf"\b(?:setenv|setdefault|getenv|get|env|config|putenv|setitem)\([^()\n]{{0,40}}?[\"']{_NAME}[\"'],[ \t]{{0,4}}(?:default=)?[bru]?[\"']{_QUOTED}[\"']",
    ),
    pattern(
        "assigned",
        _WORDS,
        rf"<(?:[\w.-]{{1,20}}:)?{_NAME}>[ \t]{{0,4}}{_NO_TEMPLATE}{_NO_PLACE}(?P<secret>[^\s<>\"']{{8,300}})[ \t]{{0,4}}</",
    ),
    pattern(
        "environment",
        _WORDS,
        rf"(?:(?<![\w.$\[\"'])|(?<=\\[nrt]))(?-i:(?:[A-Z0-9]{{1,30}}_){{0,6}}(?:PASSWORD|PASSWD|PASSPHRASE|PASS|PWD|SECRET|TOKEN|CREDENTIALS?|(?:[A-Z]{{1,20}}_)?KEY)(?:_(?:V?\d|OLD|NEW|BASE))?)={_ESCAPES}[\"']?{_NO_TEMPLATE}{_NO_PLACE}(?P<secret>[^\s\"'<>(){{}}\[\],;\\]{{8,400}})(?=[\s\"',;]|\\|$)",
    ),
    pattern(
        "setting",
        _WORDS,
        rf"{_START}[\"']?{_NAME}[\"']?[ \t]{{0,8}}[=:][ \t]{{0,8}}{_BARE}[ \t]{{0,8}}(?:[#;].{{0,400}})?(?:$|\\)",
    ),
    pattern("setting", _WORDS, rf"(?<![\w.]){_NAME}[=:]{_BARE}(?=[\s\"',;)&]|$)"),
)

_SECRET_NAME = re.compile(
    rf"{_NAME}|(?i:auth|authorization|(?:set-)?cookie|private_key_id)", re.ASCII
)


def names_a_secret(name: str) -> bool:
    """Whether a field of a document or of a log line with this name holds a secret."""
    return bool(_SECRET_NAME.fullmatch(name))
