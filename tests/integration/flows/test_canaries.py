"""Secrets put into everything a run is given, and looked for in everything it leaves behind."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from rich.console import Console
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from selfheal.cli.showing import show_report
from selfheal.contracts.change_request import ChangeRequest
from selfheal.errors import InvalidRequest
from selfheal.flows import submit, watch_repo
from selfheal.flows.watch_repo import Wanted
from selfheal.logs import configure_logs
from selfheal.redaction import Redactor
from selfheal.store import requests
from selfheal.store.database import Database
from selfheal.testing.script import Step, When
from selfheal.testing.server import replay_server
from selfheal.timing import Interval
from selfheal.workspace.git import Git
from tests.data.canaries import CANARIES, KNOWN
from tests.integration.flows.conftest import OneProcessFarm

SECRETS = {
    **{name: [canary.secret] for name, canary in CANARIES.items()},
    **{name: value.split("\n") for name, (_, value) in KNOWN.items()},
}
EVERYTHING = "\n".join(
    [*(canary.text for canary in CANARIES.values()), *(value for _, value in KNOWN.values())]
)
COMMENTS = "".join(f"# {line}\n" for line in EVERYTHING.split("\n"))
SHOP = {
    "shop/__init__.py": "",
    "shop/cart.py": f"{COMMENTS}\n\ndef cheapest(prices):\n    return max(prices)\n",
    "secrets.txt": EVERYTHING,
    "tests/test_cart.py": (
        "from pathlib import Path\n\nfrom shop.cart import cheapest\n\n"
        "SECRETS = Path('secrets.txt').read_text()\n\n\n"
        "def test_cheapest():\n"
        "    print(SECRETS)\n"
        "    if cheapest([3, 1, 2]) != 1:\n"
        "        raise AssertionError(SECRETS)\n"
    ),
}
FIX = (
    "`max` is wrong.\n\nshop/cart.py\n<<<<<<< SEARCH\n{before}    return max(prices)\n=======\n"
    "{before}    return min(prices)\n>>>>>>> REPLACE\n"
)


def leaks(shown: str) -> list[str]:
    """Names of the secrets that can be read in a text, as they are or as JSON writes them."""
    return [
        name
        for name, lines in SECRETS.items()
        if any(line in shown or json.dumps(line)[1:-1] in shown for line in lines)
    ]


def every_row(database: Database) -> dict[str, str]:
    """All that is in the tables of every schema, by table."""
    with database.begin() as connection:
        tables = connection.execute(
            text(
                "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
                " WHERE table_type = 'BASE TABLE'"
                " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
            )
        ).scalars()
        return {
            table: "\n".join(
                connection.execute(text(f"SELECT one::text FROM {table} AS one")).scalars()
            )
            for table in list(tables)
        }


def assert_clean(farm: OneProcessFarm) -> None:
    rows = every_row(farm.farm.database)

    assert rows["public.attempts"]
    assert {table: found for table, content in rows.items() if (found := leaks(content))} == {}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the farm's processes would log."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    configure_logs(Redactor(KNOWN.values()), stream)
    yield stream
    root.handlers[:], root.level = before[0], before[1]
    structlog.reset_defaults()


@pytest.fixture
def request_fields() -> dict[str, object]:
    return {
        "description": f"the cart shows the dearest\n{EVERYTHING}",
        "traceback": f"Traceback (most recent call last):\n{EVERYTHING}\nValueError: {EVERYTHING}",
        "constraints": tuple(EVERYTHING.split("\n")),
        "acceptance_criteria": (EVERYTHING,),
        "context": {
            "locals": {"text": EVERYTHING, "password": "plain-as-day"},
            "environment": dict(KNOWN.values()),
            "list": [EVERYTHING],
        },
    }


def test_the_texts_that_are_planted_hold_every_canary() -> None:
    assert set(leaks(EVERYTHING)) == set(SECRETS)
    assert set(leaks(COMMENTS)) == set(SECRETS)
    assert len(SECRETS) >= 60


def test_a_run_without_a_model_leaves_no_canary_anywhere(
    farm_with, repository, log, request_fields
) -> None:
    farm = farm_with(redactor=Redactor(KNOWN.values()))
    origin = repository(SHOP)
    request_id = farm.submit(origin, **request_fields)

    while farm.turn():
        assert_clean(farm)  # at each stage, with the drafts of attempts that live

    report = farm.report(request_id)
    assert report.state == "DONE", report.reason
    assert leaks(report.to_json()) == []
    printed = io.StringIO()
    show_report(Console(file=printed, width=10_000), report)
    assert leaks(printed.getvalue()) == []
    assert leaks(Git(origin).text("log", "--all", "--format=%an%ae%cn%ce%B")) == []
    assert leaks(log.getvalue()) == []
    landed = Git(origin).text("show", f"{report.landed_sha}:shop/cart.py")
    assert landed == SHOP["shop/cart.py"].replace("max", "min").rstrip("\n")


@pytest.mark.slow
def test_a_model_mends_a_file_whose_secrets_it_is_not_shown(
    farm_with, repository, log, request_fields
) -> None:
    """Its answer holds what stands for them, and the commit holds them as they were."""
    redactor = Redactor(KNOWN.values())
    seen = redactor.redact(COMMENTS).splitlines()[-1]
    answer = FIX.format(before=f"{seen}\n\n\ndef cheapest(prices):\n")
    with replay_server([Step(when=When(purpose="draft"), answer=answer)]) as server:
        llm = {"base_url": server.url, "api_key": "a key", "model": "replay", "tries": 1}
        coding = {"coders": ("model",), "context_tokens": 60_000}
        farm = farm_with(
            redactor=redactor, llm=llm, coding=coding, planning={"planner": "evidence"}
        )
        origin = repository(SHOP)
        request_id = farm.submit(origin, **request_fields)

        while farm.turn():
            assert_clean(farm)

        prompts = "\n".join(turn.text for entry in server.journal for turn in entry.asked.turns)

    report = farm.report(request_id)
    assert report.state == "DONE", report.reason
    assert "the cart shows the dearest" in prompts
    assert "return max(prices)" in prompts
    assert leaks(prompts) == []
    assert leaks(report.to_json() + log.getvalue()) == []
    landed = Git(origin).text("show", f"{report.landed_sha}:shop/cart.py")
    assert landed == SHOP["shop/cart.py"].replace("max", "min").rstrip("\n")


def test_a_log_line_leaks_nothing_however_it_is_written(log) -> None:
    secret_error = ValueError(EVERYTHING)
    logger = structlog.get_logger()

    logger.info(EVERYTHING, text=EVERYTHING, nested={"list": [EVERYTHING], "password": "tr0ub4"})
    logger.warning("raw", error=secret_error, raw=EVERYTHING.encode())
    logging.getLogger("of.a.library").warning("%s and %r", EVERYTHING, {"a": EVERYTHING})
    try:
        raise secret_error
    except ValueError:
        logger.exception("failed")
        logging.getLogger("of.a.library").exception("failed")

    lines = log.getvalue().splitlines()
    assert len(lines) == 5
    assert all(json.loads(line) for line in lines)
    assert leaks(log.getvalue()) == []


@pytest.mark.parametrize(
    "repo",
    [
        "https://somebody:hunter2x@example.org/a.git",
        f"https://{CANARIES['github'].secret}@github.com/o/r.git",
        "https://example.org/a.git?access_token=Ab1Cd2Ef3",
    ],
)
def test_a_repository_is_not_named_with_its_secrets(repo: str, one_process_farm) -> None:
    """The farm shows the name with everything it does, so such a request is not accepted."""
    farm = one_process_farm.farm
    request = ChangeRequest(repo=repo, description="x")

    for door in ("terminal", "broker"):
        with pytest.raises(InvalidRequest, match=r"repo: holds a secret \(") as refusal:
            submit.submit(farm, request, door=door)
        assert repo not in str(refusal.value)

    with pytest.raises(InvalidRequest, match="holds a secret"):
        watch_repo.watch(
            farm, Wanted(repo=repo, branch="main", scans=Interval(3600)), by="somebody"
        )
    with farm.database.begin() as connection:
        assert requests.recent(connection, 10) == ()


def test_an_error_of_the_database_does_not_tell_what_it_was_given(farm_with) -> None:
    farm = farm_with(redactor=Redactor(KNOWN.values()))

    with pytest.raises(DBAPIError) as failure, farm.farm.database.begin() as connection:
        connection.execute(text("SELECT CAST(:a AS integer)"), {"a": EVERYTHING})

    assert leaks(f"{failure.value} {failure.value!r}") == []
