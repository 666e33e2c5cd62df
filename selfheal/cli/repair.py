"""`selfheal repair`: the repair coder alone, in one process, without a farm."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from selfheal.checks.development_install import prepare
from selfheal.checks.target import detect_target
from selfheal.cli.exit_codes import ExitCode
from selfheal.cli.main import app
from selfheal.cli.showing import show_diff
from selfheal.errors import InvalidRequest, TestsUnusable
from selfheal.repair.engine import repair as search_repair
from selfheal.repair.task import RepairOutcome, RepairProgress, RepairTask
from selfheal.sandbox.choose import choose_sandbox
from selfheal.settings import Settings, load_settings
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.repository import inspect_repository

_CODES = {
    "fixed": ExitCode.DONE,
    "nothing_to_do": ExitCode.DONE,
    "no_fix": ExitCode.NO_FIX,
    "cannot_run": ExitCode.ENVIRONMENT,
}


@app.command()
def repair(
    path: Annotated[Path, typer.Argument(help="A folder of the repository.")],
    *,
    tests: Annotated[
        str | None, typer.Option(help="Failing pytest node ids, separated by commas.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="Test command; else it is detected.")] = None,
    python: Annotated[Path | None, typer.Option(help="Interpreter for the tests.")] = None,
    budget: Annotated[float, typer.Option(min=1, help="Seconds of search.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search small edits of HEAD that make failing tests pass; prints diffs, changes nothing."""
    if tests and test:
        raise InvalidRequest("--tests, --test", "give one of them: ids, or a command")
    settings = load_settings()
    said = Console(stderr=True, soft_wrap=True)
    wanted = tuple(part.strip() for part in (tests or "").split(",") if part.strip())
    outcome = _repaired(
        settings, said, path=path, wanted=wanted, command=test, python=python, budget=budget
    )
    if as_json:
        print(json.dumps(_summary(outcome)))
    else:
        _show(Console(soft_wrap=True), outcome)
    raise typer.Exit(_CODES[outcome.status])


def _repaired(
    settings: Settings,
    said: Console,
    *,
    path: Path,
    wanted: tuple[str, ...],
    command: str | None,
    python: Path | None,
    budget: float,
) -> RepairOutcome:
    """Work on a clean copy of HEAD, so that nothing of the user's is run or changed."""
    checkout = inspect_repository(path)
    with tempfile.TemporaryDirectory(prefix="selfheal-repair-") as folder:
        mirror = Mirror.open(Path(folder, "mirror"), str(checkout.repository))
        mirror.fetch([checkout.head])
        with mirror.worktree(
            checkout.head, folder=Path(folder), name="tree", prepare=prepare
        ) as tree:
            target = detect_target(
                tree.folder,
                python=python.expanduser().absolute() if python else None,
                test_command=command,
                checkout=checkout.root,
            )
            if target.command is not None:
                raise TestsUnusable(
                    f"`{command}` is no pytest command, and the repair coder needs single tests: "
                    "name them with --tests"
                )
            task = RepairTask(
                worktree=tree.folder,
                python=target.python,
                sandbox=choose_sandbox(settings.sandbox.provider),
                pytest_args=target.pytest_args,
                environment=target.environment_in(tree.folder),
                failing=wanted,
                budget_seconds=budget,
                max_candidates=settings.coding.max_candidates,
                progress=lambda step: _tell(said, step),
            )
            return search_repair(task)


def _summary(outcome: RepairOutcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "patches": [
            {
                "diff": patch.diff,
                "template": patch.template,
                "verdict": patch.verdict,
                "confidence": patch.confidence,
            }
            for patch in outcome.patches
        ],
        "validations": outcome.validations,
        "seconds": round(sum(outcome.seconds.values()), 3),
        "reason": outcome.reason,
    }


def _show(console: Console, outcome: RepairOutcome) -> None:
    for patch in outcome.patches:
        console.print(
            f"{patch.verdict} (confidence {patch.confidence:.2f}, template {patch.template})",
            highlight=False,
        )
        show_diff(console, patch.diff)
    if outcome.reason:
        console.print(f"{outcome.status}: {outcome.reason}", markup=False, highlight=False)
    for place in outcome.looked_at if not outcome.patches else ():
        console.print(f"  looked at {place.path}:{place.line} {place.qualname}", highlight=False)
    console.print(
        f"{outcome.validations} candidates tried, {outcome.plausible} plausible, "
        f"in {sum(outcome.seconds.values()):.1f} s",
        highlight=False,
    )


def _tell(said: Console, step: RepairProgress) -> None:
    if said.is_terminal:
        said.print(f"{step.seconds:6.1f}s {step.message}", style="dim", highlight=False)
