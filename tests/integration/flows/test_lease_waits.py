"""Two plans want the same symbol: one waits, and keeps nobody from working meanwhile."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from selfheal.contracts import names
from tests.integration.flows.conftest import OneProcessFarm

BROKEN = {
    "shop.py": "def cheapest(prices):\n    return max(prices)\n",
    "test_shop.py": (
        "from shop import cheapest\n\n\n"
        "def test_cheapest():\n    assert cheapest([3, 1, 2]) == 1\n\n\n"
        "def test_only_one():\n    assert cheapest([3]) == 3\n"
    ),
}


def _let_waits_pass(farm: OneProcessFarm) -> None:
    with farm.farm.database.begin() as connection:
        connection.execute(text("UPDATE outbox SET not_before = clock_timestamp()"))


def _plans_of(farm: OneProcessFarm, request_id: UUID) -> list[str]:
    """How the attempts at its plan ended."""
    with farm.farm.database.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT coalesce(ending, 'alive') FROM attempts"
                " WHERE request_id = :id AND work = :work ORDER BY number"
            ),
            {"id": request_id, "work": names.PLAN},
        )
        return [*rows.scalars()]


def test_who_holds_the_symbol_goes_on_while_another_plan_waits_for_it(
    one_process_farm, repository
) -> None:
    farm = one_process_farm
    origin = repository(BROKEN)
    first = farm.submit(origin, description="mend the shop")
    second = farm.submit(origin, description="the shop is broken")

    farm.run()
    _let_waits_pass(farm)
    farm.run()

    assert farm.report(first).cause == "landed"
    assert farm.report(second).cause == "landed"
    *waits, last = _plans_of(farm, second)
    assert waits and {*waits} == {"stopped"} and last == "accepted"


def test_a_plan_that_has_waited_long_enough_ends_with_the_holder_as_its_reason(
    one_process_farm, repository
) -> None:
    farm = one_process_farm
    origin = repository(BROKEN)
    holder = farm.submit(origin, description="mend the shop")
    assert farm.turn()  # it has the symbol now, and goes no further
    waiter = farm.submit(origin, description="the shop is broken")

    for _ in range(40):
        _let_waits_pass(farm)
        farm.turns.waiting = [one for one in farm.turns.waiting if one.request_id != holder]
        farm.turn()

    report = farm.report(waiter)
    assert (report.state, report.cause) == ("FAILED", "try_later")
    assert "shop.cheapest is held by plan" in report.reason
    assert "failed" in _plans_of(farm, waiter) and "stopped" in _plans_of(farm, waiter)
