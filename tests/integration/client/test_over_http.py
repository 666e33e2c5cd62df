"""An application that reaches a farm through its HTTP service."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

import pytest

from selfheal.client import Client
from selfheal.contracts.change_request import ChangeRequest
from selfheal.errors import (
    InvalidRequest,
    InvalidSettings,
    RateLimited,
    RoleRefused,
    ServiceUnavailable,
    StateRefused,
    TimedOut,
    TokenRefused,
    TooBusy,
    UnknownId,
)
from selfheal.settings import AdmissionSettings
from tests.integration.serving import SHOP, Service

LONG = 60.0
"""Seconds; far more than is needed."""

Answer = Callable[[socket.socket], object]


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(http=service.url, timeout=LONG) as client:
        yield client


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """Somebody who listens and does this with whoever connects, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:  # the test is over
                    return
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def unavailable(url: str) -> AbstractContextManager[object]:
    return pytest.raises(ServiceUnavailable, match=url)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_request_has_its_id_at_once_and_its_status_can_be_asked(client: Client) -> None:
    request = ChangeRequest(**SHOP)

    handle = client.submit(request)
    status = handle.status()

    assert handle.id == status.id == request.id
    assert (status.state, status.ended, status.repo) == ("RECEIVED", False, SHOP["repo"])
    assert client.handle(request.id).status() == status


def test_a_cancelled_request_has_a_report(client: Client) -> None:
    handle = client.submit(**SHOP)

    handle.cancel()

    assert handle.wait(LONG).state == "CANCELLED"
    report = handle.result()
    assert (report.request_id, report.state, report.cause) == (handle.id, "CANCELLED", "cancelled")


def test_a_handle_follows_the_request_that_its_own_was_folded_into(
    client: Client, service: Service
) -> None:
    first, repeat = client.submit(**SHOP), client.submit(**SHOP)

    assert repeat.id != first.id
    assert repeat.status() == first.status()
    assert repeat.status().id == first.id
    service.ends(first.id)
    assert repeat.wait(LONG).state == "CANCELLED"
    assert repeat.result().request_id == first.id


def test_a_request_that_is_under_way_has_no_result(client: Client) -> None:
    handle = client.submit(**SHOP)

    with pytest.raises(StateRefused, match="is RECEIVED and has no report yet: `wait` first"):
        handle.result()


def test_waiting_ends_with_the_time_that_it_was_given(client: Client) -> None:
    handle = client.submit(**SHOP)

    with pytest.raises(TimedOut, match=r"had not ended after 0\.3 s: it is RECEIVED"):
        handle.wait(0.3)


def test_waiting_outlives_a_service_that_is_started_anew(service: Service) -> None:
    request_id = service.has()
    with Client(http=service.url) as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.handle(request_id).wait, LONG)
        service.stop()
        service.ends(request_id)
        with pytest.raises(ServiceUnavailable):
            client.status(request_id)
        service.start()

        assert waiting.result(LONG).state == "CANCELLED"


def test_waiting_for_a_service_that_stays_away_names_it() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with Client(http=url) as client, pytest.raises(TimedOut, match=f"{url} does not answer"):
        client.handle(UUID(int=7)).wait(0.3)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda connection: None, id="hangs up"),
        pytest.param(lambda connection: connection.sendall(b"hello\r\n"), id="speaks no HTTP"),
        pytest.param(
            lambda connection: connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
            ),
            id="says nothing of a request",
        ),
        pytest.param(
            lambda connection: connection.sendall(
                b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>"
            ),
            id="a proxy",
        ),
        pytest.param(
            lambda connection: connection.sendall(
                b"HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\nContent-Length: 0\r\n\r\n"
            ),
            id="sends elsewhere",
        ),
        pytest.param(
            lambda connection: connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"
            ),
            id="garbled",
        ),
    ],
)
def test_somebody_who_is_no_service_is_named(answer: Answer) -> None:
    with server(answer) as url, Client(http=url) as client, unavailable(url):
        client.status(UUID(int=7))


def test_a_service_that_says_nothing_is_named_within_the_timeout() -> None:
    def listen_only(connection: socket.socket) -> None:
        while connection.recv(1 << 16):
            pass

    with server(listen_only) as url, Client(http=url, timeout=0.2) as client, unavailable(url):
        client.submit(**SHOP)


def test_a_service_that_never_ends_its_answer_is_named_within_the_timeout() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        with pytest.raises(OSError):  # when the client has gone
            while True:
                connection.sendall(b" ")

    with server(drip) as url, Client(http=url, timeout=0.2) as client, unavailable(url):
        client.status(UUID(int=7))


def test_what_is_wrong_is_said_by_the_errors_that_other_doors_raise(
    client: Client, service: Service
) -> None:
    with pytest.raises(InvalidRequest) as here:
        client.submit(**{**SHOP, "priority": 10})
    with pytest.raises(InvalidRequest) as there:
        client.submit(**{**SHOP, "repo": "/home/somebody/project"})
    with pytest.raises(UnknownId, match="no ChangeRequest"):
        client.status(UUID(int=7))

    assert (here.value.field, there.value.field) == ("priority", "repo")
    assert "safety.allow_repos" in there.value.expected


def test_who_may_not_ask_is_told_so(service: Service) -> None:
    others = service.has()
    reader, submitter = service.token("looks", "reader"), service.token("asks", "submitter")

    with Client(http=service.url) as nobody, pytest.raises(TokenRefused, match="a token is needed"):
        nobody.status(others)
    with Client(http=service.url, token=reader) as client:
        assert client.status(others).state == "RECEIVED"
        with pytest.raises(RoleRefused, match="the token's role is reader"):
            client.submit(**SHOP)
    with (
        Client(http=service.url, token=submitter) as client,
        pytest.raises(RoleRefused, match="was not submitted by asks"),
    ):
        client.cancel(others)


def test_who_is_to_come_back_later_is_told_so(service_with) -> None:
    full = service_with(admission=AdmissionSettings(max_open_requests=1))
    hasty = service_with(requests_per_minute=1)
    full.has()

    with Client(http=full.url) as client, pytest.raises(TooBusy):
        client.submit(**{**SHOP, "description": "another failure"})
    with Client(http=hasty.url) as client:
        handle = client.submit(**SHOP)
        with pytest.raises(RateLimited):
            handle.status()


FORKING = """
import os, sys
from uuid import UUID
from selfheal.client import Client

handle = Client(http=sys.argv[1]).handle(UUID(sys.argv[2]))
handle.status()
child = os.fork()
for _ in range(20):
    handle.status()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_has_connections_of_its_own(service: Service) -> None:
    request_id = service.has()
    command = [sys.executable, "-P", "-c", FORKING, service.url, str(request_id)]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "expected one of broker_url and http, found neither"),
        ({"broker_url": "redis://b/0", "http": "http://f"}, "found both"),
        ({"broker_url": "redis://b/0", "token": "t"}, "only the service asks for one"),
        ({"http": "farm.example.org"}, "expected a URL"),
        ({"http": "http://farm", "token": "no\ntoken"}, "token: expected"),
    ],
)
def test_a_client_that_cannot_work_is_not_made(arguments, complaint: str) -> None:
    with pytest.raises(InvalidSettings, match=complaint):
        Client(**arguments)


@pytest.mark.parametrize("url", ["http://[", "http://a:port", "http://exa mple.org:1", "http://"])
def test_a_url_that_is_none_is_named_when_it_is_used(url: str) -> None:
    with (
        Client(http=url, timeout=0.2) as client,
        pytest.raises((InvalidSettings, ServiceUnavailable)),
    ):
        client.status(UUID(int=7))
