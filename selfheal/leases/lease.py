"""A lease: one plan's hold on one symbol, for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from selfheal.contracts.plan import Symbol

Mode = Literal["exclusive", "shared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A hold on `symbol` and on every name below it; times are the database's.

    `token` is greater than that of every lease reserved before: what the lease's effects are
    fenced by.
    """

    id: UUID
    plan_id: UUID
    symbol: Symbol
    mode: Mode
    token: int
    reserved_at: datetime
    expires_at: datetime

    @classmethod
    def from_row(cls, row: Any) -> Lease:
        """The lease in a row of the table `leases`."""
        return cls(
            id=row.id,
            plan_id=row.plan_id,
            symbol=Symbol(fq_name=row.fq_name, kind=row.kind, file_path=row.file_path),
            mode=row.mode,
            token=row.token,
            reserved_at=row.reserved_at,
            expires_at=row.expires_at,
        )
