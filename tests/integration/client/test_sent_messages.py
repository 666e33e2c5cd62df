"""What a client's message shows to whoever watches the broker or its workers."""

from __future__ import annotations

from uuid import uuid4

import pytest
from kombu import Connection, Message

from selfheal.client import Client
from selfheal.contracts import names
from selfheal.contracts.change_request import ChangeRequest
from selfheal.errors import BrokerUnavailable, InvalidSettings
from tests.data.canaries import CANARIES


def _sent(broker_url: str) -> Message:
    with Connection(broker_url) as connection, connection.SimpleQueue("intake") as queue:
        message = queue.get(timeout=5)
        message.ack()
        return message


def test_a_request_is_known_by_its_id_and_its_text_is_not_shown(broker_url: str) -> None:
    request = ChangeRequest(repo="https://example.org/a.git", description="the admin's password")

    handle = Client(broker_url=broker_url).submit(request)

    message = _sent(broker_url)
    assert handle.id == request.id
    assert message.headers["task"] == names.SUBMIT
    assert message.headers["root_id"] == str(request.id)
    assert message.headers["argsrepr"] == f"('{request.id}',)"
    assert "password" not in str(message.headers)
    assert ChangeRequest.from_json(message.payload[0][0]) == request


def test_a_cancellation_belongs_to_its_request(broker_url: str) -> None:
    request_id = uuid4()

    Client(broker_url=broker_url).cancel(request_id)

    message = _sent(broker_url)
    assert (message.headers["task"], message.headers["root_id"]) == (names.CANCEL, str(request_id))


def test_what_only_the_service_can_tell_is_refused_with_a_way_out(broker_url: str) -> None:
    handle = Client(broker_url=broker_url).submit(repo="https://example.org/a.git", description="x")

    for ask in (handle.status, lambda: handle.wait(60), handle.result):
        with pytest.raises(InvalidSettings, match=r"give the client .* Client\(http="):
            ask()


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//", "nonsense://x", "redis://x:port/0"]
)
def test_a_broker_that_does_not_answer_is_an_error_of_ours(url: str) -> None:
    with Client(broker_url=url, timeout=0.5) as client, pytest.raises(BrokerUnavailable):
        client.submit(repo="https://example.org/a.git", description="x")


def test_a_secret_of_the_application_does_not_leave_it(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DB_PASSWORD", "plain words")
    token = CANARIES["github"].secret

    Client(broker_url=broker_url).submit(
        repo="https://example.org/a.git",
        description=f"login with plain words failed, and with {token}",
        traceback="OperationalError: plain words",
    )

    message = _sent(broker_url)
    assert "plain words" not in str(message.payload)
    assert token not in str(message.payload)
    assert "<secret:SHOP_DB_PASSWORD:" in str(message.payload)
