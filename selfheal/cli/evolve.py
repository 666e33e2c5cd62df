"""`selfheal evolve`: one iteration towards a goal, planned and carried out on this machine."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from selfheal.cli import exit_codes
from selfheal.cli.main import app
from selfheal.cli.run import run_to_end, some_farm
from selfheal.cli.showing import show_evolution, show_report
from selfheal.cli.submit import make_request, text_or_file
from selfheal.contracts.change_request import ChangeRequest
from selfheal.contracts.evolution import (
    PlanningAgentRequest,
    PlanningAgentResponse,
    PlanningPlan,
)
from selfheal.errors import Cancelled
from selfheal.flows.connect import redactor_of
from selfheal.flows.evolve import MOST_DESCRIBED, goal_of, model_of, request_context
from selfheal.flows.history import context_of
from selfheal.logs import configure_logs
from selfheal.planning.backends.backend import Backend
from selfheal.planning.backends.choose import BACKENDS, backend_of
from selfheal.planning.evolution import PlanningAgent
from selfheal.settings import Settings, load_settings
from selfheal.workspace.git import Git
from selfheal.workspace.objects import Objects
from selfheal.workspace.repository import Checkout, inspect_repository


@app.command()
def evolve(
    path: Annotated[Path, typer.Argument(help="A folder of the repository.")] = Path(),
    *,
    goal: Annotated[
        str | None,
        typer.Option(help="What the code is to become: text, or @FILE."),
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help=f"Who plans: {' or '.join(BACKENDS)}; else the settings say.")
    ] = None,
    constraint: Annotated[
        list[str] | None, typer.Option(help="What must hold; may be repeated.")
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="What shows that it is done; may be repeated.")
    ] = None,
    hint: Annotated[str, typer.Option(help="Where to look in this iteration.")] = "",
    inspiration: Annotated[
        list[str] | None, typer.Option(help="Branch to learn from; may be repeated.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="Test command; else it is detected.")] = None,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Plan, and change nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the PlanningAgentResponse, or the RunReport.")
    ] = False,
) -> None:
    """Plan one iteration towards a goal and carry the plan out: the result is a branch.

    The plan is made at HEAD by the backend, which reads the working tree and changes nothing; its
    steps then go through the farm like those of any request.
    """
    said = Console(stderr=True, soft_wrap=True)
    settings = load_settings()
    configure_logs(redactor_of(settings), sys.stderr)
    logging.getLogger().setLevel(logging.WARNING)  # what goes well is told as progress
    given = text_or_file(goal, option="--goal") if goal else None
    wanted = goal_of(given, settings.evolution)
    checkout = inspect_repository(path)
    if checkout.dirty:
        said.print(
            f"warning: {len(checkout.dirty)} uncommitted files are left out; going on from HEAD "
            f"{checkout.head[:10]}, though the planner may read them",
            style="yellow",
            highlight=False,
        )
    asked = _asked(
        checkout, wanted, inspiration or (), constraints=constraint, accept=accept, hint=hint
    )
    name = backend or settings.evolution.backend
    with ExitStack() as held:
        # What is asked of a model is written down, so that needs a farm; codex needs none.
        needed = name == "openai" and settings.llm.base_url
        reached = held.enter_context(some_farm(settings, said)) if needed else None
        planner = backend_of(
            name,
            settings.evolution,
            model=model_of(reached.farm) if reached else None,
            redact=redactor_of(settings).redact,
        )
        planned = _planned(settings, planner, asked, checkout=checkout, said=said)
        if plan_only:
            _show_plan(planned, as_json=as_json)
            return
        show_evolution(said, planned.plan)
        request = _request(checkout, asked, planned.plan, test=test)
        report = run_to_end(request, said, reached=reached)
    if as_json:
        print(report.to_json())
    else:
        show_report(Console(soft_wrap=True), report)
    raise typer.Exit(exit_codes.of_cause(report.cause))


def _asked(
    checkout: Checkout,
    goal: str,
    inspirations: Sequence[str],
    *,
    constraints: Sequence[str] | None,
    accept: Sequence[str] | None,
    hint: str,
) -> PlanningAgentRequest:
    objects = Objects(Git(checkout.git_dir, checkout.root))
    shas = [inspect_repository(checkout.root, branch=branch).head for branch in inspirations]
    return PlanningAgentRequest(
        base=context_of(objects, checkout.head),
        inspirations=tuple(context_of(objects, sha) for sha in shas),
        goal=goal,
        constraints=tuple(constraints or ()),
        acceptance_criteria=tuple(accept or ()),
        iteration_hint=hint,
        cold_start=not shas,
    )


def _planned(
    settings: Settings,
    planner: Backend,
    asked: PlanningAgentRequest,
    *,
    checkout: Checkout,
    said: Console,
) -> PlanningAgentResponse:
    agent = PlanningAgent(
        planner,
        settings.evolution,
        progress=lambda line: said.print(f"[dim]{escape(line)}[/]", highlight=False),
    )
    try:
        return agent.plan(asked, working_dir=checkout.root)
    except KeyboardInterrupt:
        raise Cancelled("ended while it was planned: nothing was done") from None


def _request(
    checkout: Checkout, asked: PlanningAgentRequest, plan: PlanningPlan, *, test: str | None
) -> ChangeRequest:
    return make_request(
        repo=str(checkout.repository),
        branch=checkout.branch or "HEAD",
        description=f"{asked.goal}\n\n{plan.summary}"[:MOST_DESCRIBED],
        constraints=asked.constraints,
        acceptance_criteria=asked.acceptance_criteria,
        context={
            **request_context(plan, base_sha=checkout.head),
            "checkout": str(checkout.root),
            **({"test_command": test} if test else {}),
        },
        source="cli",
    )


def _show_plan(planned: PlanningAgentResponse, *, as_json: bool) -> None:
    if as_json:
        print(planned.to_json())
    else:
        show_evolution(Console(soft_wrap=True), planned.plan)
