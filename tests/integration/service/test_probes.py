"""What machines ask the service about itself, and what its log says."""

from __future__ import annotations

from typing import Final, get_args
from uuid import UUID

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from selfheal.contracts.bundle import CodingTask, Complexity, TaskBundle
from selfheal.contracts.decomposition import HealthResponse, PlanRequest, PlanResponse
from selfheal.contracts.plan import Kind
from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.planning.roster import load_roster
from selfheal.store import code_plan_figures, plans
from selfheal.store.code_plan_figures import Making
from tests.integration.serving import Service

GOAL = {"goal": "Add a retry"}
LABELS: Final = get_args(Complexity)


def test_who_probes_needs_no_token_and_who_wants_figures_does(service: Service) -> None:
    reader = service.token("prometheus", "reader")

    with service.http() as nobody, service.http(reader) as http:
        open_to_all = [nobody.get("/health"), nobody.get("/ready")]
        refused = [nobody.get("/metrics"), nobody.get("/capabilities")]
        served = [http.get("/metrics"), http.get("/capabilities")]

    assert [answer.status_code for answer in open_to_all] == [200, 200]
    assert [answer.status_code for answer in refused] == [401, 401]
    assert [answer.status_code for answer in served] == [200, 200]


def test_health_says_who_plans(service: Service) -> None:
    with service.http() as http:
        health = HealthResponse.from_json(http.get("/health").content)

    assert (health.status, health.model) == ("ok", "offline rules")


def test_ready_names_database_broker_and_model(service: Service) -> None:
    with service.http() as http:
        answer = http.get("/ready")

    checks = {"database": True, "broker": True, "model": True}
    assert answer.json() == {"ready": True, "checks": checks}


def test_metrics_count_plans_and_requests_by_their_path_as_it_is_documented(
    service: Service,
) -> None:
    request_id = service.has()

    with service.http() as http:
        http.post("/plan", json=GOAL)
        http.post("/plan", json={})
        http.get(f"/change-requests/{request_id}")
        http.get("/change-requests/seven")
        http.get("/an-invention")
        http.request("INVENTED", "/plan")
        answer = http.get("/metrics")

    assert answer.headers["Content-Type"].startswith("text/plain")
    counted = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in answer.text.split("\n")}
    by_path = {
        'method="POST",path="/plan",status="200"': "1.0",
        'method="POST",path="/plan",status="422"': "1.0",
        'method="GET",path="/change-requests/{request_id}",status="200"': "1.0",
        'method="GET",path="/change-requests/{request_id}",status="422"': "1.0",
        'method="other",path="other",status="404"': "1.0",
        'method="other",path="other",status="405"': "1.0",
    }
    for labels, times in by_path.items():
        assert counted[f"selfheal_http_requests_total{{{labels}}}"] == times
    assert counted['planner_plans_total{result="planned"}'] == "1.0"
    assert counted["planner_plan_seconds_count"] == "1.0"
    assert "invention" not in answer.text.lower()


def test_metrics_tell_of_the_plans_of_the_whole_farm(service: Service) -> None:
    for seconds, steps in ((3.0, 2), (0.2, 1), (40.0, 0)):
        has_planned(service, seconds=seconds, steps=steps)

    with service.http() as http:
        told = dict(line.rsplit(" ", 1) for line in http.get("/metrics").text.splitlines())

    assert told['rp_plans_total{result="planned"}'] == "2.0"
    assert told['rp_plans_total{result="nothing"}'] == "1.0"
    within = {bound: told[f'rp_plan_seconds_bucket{{le="{bound}"}}'] for bound in ("0.5", "5.0")}
    assert within == {"0.5": "1.0", "5.0": "2.0"}
    assert told['rp_plan_seconds_bucket{le="+Inf"}'] == "3.0"
    assert float(told["rp_plan_seconds_sum"]) == pytest.approx(43.2)
    assert told["rp_plan_tokens_total"] == "3600.0"
    assert float(told["rp_plan_usd_total"]) == pytest.approx(0.75)


def test_metrics_tell_of_the_bundles_of_the_whole_farm(service: Service) -> None:
    has_cut(service, seconds=0.2, kinds=("EDIT", "ADD"), labels=("trivial", "complex"))
    has_cut(service, seconds=2.0, kinds=("EDIT",), labels=("trivial",))

    with service.http() as http:
        told = dict(line.rsplit(" ", 1) for line in http.get("/metrics").text.splitlines())

    tasks = {label: f'codeplanner_tasks_total{{complexity_label="{label}"}}' for label in LABELS}
    assert [told[tasks[label]] for label in LABELS] == ["2.0", "0.0", "1.0"]
    assert told['codeplanner_latency_ms_bucket{le="250.0",step_kind="EDIT"}'] == "1.0"
    assert told['codeplanner_latency_ms_bucket{le="+Inf",step_kind="EDIT"}'] == "2.0"
    assert float(told['codeplanner_latency_ms_sum{step_kind="ADD"}']) == pytest.approx(200)
    assert told["codeplanner_rag_docs_fetched_total"] == "6.0"
    assert told['codeplanner_graph_parse_sec_bucket{le="0.5"}'] == "2.0"
    assert float(told["codeplanner_graph_parse_sec_sum"]) == pytest.approx(0.8)
    assert told['codeplanner_cache_hits_total{cache="files"}'] == "190.0"
    assert told['codeplanner_cache_misses_total{cache="files"}'] == "10.0"
    assert told['codeplanner_cache_hits_total{cache="graphs"}'] == "2.0"
    assert told['codeplanner_cache_misses_total{cache="graphs"}'] == "0.0"


def has_cut(
    service: Service, *, seconds: float, kinds: tuple[Kind, ...], labels: tuple[Complexity, ...]
) -> None:
    """A request whose plan was cut into such tasks, two chunks each, after so long."""
    request_id = service.has(description=f"{kinds} in {seconds} s")
    with service.farm.database.begin() as connection:
        plan_id = plans.ask_for(connection, request_id, number=1)
        tasks = tuple(
            CodingTask(
                id=UUID(int=number),
                parent_plan_id=plan_id,
                step_number=number,
                goal="mend it",
                kind=kind,
                paths=("a.py",),
                base_commit_sha="b" * 40,
                blob_ids=("one", "two"),
                complexity_label=label,
            )
            for number, (kind, label) in enumerate(zip(kinds, labels, strict=True), start=1)
        )
        bundle = TaskBundle(plan_id=plan_id, tasks=tasks, base_commit_sha="b" * 40)
        making = Making(
            read_seconds=0.4, hits={"files": 95, "graphs": 1}, misses={"files": 5, "graphs": 0}
        )
        plans.store_bundle(connection, bundle)
        code_plan_figures.note(connection, bundle, making)
        values = {"plan": plan_id, "request": request_id, "seconds": seconds, "kinds": [*kinds]}
        for statement in (
            "INSERT INTO steps (plan_id, step_order, kind, path, goal, depends_on)"
            " SELECT :plan, n, kind, 'a.py', 'mend it', '{}'"
            " FROM unnest(CAST(:kinds AS text[])) WITH ORDINALITY AS one (kind, n)",
            "INSERT INTO attempts (work, subject_id, request_id, number, worker, ending,"
            " started_at, ended_at) VALUES ('selfheal.code_plan', :plan, :request, 1, 'here:1',"
            " 'accepted', now() - make_interval(secs => :seconds), now())",
        ):
            connection.execute(text(statement), values)


def has_planned(service: Service, *, seconds: float, steps: int) -> None:
    """A request whose plan took so long, 1,200 tokens and a quarter of a dollar."""
    request_id = service.has(description=f"{steps} steps in {seconds} s")
    with service.farm.database.begin() as connection:
        plan_id = plans.ask_for(connection, request_id, number=1)
        values = {"plan": plan_id, "request": request_id, "seconds": seconds, "steps": steps}
        for statement in (
            "INSERT INTO steps (plan_id, step_order, kind, path, goal, depends_on)"
            " SELECT :plan, n, 'EDIT', 'a.py', 'mend it', '{}' FROM generate_series(1, :steps) n",
            "INSERT INTO attempts (work, subject_id, request_id, number, worker, ending,"
            " started_at, ended_at) VALUES ('selfheal.plan', :plan, :request, 1, 'here:1',"
            " 'accepted', now() - make_interval(secs => :seconds), now())",
            "INSERT INTO llm_calls (question_id, number, request_id, purpose, prompt, provider,"
            " model, digest, estimated_tokens, reserved_tokens, reserved_usd, deadline_at,"
            " ended_at, outcome, prompt_tokens, completion_tokens, usd) VALUES"
            " (:plan, 1, :request, 'plan', 'plan@1', 'p', 'm', 'd', 1, 1, 1, now(), now(),"
            " 'answered', 1000, 200, 0.25)",
        ):
            connection.execute(text(statement), values)


def test_each_request_is_a_log_line_with_its_status(service: Service) -> None:
    with capture_logs() as lines, service.http() as http:
        http.post("/plan", json={"goal": "the goal is not logged"})
        http.post("/plan", json={})
        http.get("/change-requests?limit=3")
        http.get("/%1b%5b31m")
        service.stop()  # a line is written when its answer has been sent

    told = [(line["action"], line["path"], line["status"], line["service"]) for line in lines]
    assert told == [
        ("http.request", "/plan", 200, "selfheal"),
        ("http.request", "/plan", 422, "selfheal"),
        ("http.request", "/change-requests", 200, "selfheal"),
        ("http.request", "/%1B%5B31m", 404, "selfheal"),
    ]
    assert "the goal" not in str(lines)
    assert "limit" not in str(lines)


def test_a_defect_shows_nothing_of_itself_but_in_the_log(service_with) -> None:
    class Broken(PlannerArm):
        def answer(self, request: PlanRequest) -> PlanResponse:
            raise RuntimeError("inside")

    service = service_with(arm=Broken(PlannerSettings(), load_roster()))

    with capture_logs() as lines, service.http() as http:
        answer = http.post("/plan", json=GOAL)
        counted = http.get("/metrics").text
        service.stop()

    assert answer.status_code == 500
    message = "a defect of selfheal: the service's log has more"
    assert answer.json() == {"error": "Defect", "message": message}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [line["action"] for line in lines] == ["http.defect", "http.request", "http.request"]
    assert str(lines[0]["exc_info"]) == "inside"
    assert 'path="/plan",status="500"} 1.0' in counted


@pytest.mark.parametrize(
    ("listed", "allowed"), [((), None), (("https://a.example",), "https://a.example")]
)
def test_pages_may_call_only_from_listed_origins(
    service_with, listed: tuple[str, ...], allowed: str | None
) -> None:
    arm = PlannerArm(PlannerSettings(cors_origins=listed), load_roster())

    with service_with(arm=arm).http() as http:
        listed_answer = http.get("/health", headers={"Origin": "https://a.example"})
        other_answer = http.get("/health", headers={"Origin": "https://b.example"})
        without_token = http.get("/change-requests", headers={"Origin": "https://a.example"})

    assert listed_answer.headers.get("access-control-allow-origin") == allowed
    assert "access-control-allow-origin" not in other_answer.headers
    assert without_token.status_code == 401
