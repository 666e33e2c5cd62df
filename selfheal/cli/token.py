"""`selfheal token`: who may ask the HTTP service for what."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.cli.schedule import whoami
from selfheal.contracts.role import ROLES, Role
from selfheal.errors import InvalidInput
from selfheal.flows import tokens as flow
from selfheal.settings import load_settings
from selfheal.store import tokens
from selfheal.store.tokens import TokenRow

token = typer.Typer(
    name="token", help="Who may ask the HTTP service for what.", no_args_is_help=True
)
app.add_typer(token)

Name = Annotated[str, typer.Argument(help="Whose token it is: a person or a program.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@token.command()
def add(
    name: Name,
    *,
    role: Annotated[
        str,
        typer.Option(
            help="reader looks; submitter also submits, retries, ends its own; operator does all."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once: only a hash of it is kept.

    From the first token on, the service serves nobody without one.
    """
    issued = flow.issue(reach_farm(load_settings()), name=name, role=_role(role), by=whoami())
    if as_json:
        print(json.dumps({**_summary(issued.row), "token": issued.token}))
        return
    print(issued.token)
    print(f"{name} is a {role}; nobody can print this again: keep it safe", file=sys.stderr)


@token.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """List who has a token, and who had one."""
    with reach_farm(load_settings()).database.begin() as connection:
        rows = tokens.every(connection)
    if as_json:
        print(json.dumps([_summary(row) for row in rows]))
        return
    table = Table("name", "role", "made", "by", "revoked", box=None)
    for row in rows:
        revoked = f"{row.revoked_at.astimezone():%Y-%m-%d %H:%M}" if row.revoked_at else "-"
        made = f"{row.created_at.astimezone():%Y-%m-%d %H:%M}"
        table.add_row(*map(Text, (row.name, row.role, made, row.created_by, revoked)))
    Console(soft_wrap=True).print(table)


@token.command()
def revoke(name: Name, *, as_json: AsJson = False) -> None:
    """Make a token good no more, at once; a new one may have its name."""
    with reach_farm(load_settings()).database.begin() as connection:
        row = tokens.revoke(connection, name)
    print(json.dumps(_summary(row)) if as_json else f"the token of {row.name} is good no more")


def _role(role: str) -> Role:
    if role not in ROLES:
        raise InvalidInput(f"--role: expected one of {', '.join(ROLES)}, found {role!r}")
    return role


def _summary(row: TokenRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "role": row.role,
        "created_at": row.created_at.isoformat(),
        "created_by": row.created_by,
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
    }
