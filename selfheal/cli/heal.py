"""`selfheal heal`: one repository, one shot, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from selfheal.cli import exit_codes
from selfheal.cli.main import app
from selfheal.cli.run import run_to_end
from selfheal.cli.showing import show_report
from selfheal.cli.submit import (
    FAILING_TESTS,
    RecipeOption,
    make_request,
    recipe_context,
    text_or_file,
)
from selfheal.contracts.change_request import SUITE_PASSES, ChangeRequest
from selfheal.errors import InvalidRepository
from selfheal.workspace.git import Git
from selfheal.workspace.repository import Checkout, inspect_repository, snapshot_dirty


@app.command()
def heal(
    path: Annotated[Path, typer.Argument(help="A folder of the repository.")] = Path(),
    *,
    test: Annotated[str | None, typer.Option(help="Test command; else it is detected.")] = None,
    issue: Annotated[str | None, typer.Option(help="What is wrong: text, or @FILE.")] = None,
    recipe: RecipeOption = None,
    python: Annotated[Path | None, typer.Option(help="Interpreter for the tests.")] = None,
    budget: Annotated[
        float | None, typer.Option(min=1, help="Seconds of search, all faults together.")
    ] = None,
    include_dirty: Annotated[
        bool, typer.Option("--include-dirty", help="Heal the files as they are, not HEAD.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Check the result branch out, if the tree is clean.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the RunReport.")] = False,
) -> None:
    """Make the failing tests of a repository pass, or carry out a recipe: the result is a branch.

    Nothing need run and nothing be configured; the working tree stays untouched.
    """
    said = Console(stderr=True, soft_wrap=True)
    checkout = inspect_repository(path)
    if apply and checkout.dirty:
        raise InvalidRepository(
            f"--apply needs a clean tree; {len(checkout.dirty)} files differ from HEAD, "
            f"the first is {checkout.dirty[0]}: commit or stash them"
        )
    if checkout.dirty and not include_dirty:
        said.print(
            f"warning: {len(checkout.dirty)} uncommitted files are left out; healing HEAD "
            f"{checkout.head[:10]} (--include-dirty takes them in)",
            style="yellow",
            highlight=False,
        )
    request = _request(
        checkout,
        base=snapshot_dirty(checkout) if include_dirty and checkout.dirty else checkout.head,
        issue=issue,
        recipe=recipe,
        test=test,
        python=python,
        budget=budget,
    )
    report = run_to_end(request, said)
    if as_json:
        print(report.to_json())
    else:
        show_report(Console(soft_wrap=True), report)
    if apply and report.landed_branch:
        Git(checkout.git_dir, checkout.root).run("checkout", "--quiet", report.landed_branch)
        said.print(f"checked out {report.landed_branch}", highlight=False)
    raise typer.Exit(exit_codes.of_cause(report.cause))


def _request(
    checkout: Checkout,
    *,
    base: str,
    issue: str | None,
    recipe: str | None,
    test: str | None,
    python: Path | None,
    budget: float | None,
) -> ChangeRequest:
    chosen = {
        "base_sha": base,
        "checkout": str(checkout.root),
        "test_command": test,
        # Made absolute, but links are kept: a virtual environment's python is one.
        "python": str(python.expanduser().absolute()) if python else None,
    }
    context = {key: value for key, value in chosen.items() if value is not None}
    return make_request(
        repo=str(checkout.repository),
        branch=checkout.branch or "HEAD",
        description=text_or_file(issue) if issue else recipe or FAILING_TESTS,
        acceptance_criteria=() if issue or recipe else (SUITE_PASSES,),
        context={**context, **recipe_context(recipe)},
        budget={"seconds": budget},
        source="cli",
    )
