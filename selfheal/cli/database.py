"""`selfheal db`: the schema of the farm's database."""

from __future__ import annotations

import typer
from sqlalchemy import Engine

from selfheal.cli.farm import answering_farm
from selfheal.cli.main import app
from selfheal.settings import load_settings
from selfheal.store import migrate

db = typer.Typer(name="db", help="The schema of the farm's database.", no_args_is_help=True)
app.add_typer(db)


@db.command()
def upgrade() -> None:
    """Bring the schema to what this version needs; repeating it does no harm."""
    print(f"schema {migrate.upgrade(_engine())}")


@db.command()
def current() -> None:
    """Show which schema the database has, and which one this version needs."""
    print(f"schema {migrate.current(_engine()) or 'none'}; this version needs {migrate.head()}")


@db.command()
def check() -> None:
    """End with an error unless the schema is what this version needs."""
    migrate.check(_engine())
    print(f"schema {migrate.head()}: as it should be")


def _engine() -> Engine:
    return answering_farm(load_settings()).database.engine
