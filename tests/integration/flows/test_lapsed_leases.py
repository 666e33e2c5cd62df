"""A landing whose plan's leases lapsed on the way: nobody renewed them for as long as they live."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from selfheal.contracts import names
from selfheal.contracts.plan import Symbol
from selfheal.leases import reservations
from tests.integration.flows.conftest import OneProcessFarm, refs_of

BROKEN = {
    "shop.py": "def cheapest(prices):\n    return max(prices)\n",
    "test_shop.py": (
        "from shop import cheapest\n\n\n"
        "def test_cheapest():\n    assert cheapest([3, 1, 2]) == 1\n\n\n"
        "def test_only_one():\n    assert cheapest([3]) == 3\n"
    ),
}
SYMBOL = Symbol(fq_name="shop.cheapest", kind="function", file_path="shop.py")


def _work_until_landing(farm: OneProcessFarm) -> None:
    farm.farm.flush()
    while farm.turns.waiting[0].task_name != names.LAND:
        assert farm.turn()
        farm.farm.flush()


def _let_leases_lapse(farm: OneProcessFarm) -> None:
    with farm.farm.database.begin() as connection:
        lapsed = connection.execute(
            text("UPDATE leases SET expires_at = clock_timestamp() WHERE state = 'held'")
        )
        assert lapsed.rowcount > 0
        reservations.expire(connection)


def _reserved_by_another_plan(farm: OneProcessFarm, repo: str) -> UUID:
    other = uuid4()
    with farm.farm.database.begin() as connection:
        reservations.reserve(connection, repo=repo, branch="main", symbols=[SYMBOL], plan_id=other)
    return other


def test_what_another_plan_has_taken_meanwhile_does_not_land(one_process_farm, repository) -> None:
    farm = one_process_farm
    origin = repository(BROKEN)
    request_id = farm.submit(origin)
    _work_until_landing(farm)
    _let_leases_lapse(farm)
    other = _reserved_by_another_plan(farm, str(origin))

    farm.run()

    report = farm.report(request_id)
    assert (report.state, report.cause) == ("FAILED", "try_later")
    assert "shop.cheapest" in report.reason and str(other) in report.reason
    assert f"refs/heads/selfheal/{request_id}" not in refs_of(origin)


@pytest.mark.slow
def test_what_nobody_has_taken_is_reserved_anew_and_lands(one_process_farm, repository) -> None:
    farm = one_process_farm
    origin = repository(BROKEN)
    request_id = farm.submit(origin)
    _work_until_landing(farm)
    _let_leases_lapse(farm)

    farm.run()

    assert farm.report(request_id).cause == "landed"
    with farm.farm.database.begin() as connection:
        ends = connection.execute(text("SELECT state FROM leases ORDER BY token")).scalars().all()
    assert {"expired", "claimed"} <= {*ends} and "held" not in ends
