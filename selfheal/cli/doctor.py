"""`selfheal doctor`: what this machine can do, each finding with its fix."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from selfheal.cli.exit_codes import ExitCode
from selfheal.cli.farm import reach_farm, runs_for_everybody
from selfheal.cli.main import app
from selfheal.embedded import provider
from selfheal.embedded.run_folder import RunFolder
from selfheal.errors import EngineUnavailable, SelfhealError
from selfheal.flows.connect import redactor_of
from selfheal.llm.chain import endpoints
from selfheal.retrieval.qdrant import QdrantEngine
from selfheal.sandbox.choose import choose_sandbox
from selfheal.settings import EndpointSettings, Settings, load_settings
from selfheal.store import migrate
from selfheal.workspace.git import git_version


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is as it should be, what was found, what to do."""

    what: str
    good: bool
    found: str
    fix: str = ""


@app.command()
def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Look at python, git, sandbox, servers and schema; each finding comes with its fix."""
    findings = tuple(_findings(load_settings()))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        console = Console(soft_wrap=True)
        for finding in findings:
            mark = "[green]ok[/]  " if finding.good else "[red]fix[/] "
            console.print(f"{mark} {finding.what}: {escape(finding.found)}", highlight=False)
            if finding.fix:
                console.print(f"     {escape(finding.fix)}", highlight=False)
    if not all(finding.good for finding in findings):
        raise typer.Exit(ExitCode.ENVIRONMENT)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding("python", good=True, found=f"{sys.version.split()[0]} at {sys.executable}")
    yield _tried("git", _git)
    yield _tried("sandbox", lambda: _sandbox(settings))
    yield _tried("run folder", lambda: _run_folder(settings))
    yield _tried("servers", lambda: _servers(settings))
    if not endpoints(settings.llm):
        yield Finding(
            "models", good=True, found="none configured: plans from evidence, repairs by search"
        )
    for endpoint in endpoints(settings.llm):
        yield _endpoint(settings, endpoint)
    if engine := QdrantEngine.of(settings.index):
        yield _engine(settings, engine)


def _tried(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except SelfhealError as error:
        return Finding(what, good=False, found=str(error))


def _git() -> Finding:
    version = git_version()
    text = ".".join(map(str, version))
    # merge-tree --write-tree, which landing needs, came with 2.38.
    good = version >= (2, 38)
    return Finding("git", good=good, found=text, fix="" if good else "install git 2.38 or newer")


def _sandbox(settings: Settings) -> Finding:
    sandbox = choose_sandbox(settings.sandbox.provider)
    open_to = f"; leaves open: {', '.join(sandbox.leaves_open)}" if sandbox.leaves_open else ""
    return Finding(
        "sandbox",
        good=sandbox.name != "none",
        found=f"{sandbox.name}, protects from {', '.join(sandbox.protects_from)}{open_to}",
        fix="" if sandbox.name != "none" else "unset SELFHEAL_SANDBOX__PROVIDER",
    )


def _run_folder(settings: Settings) -> Finding:
    folder = RunFolder.open(settings.run_folder)
    owner = folder.owner()
    found = f"{folder.path}, " + (f"owned by process {owner}" if owner else "nobody works in it")
    return Finding("run folder", good=True, found=found)


def _endpoint(settings: Settings, endpoint: EndpointSettings) -> Finding:
    # Loading the SDK takes a second, which is spent only where there is somebody to ask.
    from selfheal.llm.background import Background
    from selfheal.llm.provider import Provider

    background = Background()
    provider = Provider(
        endpoint,
        structured=None,
        silence_seconds=settings.llm.silence_seconds,
        background=background,
    )
    reply = provider.look()
    provider.close()
    background.close()
    good = reply.outcome in ("answered", "not_found")
    said = "answers" if good else f"{reply.outcome}, {reply.why}"
    mend = "api_key" if reply.outcome == "denied" else "base_url, and whether it runs"
    return Finding(
        f"model endpoint {endpoint.name}",
        good=good,
        found=redactor_of(settings).redact(f"{endpoint.base_url} {said}"),
        fix="" if good else f"look at its {mend}",
    )


def _engine(settings: Settings, engine: QdrantEngine) -> Finding:
    what, url = f"vector engine {engine.name}", settings.index.qdrant_url
    try:
        engine.look()
    except EngineUnavailable as error:
        found = redactor_of(settings).redact(f"{url} does not answer: {error}")
        return Finding(
            what,
            good=False,
            found=found,
            fix="start it or unset index.qdrant_url; until then each process compares",
        )
    finally:
        engine.close()
    return Finding(what, good=True, found=f"{url} answers")


def _servers(settings: Settings) -> Finding:
    if settings.farm.database_url is None and not runs_for_everybody(settings):
        folder = RunFolder(settings.run_folder)
        left = [server.name for server in provider.status(folder) if server.pids]
        if left and folder.owner() is None:
            return Finding(
                "servers",
                good=False,
                found=f"{' and '.join(left)} run without an owner",
                fix="`selfheal embedded stop` ends them; the next start does so too",
            )
        return Finding(
            "servers", good=True, found="none configured: `up` and `heal` start embedded ones"
        )
    reach_farm(settings)
    return Finding("servers", good=True, found=f"answer; schema {migrate.head()}")
