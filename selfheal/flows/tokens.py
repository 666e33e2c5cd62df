"""API tokens: made, shown once, and recognised (SEC-3)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

from selfheal.contracts.role import Role
from selfheal.errors import InvalidInput, TokenRefused
from selfheal.flows.farm import Farm
from selfheal.store import tokens
from selfheal.store.tokens import TokenRow

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_TOKEN = re.compile(r"selfheal_([0-9a-f]{16})_[A-Za-z0-9_-]{43}\Z")
_NOBODY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token. Nobody can find it out again."""

    row: TokenRow
    token: str = field(repr=False)


def issue(farm: Farm, *, name: str, role: Role, by: str) -> Issued:
    """Make a token; raises InvalidInput for a name that is none or has a good token already."""
    if not _NAME.match(name):
        raise InvalidInput(
            f"name: expected up to 64 letters, digits and . _ -, beginning with a letter or digit, "
            f"found {name!r}"
        )
    token_id = secrets.token_hex(8)
    token = f"selfheal_{token_id}_{secrets.token_urlsafe(32)}"
    with farm.database.begin() as connection:
        row = tokens.add(
            connection, token_id=token_id, name=name, role=role, digest=_digest(token), by=by
        )
    return Issued(row, token)


def recognise(farm: Farm, token: str) -> TokenRow:
    """Whose token this is; raises TokenRefused for one that is unknown or was revoked.

    A token holds 256 random bits, so a plain hash of it cannot be turned back. It is compared in
    constant time, with nobody's hash where there is no row.
    """
    shape = _TOKEN.match(token)
    row = None
    if shape is not None:
        with farm.database.statement() as connection:
            row = tokens.good(connection, shape[1])
    same = hmac.compare_digest(_digest(token), row.digest if row else _NOBODY)
    if row is None or not same:
        raise TokenRefused("the token is unknown or was revoked: ask the farm's operator for one")
    return row


def any_good(farm: Farm) -> bool:
    """Whether anybody has a token: from then on nobody is served without one."""
    with farm.database.statement() as connection:
        return tokens.any_good(connection)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
