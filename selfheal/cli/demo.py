"""`selfheal demo`: the main job on a real repository, with everything shown."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from selfheal.cli import exit_codes
from selfheal.cli.farm import own_farm
from selfheal.cli.main import app
from selfheal.cli.processes import heavy_pools, light_pools, profiled_worker, sweeper
from selfheal.cli.showing import show_bundle, show_diff, tests_of
from selfheal.cli.watching import View, view_for, watch
from selfheal.client import Client
from selfheal.contracts.change_request import SUITE_PASSES
from selfheal.contracts.run_report import RunReport
from selfheal.errors import UnknownId
from selfheal.flows.farm import Farm
from selfheal.leases import reservations
from selfheal.settings import REPLAY_KEY, LlmSettings, Settings, load_settings
from selfheal.store import plans, requests
from selfheal.store.events import Event
from selfheal.store.requests import RequestRow
from selfheal.store.rounds import TaskRow
from selfheal.testing.script_file import read_script
from selfheal.testing.server import replay_server
from selfheal.workspace.git import Git, Identity
from selfheal.workspace.worktree import commit_environment

_PROJECT = Path(__file__).parent / "demo_project"
_SCRIPT = Path(__file__).parent / "demo_model.toml"
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the demo asks for, in words or by red tests."""

    description: str
    acceptance_criteria: tuple[str, ...]


_MEND = _Wish("the nightly test run of the shop's ledger is red", (SUITE_PASSES,))
_ADD = _Wish(
    "Reminders cost a fee: one percent of what is open, at least 2.50. Add reminder_fee(balance) to"
    " the prices and Invoice.reminder(today), what an overdue customer is asked for; with a test.",
    (
        "a test covers the fee and the day from which it is due",
        "the balance and the fee when overdue, else 0",
    ),
)


@app.command()
def demo(
    *,
    model: Annotated[
        bool,
        typer.Option("--model", help="Ask for a feature, of a replayed model that errs at first."),
    ] = False,
) -> None:
    """Plant a small project with defects, hand it to a farm of its own, and show each step."""
    console = Console(soft_wrap=True)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="selfheal-demo-"))
    origin = _plant(folder)
    console.print(f"a shop's ledger with planted defects, as a bare repository: {origin}")
    settings = _settings(folder, origin)
    with ExitStack() as stack:
        if model:
            server = stack.enter_context(replay_server(read_script(_SCRIPT)))
            settings = _asking(settings, server.url)
            _say(console, f"a replay server answers as a model would: {server.url}")
        report = _run(console, settings, origin, _ADD if model else _MEND)
    _epilogue(console, report, folder, origin, seconds=time.monotonic() - began)
    raise typer.Exit(exit_codes.of_cause(report.cause))


def _run(console: Console, settings: Settings, origin: Path, wish: _Wish) -> RunReport:
    """Submit the wish as an application would, and show what becomes of it."""
    commands = (
        profiled_worker("light", light_pools(settings), settings),
        profiled_worker("heavy", heavy_pools(settings), settings),
        sweeper(),
    )
    with own_farm(settings, commands, progress=lambda line: _say(console, line)) as own:
        client = Client(broker_url=own.servers.broker_url)
        handle = client.submit(
            repo=str(origin),
            branch="main",
            description=wish.description,
            acceptance_criteria=wish.acceptance_criteria,
        )
        _say(console, f"submitted as an application would: ChangeRequest {handle.id}")
        _await_acceptance(own.farm, handle.id, each=own.keep_alive)
        view, live = view_for(console)
        with live:
            row = watch(
                own.farm.database,
                handle.id,
                _Story(own.farm, console, view),
                each=own.keep_alive,
            )
    assert row.report is not None, "a request that has ended has its report"
    return row.report


def _plant(folder: Path) -> Path:
    """The project as one commit on `main` of a bare repository."""
    copy, origin = folder / "project", folder / "ledger.git"
    shutil.copytree(_PROJECT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    origin.mkdir()
    git = Git(origin, copy)
    Git(origin).run("init", "--bare", "--quiet", "--template=", "--initial-branch=main")
    git.run("add", "--all", ".")
    author = Identity("Demo", "demo@localhost")
    commit = git.run(
        "commit-tree",
        "-m",
        "A shop's ledger",
        git.text("write-tree"),
        environment=commit_environment(author, author, datetime.now(UTC)),
    )
    git.run("update-ref", "refs/heads/main", commit.line)
    shutil.rmtree(copy)
    return origin


def _settings(folder: Path, origin: Path) -> Settings:
    """A farm of the demo's own, which accepts the demo's repository from a client."""
    settings = load_settings()
    farm = settings.farm.model_copy(update={"run_folder": folder / "run"})
    safety = settings.safety.model_copy(update={"allow_repos": (str(origin),)})
    return settings.model_copy(update={"farm": farm, "safety": safety})


def _asking(settings: Settings, url: str) -> Settings:
    """These settings with the replay server as the only model."""
    llm = LlmSettings(name="replay", base_url=url, model="replay", api_key=SecretStr(REPLAY_KEY))
    return settings.model_copy(update={"llm": llm})


def _await_acceptance(farm: Farm, request_id: UUID, *, each: Callable[[], object]) -> None:
    """Until the intake has committed the request's row: a client only knows that it was sent."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with farm.database.begin() as connection:
                requests.load(connection, request_id)
        except UnknownId:
            if time.monotonic() > deadline:
                raise
            each()
            time.sleep(0.1)
        else:
            return


class _Story:
    """Tells what is behind the events: the plan, the graph, leases, each diff."""

    def __init__(self, farm: Farm, console: Console, view: View) -> None:
        self._farm = farm
        self._console = console
        self._view = view
        self._told: set[UUID] = set()

    def event(self, event: Event) -> None:
        """The event, then what it brought."""
        self._view.event(event)
        if event.new_state == "PLANNED":
            self._tell_plan(event.request_id)
        if event.new_state == "CODING":
            self._tell_graph(event.request_id)

    def now(self, row: RequestRow, tasks: tuple[TaskRow, ...]) -> None:
        """The picture, and the diff of each task that has just been settled."""
        for task in tasks:
            if task.result and task.id not in self._told:
                self._told.add(task.id)
                for note in task.result.notes:
                    self._console.print(Text(f"  {note}", style="dim"))
                if task.result.diff:
                    show_diff(self._console, task.result.diff)
        self._view.now(row, tasks)

    def _tell_plan(self, request_id: UUID) -> None:
        with self._farm.database.begin() as connection:
            row = requests.load(connection, request_id)
            newest = plans.of_request(connection, request_id)[-1]
            leases = reservations.held_by(connection, newest.id)
        if newest.plan is None:
            return
        if row.evidence and newest.number == 1:
            self._console.print(f"before: {tests_of(row.evidence)}", highlight=False)
        self._console.print(Rule(f"plan {newest.number}", align="left", style="dim"))
        for line in newest.plan.rationale:
            self._console.print(Text(line))
        held = ", ".join(f"{lease.symbol.fq_name} #{lease.token}" for lease in leases)
        self._console.print(Text(f"leases held: {held or 'none'}", style="dim"))

    def _tell_graph(self, request_id: UUID) -> None:
        with self._farm.database.begin() as connection:
            newest = plans.of_request(connection, request_id)[-1]
        if newest.bundle:
            self._console.print(Rule("tasks and what they wait for", align="left", style="dim"))
            show_bundle(self._console, newest.bundle)


def _epilogue(
    console: Console, report: RunReport, folder: Path, origin: Path, *, seconds: float
) -> None:
    console.print(Rule("what came of it", align="left", style="dim"))
    console.print(Text(f"{report.state}: {report.reason}", style="bold"))
    for label, evidence in (("before", report.before), ("after", report.after)):
        if evidence:
            console.print(f"{label:>6}: {tests_of(evidence)}", highlight=False)
    for result in report.results:
        if result.status != "SUCCESS":
            console.print(Text(f"not fixed: {result.reason}", style="yellow"))
    times = Table("stage", "seconds", box=None, header_style="dim")
    for stage, spent in report.timings.items():
        times.add_row(stage, f"{spent:.1f}")
    times.add_row("all, servers included", f"{seconds:.1f}")
    console.print(times)
    console.print("look further:")
    for command in (
        f"git -C {origin} log --stat main..{report.landed_branch}",
        f"git -C {origin} diff main {report.landed_branch}",
        f"SELFHEAL_FARM__RUN_FOLDER={folder}/run selfheal up   # then, beside it:",
        f"SELFHEAL_FARM__RUN_FOLDER={folder}/run selfheal status {report.request_id}",
    ):
        console.print(f"  {command}", highlight=False, markup=False)


def _say(console: Console, line: str) -> None:
    console.print(line, style="dim", markup=False, highlight=False)
