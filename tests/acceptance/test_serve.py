"""`selfheal serve` in front of a farm, `selfheal token`, and an application that uses both."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import UUID

import pytest

from selfheal.client import Client
from selfheal.errors import RoleRefused, TokenRefused, UnknownId
from tests.acceptance.projects import BROKEN
from tests.acceptance.terminal import Terminal

NOBODY = UUID(int=7)
"""No request has this id."""

LONG = 90.0
"""Seconds; far more than is needed."""


@contextmanager
def served(farm: Terminal, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The service's URL, from when it listens until the context ends."""
    with farm.started("serve", "--port", "0", *options) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("serving http://"), line + process.stderr.read()
        yield line.split()[1].rstrip(";"), process


@contextmanager
def token(farm: Terminal, name: str, role: str) -> Iterator[str]:
    """A token, revoked at the end: other tests use this farm without one."""
    said = farm.run("token", "add", name, "--role", role)
    assert (said.status, said.out.count("\n")) == (0, 1), said.err
    yield said.out.strip()
    assert farm.run("token", "revoke", name).status == 0


@pytest.mark.slow
def test_an_application_has_a_repository_healed_and_reads_the_report(farm, project) -> None:
    shop = project(BROKEN)

    allowed = {"SELFHEAL_SAFETY__ALLOW_REPOS": json.dumps([f"{shop.folder}*"])}
    with (
        served(Terminal(farm.run_folder, {**farm.settings, **allowed})) as (url, _),
        Client(http=url, timeout=LONG) as client,
    ):
        handle = client.submit(
            repo=str(shop.folder),
            description="make the failing tests pass",
            acceptance_criteria=("the test suite passes",),
        )
        status = handle.wait(LONG)
        report = handle.result()

    assert (status.id, status.state) == (handle.id, "DONE")
    assert (report.request_id, report.cause) == (handle.id, "landed")
    assert "min(prices)" in shop.git("show", f"{report.landed_branch}:shop/cart.py")


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(signal.SIGTERM, id="SIGTERM"),
        pytest.param(signal.SIGINT, id="SIGINT", marks=pytest.mark.slow),
    ],
)
def test_a_service_that_is_told_to_end_ends_in_order(farm, how: signal.Signals) -> None:
    with served(farm) as (url, process):
        with Client(http=url, timeout=LONG) as client, pytest.raises(UnknownId):
            client.status(NOBODY)
        process.send_signal(how)
        _, said = process.communicate(timeout=LONG)

    assert process.returncode == 0, said
    assert "Traceback" not in said


@pytest.mark.slow
def test_other_machines_are_not_served_before_somebody_has_a_token(farm) -> None:
    refused = farm.run("serve", "--host", "0.0.0.0", "--port", "0")

    assert refused.status == 2
    assert "nobody has a token yet: make one with `selfheal token add" in refused.complaint


@pytest.mark.slow
def test_other_machines_are_served_with_a_token(farm) -> None:
    with (
        token(farm, "ci", "reader") as known,
        served(farm, "--host", "0.0.0.0") as (url, _),
        Client(http=url, timeout=LONG) as nobody,
        Client(http=url, token=known, timeout=LONG) as reader,
    ):
        with pytest.raises(TokenRefused):
            nobody.cancel(NOBODY)
        with pytest.raises(RoleRefused):
            reader.cancel(NOBODY)


@pytest.mark.slow
def test_a_port_that_is_taken_and_an_address_that_is_none(farm) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        refused = farm.run("serve", "--port", str(port))
    nowhere = farm.run("serve", "--host", "everywhere")

    assert (refused.status, nowhere.status) == (2, 2)
    assert f"cannot listen on 127.0.0.1 port {port}" in refused.complaint
    assert "--host 'everywhere' is no IP address" in nowhere.complaint


@pytest.mark.slow
def test_tokens_are_listed_without_what_they_are(farm) -> None:
    with token(farm, "nightly", "submitter") as known:
        listed = farm.run("token", "list", "--json")

    row = next(row for row in json.loads(listed.out) if row["name"] == "nightly")
    assert (row["role"], row["revoked_at"]) == ("submitter", None)
    assert known[-20:] not in listed.out


@pytest.mark.slow
def test_a_token_that_cannot_be_made_or_revoked_is_refused_by_name(farm) -> None:
    with token(farm, "nightly", "submitter") as known:
        plain = farm.run("token", "list")
        twice = farm.run("token", "add", "nightly", "--role", "reader")
    gone = farm.run("token", "revoke", "nightly")
    wrong = farm.run("token", "add", "who", "--role", "king")

    assert "nightly" in plain.out
    assert known[-20:] not in plain.out
    assert (twice.status, gone.status, wrong.status) == (2, 2, 2)
    assert "nightly has a token already" in twice.complaint
    assert "'nightly' has no good token" in gone.complaint
    assert "--role: expected one of reader, submitter, operator" in wrong.complaint
