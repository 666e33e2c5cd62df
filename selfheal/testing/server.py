"""A model endpoint on loopback that replays answers, and fails on demand.

    with replay_server([Step(answer="4", when=When(user="2 + 2"))]) as server:
        client = OpenAI(base_url=server.url, api_key="any")

Everything goes through a real socket, one thread per connection.
"""

from __future__ import annotations

import math
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any, Final, Self

from selfheal.errors import ServerUnavailable
from selfheal.redaction import Redactor
from selfheal.testing.endpoint import Call, Endpoint, Entry
from selfheal.testing.recording import RecordedAnswers, read_recording
from selfheal.testing.script import Script, ScriptedAnswers, Step
from selfheal.testing.upstream import Recorder
from selfheal.testing.wire import Delivery, error_reply

_LARGEST_BODY: Final = 32 << 20


class ReplayServer:
    """An `Endpoint` that listens on loopback, from when its context begins until it ends.

    `port` 0 takes a free one. Raises ServerUnavailable where the port is taken. Closing it ends
    every connection at once, also one that is in the midst of a slow fault.
    """

    def __init__(self, endpoint: Endpoint, *, port: int = 0) -> None:
        self._endpoint = endpoint
        try:
            self._listener = _Listener(("127.0.0.1", port), endpoint.respond)
        except OSError as error:
            raise ServerUnavailable(f"port {port} cannot be listened on: {error}") from error
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.05,), name="replay-server", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._listener.shutdown()
        self._listener.end_connections()
        self._listener.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The `base_url` of a client."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}/v1"

    @property
    def journal(self) -> tuple[Entry, ...]:
        """What was asked so far, and what came of it."""
        return self._endpoint.journal

    def complaints(self) -> tuple[str, ...]:
        """What was not used, and what could not be answered."""
        return self._endpoint.complaints()

    def assert_all_used(self) -> None:
        """Raise AssertionError unless all was used and every request had an answer."""
        complaints = self.complaints()
        if complaints:
            raise AssertionError("\n".join(complaints))


@contextmanager
def replay_server(
    script: Script | Sequence[Step] = (),
    *,
    recording: Path | None = None,
    api_key: str | None = None,
    strict: bool = False,
    port: int = 0,
) -> Iterator[ReplayServer]:
    """A server that answers what was recorded by digest, else by the script, else with an error.

    A `strict` one raises AssertionError at its end, as `assert_all_used` does.
    """
    script = script if isinstance(script, Script) else Script(steps=tuple(script))
    recorded = (RecordedAnswers(read_recording(recording)),) if recording else ()
    endpoint = Endpoint(
        (*recorded, ScriptedAnswers(script)),
        models=script.models,
        embeddings=script.embeddings,
        api_key=api_key,
    )
    with ReplayServer(endpoint, port=port) as server:
        yield server
        if strict:
            server.assert_all_used()


@contextmanager
def recording_server(
    upstream: str, recording: Path, *, redactor: Redactor | None = None, port: int = 0
) -> Iterator[ReplayServer]:
    """A server that asks the endpoint `upstream` (its `base_url`) and appends to the recording."""
    recorder = Recorder(upstream, recording, redactor=redactor or Redactor())
    with ReplayServer(Endpoint((recorder,)), port=port) as server:
        try:
            yield server
        finally:
            recorder.close()


class _Listener(ThreadingMixIn, TCPServer):
    """Knows its connections, so that it can end them; joins their threads when it is closed."""

    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = False

    def __init__(self, place: tuple[str, int], respond: Callable[[Call], Delivery]) -> None:
        self.respond = respond
        self._open: set[socket.socket] = set()
        self._changing = threading.Lock()
        super().__init__(place, _Handler)

    def end_connections(self) -> None:
        """Whoever reads from one, writes to one or waits with one is released."""
        with self._changing:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changing:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._changing:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error; neither is one that is sent away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads calls, sends deliveries."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def do_GET(self) -> None:
        self._deliver(self.server.respond(self._call(b"")))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._deliver(error_reply(413, f"a Content-Length up to {_LARGEST_BODY} is expected"))
            return
        self._deliver(self.server.respond(self._call(self.rfile.read(int(length)))))

    def log_message(self, format: str, *args: Any) -> None:
        """The journal is the log."""

    def _call(self, body: bytes) -> Call:
        path = self.path.partition("?")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Call(method=self.command, path=path, headers=headers, body=body)

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.ending != "whole":
            self.close_connection = True
        if not self._paused(delivery.before) or delivery.ending == "dropped":
            return
        self._send_head(delivery)
        for number, piece in enumerate(delivery.pieces):
            if number and not self._paused(delivery.between):
                return
            self.wfile.write(_chunk(piece) if delivery.chunked else piece)
        if delivery.chunked and delivery.ending == "whole":
            self.wfile.write(_chunk(b""))

    def _send_head(self, delivery: Delivery) -> None:
        """Without a date, so that two runs send the same bytes."""
        self.send_response_only(delivery.status)
        self.send_header("Content-Type", delivery.content_type)
        for name, value in delivery.headers:
            self.send_header(name, value)
        if delivery.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            missing = 1 if delivery.ending == "cut" else 0
            self.send_header("Content-Length", str(len(delivery.body) + missing))
        self.end_headers()

    def _paused(self, seconds: float) -> bool:
        """Whether the connection was still there after this time; it may be for ever."""
        if not seconds:
            return True
        # Nobody sends while a reply is due: what can be read is the end of the connection.
        end = select.poll()
        end.register(self.connection, select.POLLIN)
        if not end.poll(None if math.isinf(seconds) else seconds * 1000):
            return True
        self.close_connection = True
        return False


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)
