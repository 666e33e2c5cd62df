"""How a report looks to people."""

from __future__ import annotations

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from selfheal.contracts.bundle import TaskBundle
from selfheal.contracts.evolution import PlanningPlan
from selfheal.contracts.run_report import RunReport, SuiteEvidence
from selfheal.store.decompositions import SubTaskRow
from selfheal.store.requests import RequestRow

_STYLES = {"DONE": "bold green", "PARTIAL": "bold yellow", "CANCELLED": "bold yellow"}


def show_report(console: Console, report: RunReport) -> None:
    """State, reason, evidence before and after, each diff, where to look next."""
    for warning in report.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    for result in report.results:
        if result.diff:
            show_diff(console, result.diff)
    console.print(Text(f"{report.state}: {report.reason}", style=_STYLES.get(report.state, "red")))
    for label, evidence in (("before", report.before), ("after", report.after)):
        if evidence:
            console.print(f"{label:>7}: {tests_of(evidence)}", highlight=False)
    if report.landed_branch:
        console.print(f" branch: {report.landed_branch} ({report.landed_sha[:10]})")
    for step in report.subtasks:
        line = f"   step: {step.step} {step.arm}: {step.status}: {step.summary}"
        console.print(line, markup=False, highlight=False)
    for result in report.results:
        if result.status != "SUCCESS":
            console.print(f"   open: {result.reason}", markup=False, highlight=False)
    if report.sandbox == "none":
        console.print("[bold red]UNSAFE: the repository's code ran without a sandbox[/]")
    if report.next_step:
        console.print(f"   next: {report.next_step}", markup=False, highlight=False)


def tests_of(evidence: SuiteEvidence) -> str:
    """A suite's counts, and the commit they are for."""
    return (
        f"{evidence.failed} failed, {evidence.passed} passed"
        f"{f', {evidence.skipped} skipped' if evidence.skipped else ''}"
        f" at {evidence.commit_sha[:10]} ({evidence.seconds:.1f} s)"
    )


def show_diff(console: Console, diff: str) -> None:
    """A unified diff: coloured on a terminal, as it is otherwise."""
    if console.is_terminal:
        console.print(Syntax(diff.rstrip("\n"), "diff", background_color="default"))
    else:
        console.print(diff.rstrip("\n"), markup=False, highlight=False, soft_wrap=True)


def show_subtasks(console: Console, rows: tuple[SubTaskRow, ...]) -> None:
    """What a request was cut into, and how far each step is."""
    table = Table("step", "arm", "after", "state", "action", box=None, header_style="dim")
    for row in rows:
        after = ", ".join(map(str, row.needs)) or "-"
        state = row.result.status if row.result else row.state
        table.add_row(
            str(row.step), row.subtask.required_arm, after, state, Text(row.subtask.action)
        )
    console.print(table)


def show_evolution(console: Console, plan: PlanningPlan) -> None:
    """What an iteration is to do: its steps, what each waits for, and its files."""
    console.print(Text(plan.summary, style="bold"))
    table = Table("step", "after", "what", "files", box=None, header_style="dim")
    for step in plan.in_order:
        after = ", ".join(step.dependencies) or "-"
        table.add_row(
            Text(step.step_id), Text(after), Text(step.title), Text(", ".join(step.files))
        )
    console.print(table)


def show_bundle(console: Console, bundle: TaskBundle) -> None:
    """The CodingTasks and what each waits for."""
    table = Table("task", "after", "goal", "tests", box=None, header_style="dim")
    for task in bundle.tasks:
        after = ", ".join(str(parent)[:8] for parent in task.depends_on) or "-"
        table.add_row(str(task.id)[:8], after, Text(task.goal), str(len(task.failing_tests)))
    console.print(table)


def show_requests(console: Console, rows: tuple[RequestRow, ...]) -> None:
    """One line per request, newest first."""
    table = Table("request", "state", "repository", "received", "reason", box=None)
    for row in rows:
        received = f"{row.received_at.astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(
            str(row.id), row.state, Text(row.request.repo), received, Text(row.reason or "")
        )
    console.print(table)
