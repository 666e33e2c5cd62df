"""`selfheal mock-llm`: a model endpoint that replays, records, and fails on demand."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Annotated

import typer

from selfheal.cli.exit_codes import ExitCode
from selfheal.cli.main import app
from selfheal.errors import InvalidSettings
from selfheal.redaction import Redactor
from selfheal.testing.script import Script
from selfheal.testing.script_file import read_script
from selfheal.testing.server import ReplayServer, recording_server, replay_server

ScriptFile = Annotated[Path | None, typer.Option(help="Steps to play, TOML or JSON.")]
Recording = Annotated[Path | None, typer.Option(help="Recorded answers to replay, JSONL.")]
Record = Annotated[Path | None, typer.Option(help="Record to this file what --upstream answers.")]
Upstream = Annotated[str | None, typer.Option(help="The base URL of the endpoint to record.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")]
Key = Annotated[str | None, typer.Option(help="The key that clients must have; none if not given.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Fail at the end if a step is unused or an answer missing.")
]


@app.command()
def mock_llm(
    *,
    script: ScriptFile = None,
    recording: Recording = None,
    record: Record = None,
    upstream: Upstream = None,
    port: Port = 8199,
    api_key: Key = None,
    strict: Strict = False,
) -> None:
    """Serve scripted or recorded answers on an OpenAI-compatible endpoint, until Ctrl-C.

    A request without an answer gets an error that names what comes nearest; none is made up. The
    format of scripts is in docs/testing-with-models.md.
    """
    serving = (
        _recording(upstream, record, port=port)
        if record or upstream
        else _replaying(script, recording, port=port, api_key=api_key)
    )
    with serving as server:
        print(f"OPENAI_BASE_URL={server.url}", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
        complaints = server.complaints() if strict else ()
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if complaints:
        raise typer.Exit(ExitCode.PARTIAL)


def _recording(
    upstream: str | None, record: Path | None, *, port: int
) -> AbstractContextManager[ReplayServer]:
    if upstream is None or record is None:
        raise InvalidSettings("--record FILE and --upstream URL go together: name both")
    redactor = Redactor.from_environment(os.environ)
    return recording_server(upstream, record, redactor=redactor, port=port)


def _replaying(
    script: Path | None, recording: Path | None, *, port: int, api_key: str | None
) -> AbstractContextManager[ReplayServer]:
    if script is None and recording is None:
        raise InvalidSettings("nothing to answer with: name --script, --recording or --record")
    played = read_script(script) if script else Script()
    return replay_server(played, recording=recording, port=port, api_key=api_key)
