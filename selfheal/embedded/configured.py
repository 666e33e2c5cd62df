"""Servers that somebody else runs: nothing is started, their URLs are checked."""

from __future__ import annotations

import re
from urllib.parse import unquote

import psycopg
from kombu.connection import Connection

from selfheal.embedded.binaries import OLDEST_POSTGRES
from selfheal.errors import (
    BrokerUnavailable,
    EnvironmentUnusable,
    InvalidSettings,
    StoreUnavailable,
)

ANSWER_SECONDS = 5

POSTGRES_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")

# Scheme, name and password, then the place, then options. A URL of another form is not shown at
# all: a password that is not percent-encoded tears it, and may then stand anywhere in it.
USER = r"[^@/?#;\[\]\s]*"
HOST = r"[\w.,:\[\]-]*"
READABLE = re.compile(rf"([\w+]+://)(?:{USER}@)?({HOST}(?:/[\w./%-]*)?)(?:\?[^@#;]*)?")
OPTION = re.compile(r"password=([^&]*)")


def check_database(url: str) -> str:
    """The URL of a PostgreSQL that answers, in SQLAlchemy's form with psycopg.

    Raises InvalidSettings (no PostgreSQL URL), StoreUnavailable (no answer) or EnvironmentUnusable
    (too old). No message shows a password.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in POSTGRES_SCHEMES or not rest or not READABLE.fullmatch(url):
        raise InvalidSettings(
            f"database URL: expected postgresql://USER@HOST/DATABASE, found {_shown(url)} "
            "(in a password, percent-encode all but letters and digits)"
        )
    try:
        with psycopg.connect(f"postgresql://{rest}", connect_timeout=ANSWER_SECONDS) as connection:
            version = connection.info.server_version
    except (psycopg.Error, ValueError) as error:  # the latter for a host that cannot be a name
        raise StoreUnavailable(_no_answer("database", url, error)) from None
    if version < OLDEST_POSTGRES * 10_000:
        raise EnvironmentUnusable(
            f"the database at {_shown(url)} is PostgreSQL {version // 10_000}: "
            f"expected {OLDEST_POSTGRES} or newer"
        )
    return f"postgresql+psycopg://{rest}"


def check_broker(url: str) -> str:
    """The URL of a broker that answers, as it came.

    Raises BrokerUnavailable; no message shows a password.
    """
    try:
        with Connection(url, connect_timeout=ANSWER_SECONDS) as connection:
            # Two tries at once: a server that is starting is waited for by whoever starts it.
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=ANSWER_SECONDS)
    except Exception as error:
        # Each transport raises errors of its own, and all of them mean this.
        raise BrokerUnavailable(_no_answer("broker", url, error)) from None
    return url


def _no_answer(server: str, url: str, error: Exception) -> str:
    return (
        f"the {server} at {_shown(url)} does not answer ({_said(error, url)}): "
        "start it or correct its URL; without a URL an embedded one is started"
    )


def _said(error: Exception, url: str) -> str:
    """What a foreign error says; of a torn URL it may quote any part, so then only its kind."""
    if not READABLE.fullmatch(url):
        return type(error).__name__
    said = str(error).strip()
    for secret in _secrets(url):
        said = said.replace(secret, "***")
    return said


def _shown(url: str) -> str:
    """Scheme, host, port and path: what helps, without user, password and options."""
    readable = READABLE.fullmatch(url)
    return f"{readable[1]}{readable[2]}" if readable else "a URL that cannot be read"


def _secrets(url: str) -> set[str]:
    """What in the URL may be a password, as written and as meant."""
    before_host, _, after = url.partition("://")[2].rpartition("@")
    passwords = [before_host.partition(":")[2], *OPTION.findall(after)]
    return {form for secret in passwords for form in (secret, unquote(secret)) if form}
