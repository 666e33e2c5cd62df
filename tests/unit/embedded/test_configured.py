"""Servers by URL: checked, and no message shows a password."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.embedded.configured import check_broker, check_database
from selfheal.errors import BrokerUnavailable, InvalidSettings, SelfhealError, StoreUnavailable

# Nobody listens on port 1.
NOWHERE = "127.0.0.1:1"

passwords = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1).map(
    lambda text: f"hunter{text}2"
)


def test_a_database_that_does_not_answer_is_named() -> None:
    with pytest.raises(StoreUnavailable, match=f"postgresql://{NOWHERE}/farm does not answer"):
        check_database(f"postgresql://me:secret@{NOWHERE}/farm")


def test_a_broker_that_does_not_answer_is_named() -> None:
    with pytest.raises(BrokerUnavailable, match=f"redis://{NOWHERE}/3 does not answer"):
        check_broker(f"redis://:secret@{NOWHERE}/3")


@pytest.mark.parametrize(
    "url", ["mysql://me@host/db", "sqlite:///farm.db", "postgresql://me:a@b@host/db", "farm", ""]
)
def test_another_database_than_postgresql_is_refused(url: str) -> None:
    with pytest.raises(InvalidSettings, match="expected postgresql://USER@HOST/DATABASE"):
        check_database(url)


@settings(deadline=None, max_examples=60)
@given(password=passwords)
@pytest.mark.parametrize(
    "form",
    [
        "postgresql://me:{}@127.0.0.1:1/farm",
        "postgres://127.0.0.1:1/farm?user=me&password={}",
        "mysql://me:{}@127.0.0.1:1/farm",
        "me:{}@127.0.0.1:1/farm",
    ],
)
def test_no_message_about_the_database_shows_the_password(form: str, password: str) -> None:
    # Given as it is, not percent-encoded: that is the mistake which tears a URL apart.
    with pytest.raises(SelfhealError) as refused:
        check_database(form.format(password))

    assert "hunter" not in str(refused.value)
    assert refused.value.__cause__ is None


@settings(deadline=None, max_examples=60)
@given(password=passwords)
@pytest.mark.parametrize(
    "form",
    ["redis://:{}@127.0.0.1:1/0", "redis://127.0.0.1:1/0?password={}", "amqp://me:{}@127.0.0.1:1"],
)
def test_no_message_about_the_broker_shows_the_password(form: str, password: str) -> None:
    with pytest.raises(BrokerUnavailable) as refused:
        check_broker(form.format(password))

    assert "hunter" not in str(refused.value)
    assert refused.value.__cause__ is None
