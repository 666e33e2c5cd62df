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
from selfheal.contracts.document import refusal
from selfheal.contracts.recipe import SYNTAX, read_recipe
from selfheal.errors import InvalidRequest
from selfheal.flows import submit as flow
from selfheal.flows.connect import repository_url
from selfheal.settings import load_settings

FAILING_TESTS = "make the failing tests pass"
"""The description of a request that says nothing else."""

RecipeOption = Annotated[
    str | None,
    typer.Option(metavar="KIND:WHAT", help=f"A mechanical change instead of a repair: {SYNTAX}."),
]


@app.command()
def submit(
    *,
    repo: Annotated[str, typer.Argument(help="URL or path of the repository.")],
    issue: Annotated[str | None, typer.Option(help="What is wanted: text, or @FILE.")] = None,
    branch: Annotated[str, typer.Option(help="Branch to start from.")] = "main",
    test: Annotated[
        list[str] | None, typer.Option(help="pytest node id that fails; may be repeated.")
    ] = None,
    recipe: RecipeOption = None,
    decompose: Annotated[
        bool, typer.Option("--decompose", help="Cut it into SubTasks for the arms first.")
    ] = False,
    priority: Annotated[int, typer.Option(min=0, max=9, help="9 is most urgent.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Submit a ChangeRequest to the running farm and print its id at once."""
    request = make_request(
        repo=repository_url(repo),
        description=text_or_file(issue) if issue else recipe or FAILING_TESTS,
        branch=branch,
        failing_tests=tuple(test or ()),
        priority=priority,
        acceptance_criteria=() if recipe else (SUITE_PASSES,),
        context=recipe_context(recipe) | ({"decompose": True} if decompose else {}),
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
        raise refusal(error) from error


def recipe_context(recipe: str | None) -> dict[str, object]:
    """What a request's context holds for `--recipe`; raises InvalidRequest for other text."""
    if recipe is None:
        return {}
    try:
        return {"recipe": read_recipe(recipe)}
    except ValueError as error:
        raise InvalidRequest("--recipe", str(error)) from error


def text_or_file(text: str, *, option: str = "--issue") -> str:
    """`text`, or what is in the file that `@FILE` names; raises InvalidRequest."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(option, f"cannot read {text[1:]}: {error}") from error


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None
