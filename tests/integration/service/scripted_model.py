"""An endpoint that answers chat completions by a script, and a model that asks it over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from selfheal.errors import InvalidAnswer, ModelUnavailable
from selfheal.llm.model import Answer, Question


@dataclass(frozen=True)
class Reply:
    """One answer of the endpoint: its text, its status, why it ended, and whether it comes late."""

    text: str = ""
    status: int = 200
    finish_reason: str = "stop"
    late: bool = False


@dataclass
class Script:
    """Replies by goal, each given once, the last of them for ever."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reply_to(self, body: dict[str, Any]) -> Reply:
        said = next(turn["content"] for turn in body["messages"] if turn["role"] == "user")
        inside = said.partition("\n")[2].rpartition("\n")[0]  # of the fence's two marks
        goal = json.loads(inside)["goal"]
        with self._lock:
            self.asked.append(body)
            waiting = self.replies[goal]
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def scripted_endpoint(script: Script) -> Iterator[str]:
    """The endpoint's URL; what was to come late comes when the context ends, if anybody listens."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            reply = script.reply_to(json.loads(self.rfile.read(length)))
            if reply.late:
                script.over.wait(60)
            choice = {"message": {"content": reply.text}, "finish_reason": reply.finish_reason}
            payload = json.dumps({"choices": [choice]}).encode()
            try:
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="scripted-model")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        script.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class HttpModel:
    """Asks the endpoint at `url` once for each question: no provider chain, no retries."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url)

    def close(self) -> None:
        self._http.close()

    def ask(self, question: Question) -> Answer:
        turns = [{"role": turn.role, "content": turn.content} for turn in question.messages]
        try:
            response = self._http.post(
                "/v1/chat/completions",
                json={"model": "script", "messages": turns},
                timeout=question.deadline_seconds,
            )
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise ModelUnavailable(f"script: {error or type(error).__name__}") from error
        choice = response.json()["choices"][0]
        if choice["finish_reason"] == "length":
            raise InvalidAnswer("cut", "it ended in the middle: be shorter")
        return Answer(text=choice["message"]["content"], provider="script", model="script")
