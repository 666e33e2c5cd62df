"""The fixtures that every integration test builds on."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy
from kombu import Connection

from selfheal.embedded.provider import Servers, attach
from selfheal.embedded.run_folder import RunFolder


def test_another_process_finds_the_running_servers(servers: Servers, run_folder: RunFolder) -> None:
    found = RunFolder.find(run_folder.path)

    assert found is not None
    assert attach(found) == servers


def test_each_fresh_database_is_empty_and_a_template_is_copied(
    fresh_database: Callable[..., str],
) -> None:
    first = fresh_database()
    engine = sqlalchemy.create_engine(first)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (text text)")
        connection.exec_driver_sql("INSERT INTO notes VALUES ('é')")
    engine.dispose()

    empty, copy = fresh_database(), fresh_database(template=first)

    assert _tables(empty) == []
    assert _tables(copy) == ["notes"]


def test_a_message_goes_through_the_broker(broker_url: str) -> None:
    with Connection(broker_url) as connection:
        queue = connection.SimpleQueue("greetings")
        queue.put({"hello": "world"})
        message = queue.get(timeout=5)
        queue.close()

    assert message.payload == {"hello": "world"}


def _tables(url: str) -> list[str]:
    engine = sqlalchemy.create_engine(url)
    try:
        return sqlalchemy.inspect(engine).get_table_names()
    finally:
        engine.dispose()
