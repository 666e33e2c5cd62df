"""An endpoint on the loopback that does what a script says, one step per call, with a journal."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One call, in the hands of a step."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.endpoint.asked.append(asked)
        self.server.endpoint.headers.append({k.lower(): v for k, v in self.headers.items()})
        self.server.endpoint.next_step()(self)

    def do_GET(self) -> None:
        self.json(200, {"object": "list", "data": []})

    def json(self, status: int, body: Any, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def open_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()

    def event(self, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()

    def piece(self, delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self.event({**CHUNK, "choices": [choice]})

    def drop(self) -> None:
        """Close with a reset, as a process that is killed does."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.rfile.close()
        self.connection.close()

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):  # dropped, or the client has gone
            return

    def log_message(self, format: str, *arguments: Any) -> None:
        del format, arguments


CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    endpoint: Endpoint

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address  # a client that ends a call is no fault


@dataclass
class Endpoint:
    """`script` holds the steps of the next calls, `always` the one of all others."""

    url: str = ""
    script: deque[Step] = field(default_factory=deque)
    always: Step | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    """Set when the endpoint goes away: whoever is silent or drips ends then."""
    _taking: threading.Lock = field(default_factory=threading.Lock)

    def will(self, *steps: Step) -> None:
        self.script.extend(steps)

    def next_step(self) -> Step:
        with self._taking:
            if self.script:
                return self.script.popleft()
        assert self.always is not None, "the script is at its end"
        return self.always

    def said(self, number: int = -1) -> str:
        """The last turn of a call."""
        return str(self.asked[number]["messages"][-1]["content"])


@contextmanager
def serving() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    server = _Server(("127.0.0.1", 0), Exchange)
    server.endpoint = endpoint
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def says(text: str, *, tokens: tuple[int, int] | None = (10, 5), finish: str = "stop") -> Step:
    def step(exchange: Exchange) -> None:
        exchange.open_stream()
        middle = len(text) // 2
        exchange.piece({"role": "assistant", "content": text[:middle]})
        exchange.piece({"content": text[middle:]})
        exchange.piece({}, finish)
        if tokens is not None:
            spent = {
                "prompt_tokens": tokens[0],
                "completion_tokens": tokens[1],
                "total_tokens": sum(tokens),
            }
            exchange.event({**CHUNK, "choices": [], "usage": spent})
        exchange.event("[DONE]")

    return step


def answers(status: int, message: str = "no", **headers: str) -> Step:
    """An error in JSON, as OpenAI's endpoints write one."""
    return lambda exchange: exchange.json(status, {"error": {"message": message}}, **headers)


def refuses(why: str) -> Step:
    def step(exchange: Exchange) -> None:
        exchange.open_stream()
        exchange.piece({"role": "assistant", "refusal": why})
        exchange.piece({}, "stop")
        exchange.event("[DONE]")

    return step


def drops(exchange: Exchange) -> None:
    exchange.drop()


def breaks_off(exchange: Exchange) -> None:
    exchange.open_stream()
    exchange.piece({"role": "assistant", "content": "half an"})
    exchange.drop()


def ends_early(exchange: Exchange) -> None:
    """The stream ends in good order, the answer does not."""
    exchange.open_stream()
    exchange.piece({"role": "assistant", "content": "half an"})
    exchange.event("[DONE]")


def fails_in_the_stream(exchange: Exchange) -> None:
    exchange.open_stream()
    exchange.piece({"role": "assistant", "content": "half an"})
    exchange.event({"error": {"message": "out of memory", "code": 500}})


def is_silent(exchange: Exchange) -> None:
    exchange.server.endpoint.ended.wait(60)
    exchange.drop()


def falls_silent(exchange: Exchange) -> None:
    exchange.open_stream()
    exchange.piece({"role": "assistant", "content": "let me"})
    is_silent(exchange)


def drips(exchange: Exchange) -> None:
    """A sign of life now and then, and never an end."""
    exchange.open_stream()
    while not exchange.server.endpoint.ended.wait(0.05):
        exchange.piece({"content": "."})


def babbles(exchange: Exchange) -> None:
    exchange.open_stream()
    exchange.event("{this is no JSON")


def answers_in_html(exchange: Exchange) -> None:
    exchange.json(502, b"<html>Bad Gateway</html>")
