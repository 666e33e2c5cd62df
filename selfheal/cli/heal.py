"""`selfheal heal`: one repository, one shot, on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from selfheal.cli import exit_codes
from selfheal.cli.farm import own_farm, reach_farm, runs_for_everybody
from selfheal.cli.main import app
from selfheal.cli.processes import profiled_worker, sweeper
from selfheal.cli.showing import show_report
from selfheal.cli.submit import (
    FAILING_TESTS,
    RecipeOption,
    make_request,
    recipe_context,
    text_or_file,
)
from selfheal.cli.watching import view_for, watch
from selfheal.contracts.change_request import SUITE_PASSES, ChangeRequest
from selfheal.contracts.names import POOLS
from selfheal.contracts.run_report import RunReport
from selfheal.embedded.run_folder import RunFolder
from selfheal.errors import Cancelled, InvalidRepository, RunFolderBusy
from selfheal.flows import cancel, submit
from selfheal.flows.farm import Farm
from selfheal.settings import Settings, load_settings
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
    try:
        report = _healed(request, said)
    except KeyboardInterrupt:
        raise Cancelled("ended before the request was accepted: nothing was done") from None
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


def _healed(request: ChangeRequest, said: Console) -> RunReport:
    settings = load_settings()
    view, live = view_for(said)
    with _some_farm(settings, said) as reached, live:
        accepted = submit.submit(reached.farm, request, door="terminal")
        try:
            row = watch(reached.farm.database, accepted.id, view, each=reached.keep_alive)
        except KeyboardInterrupt:
            row = cancel.cancel(reached.farm, accepted.id, who="cli")
    assert row.report is not None, "a request that has ended has its report"
    return row.report


@dataclass(frozen=True, slots=True)
class _Reached:
    """A farm, and what keeps it alive where it is ours."""

    farm: Farm
    keep_alive: Callable[[], object] = tuple
    """Starts again what has died of our own."""


@contextmanager
def _some_farm(settings: Settings, said: Console) -> Iterator[_Reached]:
    """The farm that `up` runs here; else one of our own for as long as this lasts."""
    if runs_for_everybody(settings):
        yield _Reached(reach_farm(settings))
        return
    commands = (profiled_worker("worker", POOLS, settings), sweeper())
    with (
        _own_settings(settings) as own_settings,
        own_farm(own_settings, commands, progress=lambda line: _say(said, line)) as own,
    ):
        yield _Reached(own.farm, own.keep_alive)


@contextmanager
def _own_settings(settings: Settings) -> Iterator[Settings]:
    """These settings; with a run folder for this process alone where another one is at work."""
    try:
        with RunFolder.open(settings.run_folder).own():
            pass
    except RunFolderBusy:
        alone = settings.run_folder.with_name(f"{settings.run_folder.name}-{os.getpid()}")
        try:
            yield settings.model_copy(
                update={"farm": settings.farm.model_copy(update={"run_folder": alone})}
            )
        finally:
            shutil.rmtree(alone, ignore_errors=True)
    else:
        yield settings


def _say(said: Console, line: str) -> None:
    if said.is_terminal:
        said.print(line, style="dim", markup=False, highlight=False)
