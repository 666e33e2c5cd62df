"""API tokens: who may ask the service for what. A token itself is never stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Row, text

from selfheal.contracts.role import Role
from selfheal.errors import InvalidInput, UnknownId


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """One token, without the token."""

    id: str
    name: str
    role: Role
    digest: str = field(repr=False)
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


def add(
    connection: Connection, *, token_id: str, name: str, role: Role, digest: str, by: str
) -> TokenRow:
    """Store what a new token is checked against; raises InvalidInput when its name has a good one.

    Race closed: two tokens of one name at the same time. The partial unique index admits one.
    """
    row = connection.execute(
        text(
            "INSERT INTO api_tokens (id, name, role, digest, created_by)"
            " VALUES (:id, :name, :role, :digest, :by) ON CONFLICT DO NOTHING RETURNING *"
        ),
        {"id": token_id, "name": name, "role": role, "digest": digest, "by": by},
    ).one_or_none()
    if row is None:
        raise InvalidInput(
            f"{name} has a token already: `selfheal token revoke {name}` makes room for a new one"
        )
    return _row(row)


def good(connection: Connection, token_id: str) -> TokenRow | None:
    """The token of this id, unless there is none or it was revoked."""
    row = connection.execute(
        text("SELECT * FROM api_tokens WHERE id = :id AND revoked_at IS NULL"), {"id": token_id}
    ).one_or_none()
    return None if row is None else _row(row)


def any_good(connection: Connection) -> bool:
    """Whether the service has somebody to tell from others."""
    found: bool = connection.execute(
        text("SELECT EXISTS (SELECT 1 FROM api_tokens WHERE revoked_at IS NULL)")
    ).scalar_one()
    return found


def every(connection: Connection) -> tuple[TokenRow, ...]:
    """All of them, the revoked ones too, by name and age."""
    rows = connection.execute(text("SELECT * FROM api_tokens ORDER BY name, created_at"))
    return tuple(_row(row) for row in rows)


def revoke(connection: Connection, name: str) -> TokenRow:
    """The token of this name is good no more, from this commit on; raises UnknownId."""
    row = connection.execute(
        text(
            "UPDATE api_tokens SET revoked_at = clock_timestamp()"
            " WHERE name = :name AND revoked_at IS NULL RETURNING *"
        ),
        {"name": name},
    ).one_or_none()
    if row is None:
        raise UnknownId(f"{name!r} has no good token; `selfheal token list` shows who has one")
    return _row(row)


def _row(row: Row[tuple[object, ...]]) -> TokenRow:
    return TokenRow(**row._mapping)
