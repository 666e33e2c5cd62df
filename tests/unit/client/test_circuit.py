"""The circuit breaker, by a hand clock."""

from __future__ import annotations

import pytest

from selfheal.client.circuit import Circuit
from selfheal.errors import CircuitOpen


class Away(Exception):
    """Nobody answered."""


class HandClock:
    """Time that passes when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(circuit: Circuit, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Away), circuit.guard(Away):
            raise Away


def succeed(circuit: Circuit) -> None:
    with circuit.guard(Away):
        pass


def opened(clock: HandClock) -> Circuit:
    circuit = Circuit("the model", failures=3, open_seconds=10, clock=clock)
    fail(circuit, 3)
    return circuit


def test_failures_in_a_row_open_it() -> None:
    circuit = opened(HandClock())

    with pytest.raises(CircuitOpen, match=r"the model .* in 10"):
        succeed(circuit)
    assert circuit.state == "open"


def test_a_success_between_failures_keeps_it_closed() -> None:
    circuit = Circuit("the model", failures=3)

    fail(circuit, 2)
    succeed(circuit)
    fail(circuit, 2)

    assert circuit.state == "closed"


def test_other_errors_are_no_failures() -> None:
    circuit = Circuit("the model", failures=1)

    with pytest.raises(KeyError), circuit.guard(Away):
        raise KeyError

    assert circuit.state == "closed"


def test_half_open_lets_one_call_through_and_its_success_closes_it() -> None:
    clock = HandClock()
    circuit = opened(clock)
    clock.now = 10

    assert circuit.state == "half_open"
    with circuit.guard(Away), pytest.raises(CircuitOpen):
        succeed(circuit)

    assert circuit.state == "closed"


def test_a_failure_while_half_open_opens_it_again_for_the_whole_time() -> None:
    clock = HandClock()
    circuit = opened(clock)
    clock.now = 10

    fail(circuit)

    assert circuit.state == "open"
    clock.now = 19
    assert circuit.state == "open"
    clock.now = 20
    assert circuit.state == "half_open"


def test_a_late_failure_of_an_earlier_call_does_not_prolong_the_pause() -> None:
    clock = HandClock()
    circuit = Circuit("the model", failures=1, open_seconds=10, clock=clock)

    with pytest.raises(Away), circuit.guard(Away):
        fail(circuit)
        clock.now = 9
        raise Away

    clock.now = 10
    assert circuit.state == "half_open"
