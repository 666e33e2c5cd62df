"""`selfheal submit`: hand a ChangeRequest to a running farm."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import ValidationError

from selfheal.cli.farm import reach_farm
from selfheal.cli.main import app
from selfheal.contracts.change_request import SUITE_PASSES, ChangeRequest
from selfheal.errors import InvalidRequest
from selfheal.flows import submit as flow
from selfheal.flows.connect import repository_url
from selfheal.settings import load_settings


@app.command()
def submit(
    *,
    repo: Annotated[str, typer.Argument(help="URL or path of the repository.")],
    description: Annotated[
        str, typer.Option("--issue", help="What is wanted: text, or @FILE.")
    ] = "make the failing tests pass",
    branch: Annotated[str, typer.Option(help="Branch to start from.")] = "main",
    test: Annotated[
        list[str] | None, typer.Option(help="pytest node id that fails; may be repeated.")
    ] = None,
    priority: Annotated[int, typer.Option(min=0, max=9, help="9 is most urgent.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Submit a ChangeRequest to the running farm and print its id at once."""
    request = make_request(
        repo=repository_url(repo),
        description=text_or_file(description),
        branch=branch,
        failing_tests=tuple(test or ()),
        priority=priority,
        acceptance_criteria=(SUITE_PASSES,),
        source="cli",
    )
    accepted = flow.submit(reach_farm(load_settings()), request, door="terminal")
    if as_json:
        print(json.dumps({"id": str(accepted.id), "folded_into": _text(accepted.folded_into)}))
        return
    print(accepted.id)
    if accepted.folded_into:
        print(f"folded into {accepted.folded_into}, which is open", file=sys.stderr)


def make_request(**fields: object) -> ChangeRequest:
    """A ChangeRequest of these fields; raises InvalidRequest naming the one that is wrong."""
    try:
        return ChangeRequest.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRequest(".".join(map(str, first["loc"])), first["msg"]) from error


def text_or_file(text: str) -> str:
    """`text`, or what is in the file that `@FILE` names; raises InvalidRequest."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest("--issue", f"cannot read {text[1:]}: {error}") from error


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
