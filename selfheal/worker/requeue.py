"""A dead letter goes to its queue again, if a worker could take it now."""

from __future__ import annotations

from uuid import UUID

from kombu.exceptions import OperationalError

from selfheal.celery import FarmApp
from selfheal.contracts.dead_letter import DeadLetter
from selfheal.contracts.names import POOLS
from selfheal.errors import BrokerUnavailable, InvalidInput
from selfheal.store import dead_letters
from selfheal.worker.consumer import signatures
from selfheal.worker.reading import Incoming, fault_of


def requeue(app: FarmApp, letter_id: UUID) -> DeadLetter:
    """Send the letter to its queue as it came.

    Raises UnknownId, InvalidInput with the reason why it still cannot be taken, or
    BrokerUnavailable. When this dies half-way the letter may be sent twice, which does no harm.
    """
    database = app.farm.database
    with database.begin() as connection:
        row = dead_letters.load(connection, letter_id)
    letter = row.letter
    if fault := _fault(app, letter):
        raise InvalidInput(f"dead letter {letter_id} cannot be sent again: {fault}")
    _publish(app, letter)
    with database.begin() as connection:
        dead_letters.mark_requeued(connection, row)
    return letter


def _fault(app: FarmApp, letter: DeadLetter) -> str | None:
    if not letter.complete:
        return "what is kept of it is redacted or cut"
    if letter.queue not in POOLS:
        return f"{letter.queue!r} is no queue of ours"
    app.loader.import_default_modules()
    incoming = Incoming(
        body=letter.body.encode(),
        content_type=letter.content_type,
        content_encoding=letter.content_encoding,
        headers=letter.headers,
    )
    limit = app.settings.broker.max_message_bytes
    return fault_of(incoming, signatures(app), max_bytes=limit)


def _publish(app: FarmApp, letter: DeadLetter) -> None:
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1)
            connection.Producer().publish(
                letter.body.encode(),
                exchange="",
                routing_key=letter.queue,
                content_type=letter.content_type,
                content_encoding=letter.content_encoding,
                headers=letter.headers,
                correlation_id=letter.headers.get("id"),
                delivery_mode=2,
            )
    except (OperationalError, OSError) as error:
        raise BrokerUnavailable(f"the broker took no message: {error}") from error
