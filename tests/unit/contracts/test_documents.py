"""Documents: exact about their fields, equal after a round trip, refused with the field's name."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from selfheal.contracts.bundle import CodingTask, TaskBundle
from selfheal.contracts.change_request import ChangeRequest, normalise_failure
from selfheal.contracts.commit_result import CommitResult
from selfheal.contracts.plan import Plan, Step, Symbol
from selfheal.contracts.run_report import END_STATES, TRANSITIONS, RunReport
from selfheal.contracts.schema import DOCUMENTS, schema_of

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
_PATH = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,2}\.py", fullmatch=True)
_SYMBOL = st.builds(
    Symbol, fq_name=_TEXT, kind=st.sampled_from(["module", "function"]), file_path=_PATH
)


@st.composite
def _plans(draw: st.DrawFn) -> Plan:
    size = draw(st.integers(0, 5))
    steps = tuple(
        draw(
            st.builds(
                Step,
                order=st.just(order),
                goal=_TEXT,
                kind=st.sampled_from(["ADD", "EDIT", "REMOVE", "REFACTOR"]),
                path=_PATH,
                symbols=st.lists(_SYMBOL, max_size=2).map(tuple),
                depends_on=st.just(tuple(range(1, order))[-2:]),
            )
        )
        for order in range(1, size + 1)
    )
    return Plan(
        id=uuid4(),
        parent_request_id=uuid4(),
        steps=steps,
        base_commit_sha="a" * 40,
        planner="test",
        rationale=tuple(draw(st.lists(_TEXT, max_size=3))),
    )


@settings(max_examples=50)
@given(
    st.builds(
        ChangeRequest,
        repo=st.from_regex(r"https://[a-z]{1,9}\.org/[a-z]{1,9}", fullmatch=True),
        description=_TEXT,
        constraints=st.lists(_TEXT, max_size=3).map(tuple),
        context=st.dictionaries(_TEXT, st.one_of(st.none(), st.integers(), _TEXT), max_size=3),
        priority=st.integers(0, 9),
        spdx_tags=st.lists(_TEXT, max_size=2).map(tuple),
    )
)
def test_a_change_request_survives_the_wire(request_: ChangeRequest) -> None:
    assert ChangeRequest.from_json(request_.to_json()) == request_


@settings(max_examples=30)
@given(_plans())
def test_a_plan_survives_the_wire(plan: Plan) -> None:
    assert Plan.from_json(plan.to_json()) == plan


def test_every_document_has_a_schema_that_refuses_unknown_fields() -> None:
    for name in DOCUMENTS:
        schema = schema_of(name)
        assert schema["title"] == name
        assert schema["additionalProperties"] is False
        assert "schema_version" in schema["properties"]
        json.dumps(schema)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"priority": 10}, "priority"),
        ({"repo": ""}, "repo"),
        ({"repo": "--upload-pack=touch"}, "repo"),
        ({"branch": "a\nb"}, "branch"),
        ({"affected_paths": ("../x.py",)}, "affected_paths"),
        ({"affected_paths": ("/etc/passwd",)}, "affected_paths"),
        ({"description": ""}, "description"),
        ({"description": "a\0b"}, "description"),
        ({"failing_tests": ("a\0b",)}, "failing_tests"),
        ({"context": {"a": [{"b\0": 1}]}}, "context"),
        ({"source": "mail"}, "source"),
        ({"budget": {"usd": -1}}, "budget"),
        ({"budget": {"usd": float("inf")}}, "budget"),
        ({"budget": {"tokens": 10**400}}, "budget"),
        ({"colour": "red"}, "colour"),
        ({"schema_version": 2}, "schema_version"),
    ],
)
def test_a_wrong_field_is_named(wrong: dict[str, object], field: str) -> None:
    good = {"repo": "https://example.org/x", "description": "y"}

    with pytest.raises(ValidationError) as refused:
        ChangeRequest.model_validate(good | wrong)

    assert refused.value.errors()[0]["loc"][0] == field


def test_a_request_that_could_not_be_read_again_is_refused() -> None:
    nested: list[object] = []
    for _ in range(300):
        nested = [nested]

    for value in (nested, 10**5_000):
        with pytest.raises(ValidationError):
            ChangeRequest(repo="/x", description="y", context={"a": value})


def test_a_document_cannot_be_changed() -> None:
    request = ChangeRequest(repo="/x", description="y")

    with pytest.raises(ValidationError):
        request.priority = 1


def test_repeats_of_one_failure_have_one_fingerprint() -> None:
    def occurrence(line: int, address: str) -> ChangeRequest:
        trace = f'File "a.py", line {line}, in f\nValueError: <X object at {address}>'
        return ChangeRequest(repo="/x", description="y", traceback=trace)

    first, second = occurrence(3, "0x7f01"), occurrence(9, "0x7fff")
    assert first.id != second.id
    assert first.fingerprint == second.fingerprint
    other = ChangeRequest(repo="/x", description="y", traceback="KeyError: 'z'")
    assert other.fingerprint != first.fingerprint


def test_the_same_failure_at_another_commit_is_another_one() -> None:
    def at(sha: str) -> str:
        return ChangeRequest(repo="/x", description="y", context={"base_sha": sha}).fingerprint

    assert at("a" * 40) != at("b" * 40)


def test_what_differs_between_occurrences_is_masked() -> None:
    text = "at 2026-01-02T03:04:05Z id 123e4567-e89b-12d3-a456-426614174000 line 42"

    assert normalise_failure(text) == "at # id # line #"


def test_steps_count_up_and_depend_backward() -> None:
    def step(order: int, *after: int) -> Step:
        return Step(order=order, goal="g", kind="EDIT", path="a.py", depends_on=after)

    with pytest.raises(ValidationError, match="earlier steps only"):
        step(1, 1)
    with pytest.raises(ValidationError, match=r"1\.\.n"):
        Plan(
            id=uuid4(),
            parent_request_id=uuid4(),
            steps=(step(2),),
            base_commit_sha="a",
            planner="t",
        )


def test_a_bundle_is_closed_under_its_dependencies() -> None:
    task = CodingTask(
        id=uuid4(),
        parent_plan_id=uuid4(),
        step_number=1,
        goal="g",
        kind="EDIT",
        paths=("a.py",),
        depends_on=(uuid4(),),
        base_commit_sha="a",
    )

    with pytest.raises(ValidationError, match="not in this bundle"):
        TaskBundle(plan_id=task.parent_plan_id, tasks=(task,), base_commit_sha="a")


def test_a_bundle_has_no_cycle() -> None:
    ids = [uuid4() for _ in range(3)]
    tasks = tuple(
        CodingTask(
            id=ids[index],
            parent_plan_id=ids[0],
            step_number=index + 1,
            goal="g",
            kind="EDIT",
            paths=("a.py",),
            depends_on=(ids[index - 1],),
            base_commit_sha="a",
        )
        for index in range(3)
    )

    with pytest.raises(ValidationError, match=r"in a cycle: .* -> .* -> .* -> "):
        TaskBundle(plan_id=ids[0], tasks=tasks, base_commit_sha="a")


def test_a_request_that_no_queue_would_take_is_refused_where_it_is_made() -> None:
    with pytest.raises(ValidationError, match="at most 900,000 bytes"):
        ChangeRequest(repo="/x", description="y", context={"log": "z" * 1_000_000})


def test_a_result_that_is_no_success_needs_a_reason() -> None:
    with pytest.raises(ValidationError, match="needs a reason"):
        CommitResult(task_id=uuid4(), status="HARD_FAIL")
    with pytest.raises(ValidationError, match="needs the commit"):
        CommitResult(task_id=uuid4(), status="SUCCESS")


def test_a_report_needs_a_reason() -> None:
    with pytest.raises(ValidationError):
        RunReport(request_id=uuid4(), state="DONE", cause="landed", reason="")


def test_every_state_leads_to_an_end_and_no_end_leads_on() -> None:
    assert set(TRANSITIONS) >= END_STATES
    for state, following in TRANSITIONS.items():
        if state in END_STATES:
            assert not following
        else:
            assert following >= END_STATES
            assert state not in following
