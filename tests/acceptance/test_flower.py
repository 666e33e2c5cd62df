"""`selfheal flower` in front of a farm: what it shows, and to whom."""

from __future__ import annotations

import socket
from base64 import b64encode
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from tests.acceptance.terminal import await_that


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _status(url: str, login: str = "") -> int:
    """The HTTP status; 0 while nobody listens."""
    request = Request(url)
    if login:
        request.add_header("Authorization", f"Basic {b64encode(login.encode()).decode()}")
    try:
        with urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, OSError):
        return 0


@pytest.mark.slow
def test_on_this_machine_it_needs_no_login(farm, port: int) -> None:
    place = f"http://127.0.0.1:{port}/workers"

    with farm.started("flower", "--port", port):
        await_that(lambda: _status(place), what="Flower answers")
        assert _status(place) == 200


def test_to_other_machines_it_shows_nothing_without_a_login(farm, port: int) -> None:
    login = "somebody:secret"
    place = f"http://127.0.0.1:{port}/workers"
    asked = ("flower", "--address", "0.0.0.0", "--port", port)

    with farm.started(*asked, FLOWER_BASIC_AUTH=login):
        await_that(lambda: _status(place), what="Flower answers")
        assert (_status(place), _status(place, login)) == (401, 200)

    with farm.started(*asked) as flower:
        assert flower.stderr is not None
        made_up = flower.stderr.readline().removeprefix("log in as ").strip()
        await_that(lambda: _status(place), what="Flower answers")
        assert (_status(place), _status(place, made_up)) == (401, 200)


def test_an_address_that_is_none(farm) -> None:
    said = farm.run("flower", "--address", "everywhere")

    assert said.status == 2
    assert "--address 'everywhere' is no IP address" in said.complaint
