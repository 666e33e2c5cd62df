"""The executor's SubTask: commands that the repository's configuration names, in the sandbox.

`action` is free text and chooses at most which of them run; it is never a command line (PA-10).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from selfheal.checks.interpreter import Interpreter, farm_interpreter, given_interpreter
from selfheal.checks.repository_settings import (
    OWN_FILE,
    named_commands,
    read_repository_settings,
)
from selfheal.checks.suite import run_suite
from selfheal.checks.target import Target
from selfheal.checks.tool import find_command
from selfheal.contracts.decomposition import SubTask, SubTaskResult
from selfheal.errors import Cancelled
from selfheal.flows import evidence
from selfheal.flows.arms.place import Place
from selfheal.sandbox.jail import Jail
from selfheal.workspace.worktree import Worktree

SHOWN_LINES = 20

_WORDS: Mapping[str, re.Pattern[str]] = {
    "format": re.compile(r"\bformat", re.IGNORECASE),
    "lint": re.compile(r"\blint", re.IGNORECASE),
    "build": re.compile(r"\b(?:build|compile|package)", re.IGNORECASE),
    "test": re.compile(r"\b(?:test|suite|pytest)", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Ran:
    """How one named command ended."""

    name: str
    good: bool
    told: tuple[str, ...]


def execute(place: Place) -> SubTaskResult:
    """Run the named commands that the step speaks of; all of them if it speaks of none."""
    running = place.running
    name = f"subtask-{running.attempt.id}"
    with running.farm.worktree(place.mirror(), place.head_sha, name) as tree:
        commands = chosen(named_commands(read_repository_settings(tree.folder)), place.subtask)
        if not commands:
            return place.result(
                "HARD_FAIL",
                "the repository names no command, and nothing else is ever run",
                next_step=f"name test, format, lint or build in [tool.selfheal] or {OWN_FILE}",
            )
        target = evidence.target_of(running, place.request, tree.folder)
        ran = [_run(place, tree, target, one, said) for one, said in commands.items()]
    good = all(one.good for one in ran)
    ends = ", ".join(f"{one.name} {'passed' if one.good else 'failed'}" for one in ran)
    return place.result(
        "SUCCESS" if good else "HARD_FAIL",
        f"at {place.head_sha[:10]}: {ends}",
        findings=[line for one in ran for line in one.told],
        next_step="" if good else "look at the output named",
    )


def chosen(named: Mapping[str, str], subtask: SubTask) -> dict[str, str]:
    """Of the commands that the repository names, those that a step speaks of, else all."""
    spoken = {
        name: command for name, command in named.items() if _WORDS[name].search(subtask.action)
    }
    return spoken or dict(named)


def _run(place: Place, tree: Worktree, target: Target, name: str, command: str) -> Ran:
    tree.reset(place.head_sha)
    if name == "test":
        return _run_tests(place, tree, target)
    tool, missing = find_command(command, _interpreters(target), what=name)
    if tool is None:
        return Ran(name, good=False, told=(missing,))
    # Formatters and linters take the files they work on at their end: here all of them.
    files = () if name == "build" else (".",)
    running = place.running
    completed = place.sandbox().run(
        Jail(
            argv=(*tool.argv, *files),
            workdir=tree.folder.resolve(),
            readable=(*target.readable, *tool.readable),
            environment=target.environment_in(tree.folder),
            limits=running.farm.limits,
        ),
        stop=running.stopping,
    )
    if completed.struck == "stopped":
        raise Cancelled(f"{name} was told to stop")
    tree.verify_untouched()
    good = completed.exit_code == 0 and completed.struck is None
    output = (completed.stdout + completed.stderr).splitlines()
    told = [f"{name}: {line}" for line in output[-SHOWN_LINES:]] if not good else []
    if completed.struck:
        told.append(f"{name}: ended by the limit on {completed.struck}")
    told += [f"{name}: would change {path}" for path in _changed(tree, name)]
    return Ran(name, good=good, told=tuple(told))


def _changed(tree: Worktree, name: str) -> tuple[str, ...]:
    return tree.changed() if name == "format" else ()


def _run_tests(place: Place, tree: Worktree, target: Target) -> Ran:
    farm = place.running.farm
    run = run_suite(
        target,
        tree.folder,
        place.sandbox(),
        timeout_seconds=farm.settings.target.suite_seconds,
        stop=place.running.stopping,
        limits=farm.limits,
    )
    return Ran("test", good=not run.failing, told=tuple(f"fails: {test}" for test in run.failing))


def _interpreters(target: Target) -> Iterator[Interpreter]:
    yield given_interpreter(target.python)
    yield farm_interpreter()
