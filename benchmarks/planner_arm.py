"""The Planner Arm's own share of a plan: everything but the model.

    python benchmarks/planner_arm.py [--requests 1000] [--clients 4] [--json]

The service runs behind a real socket, with a database that knows its client's token; its model
answers at once, every fifth time first with a plan that has a circle, so that validation and asking
again are in. Printed beside it: `GET /health`, which is what HTTP alone costs on this machine in
the same run.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import quantiles

import httpx
import structlog
from fastapi import FastAPI

from selfheal.celery import farm_of
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.flows import tokens
from selfheal.llm.model import Answer, Question
from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import PlannerSettings
from selfheal.planning.roster import load_roster
from selfheal.service.app import create_app
from selfheal.service.server import Server, listen
from selfheal.settings import ServiceSettings, Settings
from selfheal.store.migrate import upgrade

ARMS = ("retriever", "coder", "executor", "coder", "judge", "guardian", "judge")


def cut(*, circular: bool) -> str:
    """Seven SubTasks, the most there may be; the first may depend on the last."""
    plan = [
        {
            "step": step,
            "action": f"do part {step} of it",
            "required_arm": arm,
            "acceptance_criteria": ["it is done", "somebody else can see it"],
            "depends_on": [step - 1] if step > 1 else [7] * circular,
            "estimated_cost_tier": 3,
            "estimated_duration_seconds": 60,
        }
        for step, arm in enumerate(ARMS, 1)
    ]
    return json.dumps({"plan": plan, "rationale": "in layers", "confidence": 0.9})


class AtOnce:
    """Answers at once; every fifth plan is circular when it is first asked for."""

    def __init__(self) -> None:
        self._numbers = count()
        self._good, self._bad = cut(circular=False), cut(circular=True)

    def ask(self, question: Question) -> Answer:
        again = any(turn.role == "assistant" for turn in question.messages)
        bad = not again and next(self._numbers) % 5 == 0
        return Answer(text=self._bad if bad else self._good, provider="bench", model="bench")


@contextmanager
def service() -> Iterator[httpx.Client]:
    """Asks a service on loopback, with a token."""
    model = AtOnce()
    arm = PlannerArm(PlannerSettings(), load_roster(), model_for=lambda _: model, first_pause=0.0)
    settings = Settings(service=ServiceSettings(requests_per_minute=1_000_000))
    with (
        tempfile.TemporaryDirectory(prefix="selfheal-bench-") as place,
        start_servers(RunFolder.open(Path(place) / "run")) as servers,
    ):
        farm = farm_of(settings, servers)
        upgrade(farm.database.engine)
        token = tokens.issue(farm, name="bench", role="submitter", by="bench").token
        headers = {"Authorization": f"Bearer {token}"}
        with (
            serving(create_app(farm, arm=arm)) as url,
            httpx.Client(base_url=url, headers=headers, timeout=30) as client,
        ):
            yield client
        farm.database.close()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The URL of `app` on loopback."""
    listening = listen("127.0.0.1", 0)
    server = Server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def milliseconds(send: Callable[[], httpx.Response], *, times: int, clients: int) -> list[float]:
    """How long each of so many requests took, seen from outside."""

    def timed(_: int) -> float:
        began = time.perf_counter()
        send().raise_for_status()
        return 1000 * (time.perf_counter() - began)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(timed, range(times)))


def told(figures: list[float]) -> dict[str, float]:
    """Median and tail."""
    cuts = quantiles(figures, n=100)
    return {
        "p50_ms": round(cuts[49], 2),
        "p95_ms": round(cuts[94], 2),
        "max_ms": round(max(figures), 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    logging.disable()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with service() as client:

        def ask() -> httpx.Response:
            return client.post("/plan", json={"goal": "Add a retry with back-off to the client"})

        for _ in range(20):
            ask()
        found = {
            "plan": told(milliseconds(ask, times=options.requests, clients=options.clients)),
            "health": told(
                milliseconds(
                    lambda: client.get("/health"), times=options.requests, clients=options.clients
                )
            ),
        }
    if options.json:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        print(f"{name:7}", "  ".join(f"{key} {value:8.2f}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
