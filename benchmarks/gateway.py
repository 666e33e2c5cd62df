"""What the gateway adds to a call, and whether racing workers keep to a hard cap.

    python benchmarks/gateway.py [--calls 40] [--think 1.0] [--json]

Own share: a planner-sized question (24 kB in, 2 kB out, streamed) to a scripted server on the
loopback, total minus what the server took, by 1, 8 and 32 client threads; beside it, in the same
run and by turns, the bare SDK with the same question. On a busy machine trust the ratio of CPU: a
process that gets less than its clients need has a queue, and shows its length instead. Cap: sixteen
processes spend one request's tokens and dollars until they are refused; what the server has counted
is compared with the caps. Starts its own PostgreSQL; commits wait for its disk as in a farm.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median, quantiles
from uuid import UUID

from openai import OpenAI
from sqlalchemy import create_engine

from selfheal.contracts.change_request import Budget, ChangeRequest
from selfheal.embedded.provider import start_servers
from selfheal.embedded.run_folder import RunFolder
from selfheal.errors import BudgetSpent
from selfheal.llm.gateway import Gateway
from selfheal.llm.model import Message, Question
from selfheal.redaction import Redactor
from selfheal.settings import LlmSettings
from selfheal.store import budgets, requests
from selfheal.store.database import Database
from selfheal.store.migrate import upgrade

CLIENTS = (1, 8, 32)
RACERS = 16
CALLS_A_TURN = 4
PIECES = 20
MAX_TOKENS = 500
PROMPT_TOKENS = 8000
TOKENS_CAP, USD_CAP = 200_000, 1.0
PRICES = {"planner": (10.0, 40.0)}  # dollars per million: the caps strike at different calls

SYSTEM = "You plan changes of code. Answer with steps, each with its symbols and its tests. " * 20
CODE = (
    "def total(items: list[Item]) -> int:\n    return sum(item.price for item in items)\n\n" * 260
)
MESSAGES = (Message("system", SYSTEM), Message("user", CODE))
ANSWER = '{"title": "step", "why": "because"}, ' * 54


class Endpoint(BaseHTTPRequestHandler):
    """Thinks, streams an answer, and says at its end how long it took and what it cost."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the last piece waits 40 ms for the client's kernel
    think = 0.0

    def do_POST(self) -> None:
        began = time.perf_counter()
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(self.think)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        size = len(ANSWER) // PIECES
        for start in range(0, len(ANSWER), size):
            self.say({"content": ANSWER[start : start + size]}, None)
        self.say({"content": f"took {time.perf_counter() - began}"}, "stop")
        usage = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": MAX_TOKENS, "total_tokens": 0}
        self.event({"choices": [], "usage": usage})
        self.chunk(b"data: [DONE]\n\n")
        self.chunk(b"")

    def say(self, delta: dict[str, str], finish: str | None) -> None:
        self.event({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def event(self, fields: dict[str, object]) -> None:
        whole = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", **fields}
        self.chunk(f"data: {json.dumps(whole)}\n\n".encode())

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, format: str, *arguments: object) -> None:
        del format, arguments


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        del request, client_address  # a racer that ends resets its connections


def serve(pipe: Pipe, think: float) -> None:
    """The endpoint's process: says its port, and ends when the pipe does."""
    Endpoint.think = think
    server = _Server(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send(server.server_port)
    pipe.recv()


@contextmanager
def endpoint(think: float) -> Iterator[str]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, think))
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        ours.send(None)
        process.join()


def settings_for(url: str) -> LlmSettings:
    return LlmSettings(
        base_url=url,
        api_key="secret-of-the-benchmark",
        model="planner",
        max_tokens=MAX_TOKENS,
        max_concurrent=64,
        prices=PRICES,
    )


def question() -> Question:
    return Question(purpose="plan", messages=MESSAGES, prompt="benchmark@1")


def own_seconds(ask: Callable[[], str]) -> float:
    """Seconds of one call beyond those that the server took."""
    began = time.perf_counter()
    text = ask()
    return time.perf_counter() - began - float(text.rpartition("took ")[2])


@dataclass(frozen=True)
class Share:
    """One side's own share of a call, milliseconds."""

    p50: float
    p95: float
    cpu: float

    @classmethod
    def of(cls, seconds: list[float], cpu_seconds: float) -> Share:
        cuts = quantiles(seconds, n=20)
        return cls(
            p50=round(median(seconds) * 1000, 2),
            p95=round(cuts[18] * 1000, 2),
            cpu=round(cpu_seconds / len(seconds) * 1000, 2),
        )


def shares(
    sides: dict[str, Callable[[], str]], clients: int, *, calls: int, think: float
) -> dict[str, Share]:
    """Every side, by turns, so that a busy machine slows both alike."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    cpu = dict.fromkeys(sides, 0.0)

    def client(ask: Callable[[], str], place: int) -> list[float]:
        # Clients of a farm do not begin at the same moment.
        time.sleep(think * place / clients)
        return [own_seconds(ask) for _ in range(CALLS_A_TURN)]

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(-(-calls // (clients * CALLS_A_TURN))):
            for name, ask in sides.items():
                began = time.process_time()
                for seconds in pool.map(client, [ask] * clients, range(clients)):
                    found[name] += seconds
                cpu[name] += time.process_time() - began
    return {name: Share.of(seconds, cpu[name]) for name, seconds in found.items()}


def measure_shares(url: str, database: Database, *, calls: int, think: float) -> dict[str, object]:
    bare = OpenAI(base_url=url, api_key="secret-of-the-benchmark", max_retries=0)
    with Gateway(settings_for(url), database, Redactor.from_environment({})) as gateway, bare:
        model = gateway.on_behalf_of(accepted(database, Budget()))
        sides = {"gateway": lambda: model.ask(question()).text, "bare SDK": lambda: said(bare)}
        result: dict[str, object] = {}
        for clients in CLIENTS:
            shares(sides, clients, calls=1, think=think)  # opens every connection
            found = shares(sides, clients, calls=calls, think=think)
            ours, theirs = found["gateway"], found["bare SDK"]
            result[f"{clients} clients"] = {
                **{f"{name}, own p50 ms": share.p50 for name, share in found.items()},
                **{f"{name}, own p95 ms": share.p95 for name, share in found.items()},
                **{f"{name}, CPU ms per call": share.cpu for name, share in found.items()},
                "ratio of p50": round(ours.p50 / theirs.p50, 2),
                "ratio of p95": round(ours.p95 / theirs.p95, 2),
                "ratio of CPU": round(ours.cpu / theirs.cpu, 2),
            }
    return result


def said(client: OpenAI) -> str:
    stream = client.chat.completions.create(
        model="planner",
        messages=[{"role": one.role, "content": one.content} for one in MESSAGES],
        max_tokens=MAX_TOKENS,
        temperature=0.1,
        stream=True,
        stream_options={"include_usage": True},
    )
    return "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)


def accepted(database: Database, budget: Budget) -> UUID:
    request = ChangeRequest(repo="/r", description=f"{budget}", source="cli", budget=budget)
    with database.begin() as connection:
        return requests.accept(connection, request).id


def meet(barrier: Barrier) -> None:
    """Give each racer the place where all of them begin."""
    global _barrier
    _barrier = barrier


def race(url: str, database_url: str, request_id: UUID) -> int:
    """One racer: ask until the budget is spent; how many answers it got."""
    database = Database(database_url, pool_size=1)
    with Gateway(settings_for(url), database, Redactor()) as gateway:
        model, got = gateway.on_behalf_of(request_id), 0
        _barrier.wait()
        try:
            while True:
                model.ask(question())
                got += 1
        except BudgetSpent:
            return got
        finally:
            database.close()


def measure_cap(url: str, database: Database) -> dict[str, object]:
    result: dict[str, object] = {}
    caps = {"tokens": Budget(tokens=TOKENS_CAP), "usd": Budget(usd=USD_CAP)}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        RACERS, context, initializer=meet, initargs=(context.Barrier(RACERS),)
    ) as pool:
        for what, budget in caps.items():
            request_id = accepted(database, budget)
            futures = [pool.submit(race, url, database.url, request_id) for _ in range(RACERS)]
            answers = sum(future.result() for future in futures)
            with database.begin() as connection:
                counted = getattr(budgets.used(connection, request_id), what)
            cap = getattr(budget, what)
            price_in, price_out = PRICES["planner"]
            each = {
                "tokens": PROMPT_TOKENS + MAX_TOKENS,
                "usd": (PROMPT_TOKENS * price_in + MAX_TOKENS * price_out) / 1_000_000,
            }[what]
            result[f"cap of {cap} {what}, {RACERS} processes"] = {
                "answers": answers,
                "spent as the server counts": round(answers * each, 4),
                "spent as the farm counts": round(counted, 4),
                "share of the cap used": round(answers * each / cap, 3),
                "beyond the cap": round(max(answers * each - cap, 0), 4),
            }
    return result


def benchmark(calls: int, think: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="selfheal-bench-") as place:
        folder = RunFolder.open(Path(place) / "run")
        with start_servers(folder) as servers, endpoint(think) as slow, endpoint(0.05) as quick:
            engine = create_engine(servers.database_url)
            upgrade(engine)
            engine.dispose()
            database = Database(servers.database_url, pool_size=32)
            try:
                return {
                    "think seconds": think,
                    **measure_shares(slow, database, calls=calls, think=think),
                    **measure_cap(quick, database),
                }
            finally:
                database.close()


def show(result: dict[str, object]) -> None:
    for name, value in result.items():
        if isinstance(value, dict):
            print(name)
            for figure, amount in value.items():
                print(f"    {figure:28} {amount:>12,}")
        else:
            print(f"{name:32} {value:>12}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=40, help="of each side, at the least")
    parser.add_argument("--think", type=float, default=1.0, help="seconds the server takes")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    result = benchmark(arguments.calls, arguments.think)
    print(json.dumps(result)) if arguments.json else show(result)


if __name__ == "__main__":
    main()
