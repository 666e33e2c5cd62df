"""The `selfheal` command: its parts, and how errors end it."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib import import_module

import typer
from rich.console import Console
from rich.markup import escape

from selfheal import __version__
from selfheal.cli import exit_codes
from selfheal.errors import SelfhealError
from selfheal.redaction import Redactor

_COMMANDS = {
    "heal": "heal",
    "repair": "repair",
    "locate": "locate",
    "evolve": "evolve",
    "up": "up",
    "submit": "submit",
    "status": "status",
    "watch": "watch",
    "code-plan": "code_plan",
    "cancel": "cancel",
    "retry": "retry",
    "callgraph": "callgraph",
    "graph": "graph",
    "map": "map",
    "doctor": "doctor",
    "demo": "demo",
    "schedule": "schedule",
    "watch-repo": "watch_repo",
    "sweep": "sweep",
    "serve": "serve",
    "token": "token",
    "flower": "flower",
    "mock-llm": "mock_llm",
    "dead": "dead",
    "db": "database",
    "embedded": "embedded",
    "schema": "schema",
}
"""Modules by the name of their command, in the order of `--help`."""

app = typer.Typer(
    name="selfheal",
    help="A ChangeRequest goes in, a verified git branch comes out, or an honest reason why not.",
    epilog=exit_codes.HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),  # noqa: FBT001, FBT003
) -> None:
    if version:
        typer.echo(f"selfheal {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command; an error of ours ends it with one message and its exit status.

    Any other error is a defect of selfheal: it ends with its traceback and the status for that.
    """
    redact = Redactor.from_environment(os.environ).redact
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _add_commands(sys.argv[1:2])
        app()
    except SelfhealError as error:
        console = Console(stderr=True)
        said = escape(redact(str(error)))
        console.print(f"[red]selfheal:[/] {said}", highlight=False, soft_wrap=True)
        sys.exit(exit_codes.of_error(error))
    except Exception:
        sys.stderr.write(redact(traceback.format_exc()))
        sys.exit(exit_codes.ExitCode.INTERNAL)


def _interrupt(*_: object) -> None:
    """SIGTERM ends a command as Ctrl-C does: what it holds is let go in order."""
    raise KeyboardInterrupt


def _add_commands(asked: list[str]) -> None:
    """Importing a command's module adds it to `app`; the one that was asked for is enough.

    All of them together would cost every command a second.
    """
    for name in asked if asked and asked[0] in _COMMANDS else _COMMANDS:
        import_module(f"selfheal.cli.{_COMMANDS[name]}")
