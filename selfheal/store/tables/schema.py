"""The schema that all tables belong to, and two things that many of them are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import DDL, CheckConstraint, Column, DateTime, MetaData, event, text

from selfheal.store.backlog import VIEW

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# Views are no tables to SQLAlchemy: this one comes after them.
event.listen(metadata, "after_create", DDL(VIEW))  # type: ignore[no-untyped-call]


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """What holds a text column to the values that are known; null passes."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def at(name: str, comment: str, *, default: bool = False) -> Column[Any]:
    """A point in time by the database's clock, the only clock the farm compares."""
    return Column(
        name,
        DateTime(timezone=True),
        server_default=text("clock_timestamp()") if default else None,
        nullable=not default,
        comment=comment,
    )
