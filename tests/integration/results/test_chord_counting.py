"""In whatever order parts, copies of them and the size come: one body, its values in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from uuid import uuid4

from celery import states
from celery.app.task import Context
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selfheal.results import statements
from selfheal.results.backend import PostgresBackend

Sent = Callable[[], dict[str, list[object]]]

THREADS = 6


@dataclass(frozen=True)
class Chord:
    """A chord as a client opens it; this test is the workers."""

    backend: PostgresBackend
    group_id: str
    body_id: str
    size: int

    def request(self, index: int) -> Context:
        """What a worker knows of header task `index`."""
        return Context(
            id=f"{self.group_id}-{index}",
            task="header",
            group=self.group_id,
            group_index=index,
            chord=self.backend.app.signature("body", task_id=self.body_id),
            errbacks=[],
            chain=None,
        )

    def end(self, index: int) -> None:
        request = self.request(index)
        self.backend.mark_as_done(request.id, f"value {index}", request=request)

    def fail(self, index: int) -> None:
        request = self.request(index)
        self.backend.mark_as_failure(request.id, ValueError(index), request=request)

    def set_size(self) -> None:
        self.backend.set_chord_size(self.group_id, self.size)

    @property
    def state(self) -> str:
        (row,) = self.backend.pool.rows(
            "SELECT state FROM selfheal_results.chords WHERE group_id = %(id)s",
            {"id": self.group_id},
        )
        return str(row["state"])


def opened(backend: PostgresBackend, size: int) -> Chord:
    chord = Chord(backend, group_id=str(uuid4()), body_id=str(uuid4()), size=size)
    body = backend.app.signature("body", task_id=chord.body_id)
    backend.apply_chord((chord.group_id, []), body)
    return chord


EVENTS = st.integers(1, 7).flatmap(
    lambda size: st.tuples(
        st.just(size),
        st.lists(st.integers(0, size - 1), max_size=8),
        st.randoms(use_true_random=False),
    )
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(events=EVENTS)
def test_one_body_is_sent_with_the_values_in_order(
    backend: PostgresBackend,
    sent: Sent,
    events: tuple[int, list[int], Random],
) -> None:
    size, copies, random = events
    chord = opened(backend, size)
    steps: list[Callable[[], None]] = [
        chord.set_size,
        *(lambda index=index: chord.end(index) for index in (*range(size), *copies)),
    ]
    random.shuffle(steps)

    with ThreadPoolExecutor(THREADS) as threads:
        for ended in [threads.submit(step) for step in steps]:
            ended.result()

    assert sent() == {chord.body_id: [[f"value {index}" for index in range(size)]]}
    assert chord.state == "published"


def test_the_last_parts_at_once_send_one_body(backend: PostgresBackend, sent: Sent) -> None:
    chords = [opened(backend, 2) for _ in range(40)]
    for chord in chords:
        chord.set_size()

    with ThreadPoolExecutor(THREADS) as threads:
        list(
            threads.map(lambda step: step[0].end(step[1]), [(c, i) for c in chords for i in (0, 1)])
        )

    assert Counter({body: len(values) for body, values in sent().items()}) == Counter(
        {chord.body_id: 1 for chord in chords}
    )


def test_a_chord_with_a_failed_part_sends_no_body(backend: PostgresBackend, sent: Sent) -> None:
    chord = opened(backend, 2)
    chord.set_size()

    chord.fail(1)
    waiting = chord.state
    chord.end(0)

    assert (waiting, chord.state) == ("open", "failed")
    assert sent() == {}
    assert backend.get_state(chord.body_id) == states.FAILURE


def test_a_chord_applied_again_counts_from_nothing(backend: PostgresBackend, sent: Sent) -> None:
    chord = opened(backend, 2)
    chord.end(0)
    body = backend.app.signature("body", task_id=chord.body_id)

    backend.apply_chord((chord.group_id, []), body)
    chord.set_size()
    chord.end(1)
    half = sent()
    chord.end(0)

    assert half == {}
    assert sent() == {chord.body_id: [["value 0", "value 1"]]}


def test_an_added_part_is_waited_for(backend: PostgresBackend, sent: Sent) -> None:
    chord = opened(backend, 1)
    chord.set_size()

    backend.add_to_chord(chord.group_id, None)
    chord.end(0)
    before = sent()
    chord.end(1)

    assert before == {}
    assert sent() == {chord.body_id: [["value 0", "value 1"]]}


def test_result_and_part_become_true_together(backend: PostgresBackend) -> None:
    """Else a worker that dies between the two leaves a result whose part no copy returns."""
    chord = opened(backend, 2)
    request = chord.request(0)

    chord.end(0)

    (row,) = backend.pool.rows(
        "SELECT r.xmin = p.xmin AS together FROM selfheal_results.results r"
        " JOIN selfheal_results.chord_parts p USING (task_id) WHERE task_id = %(id)s",
        {"id": request.id},
    )
    assert row["together"]


def test_a_part_whose_answer_was_lost_finds_its_own_claim(backend: PostgresBackend) -> None:
    chord = opened(backend, 1)
    chord.set_size()
    part = backend._part(chord.request(0), states.SUCCESS, "value")
    assert part is not None

    first = backend.pool.rows(statements.COUNT_PART, part.values())
    again = backend.pool.rows(statements.COUNT_PART, part.values())
    other = backend.pool.rows(statements.COUNT_PART, {**part.values(), "token": "another"})

    assert [row["claimed"] for row in (*first, *again)] == [True, True]
    assert other == []
