"""`python -m selfheal.results`: the tables, and the housekeeping of a project's result backend."""

from __future__ import annotations

import argparse
import sys
import time

import psycopg
from celery.app.utils import find_app

from selfheal.errors import InvalidSettings, SchemaMismatch, SelfhealError
from selfheal.results import migrate
from selfheal.results.backend import PostgresBackend
from selfheal.results.pool import conninfo


def main() -> int:
    """Exit code 0; 1 with one line on stderr when it cannot be done."""
    chosen = _arguments()
    try:
        chosen.run(chosen)
    except (SelfhealError, psycopg.Error) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _upgrade(chosen: argparse.Namespace) -> None:
    with psycopg.connect(conninfo(chosen.url)) as connection:
        print(f"result tables: version {migrate.upgrade(connection)}")


def _check(chosen: argparse.Namespace) -> None:
    with psycopg.connect(conninfo(chosen.url)) as connection:
        found = migrate.current(connection)
    if found != migrate.newest():
        raise SchemaMismatch(
            f"result tables: version {found}, this code needs {migrate.newest()}: run"
            " `python -m selfheal.results upgrade URL`"
        )
    print(f"result tables: version {found}")


def _sweep(chosen: argparse.Namespace) -> None:
    backend = _backend(chosen.app)
    while True:
        swept = backend.sweep()
        if swept.anything or not chosen.every:
            print(f"chords: {swept.published} sent, {swept.failed} failed, {swept.begun} closed")
        if not chosen.every:
            return
        time.sleep(chosen.every)


def _cleanup(chosen: argparse.Namespace) -> None:
    _backend(chosen.app).cleanup()


def _backend(name: str) -> PostgresBackend:
    backend = find_app(name).backend
    if not isinstance(backend, PostgresBackend):
        raise InvalidSettings(
            f"{name}: its result_backend is {type(backend).__name__}, expected"
            " selfheal+postgresql+psycopg://..."
        )
    return backend


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m selfheal.results", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, text in (
        ("upgrade", _upgrade, "create the tables, or bring them to this version"),
        ("check", _check, "say which version the tables have"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("url", metavar="URL", help="as in result_backend")
        command.set_defaults(run=run)
    for name, run, text in (
        ("sweep", _sweep, "end chords that a dead worker left behind"),
        ("cleanup", _cleanup, "delete what is older than its retention"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("-A", "--app", required=True, help="the Celery app, as for `celery`")
        command.set_defaults(run=run, every=None)
        if run is _sweep:
            command.add_argument("--every", type=float, metavar="SECONDS", help="again and again")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
