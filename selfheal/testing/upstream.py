"""Recording: requests go on to a real endpoint, and what it says is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from socket import SHUT_RDWR, socket
from typing import Any, Final
from urllib.parse import urlsplit

from selfheal.errors import InvalidSettings
from selfheal.redaction import Redactor
from selfheal.testing.chat import ChatRequest, Said
from selfheal.testing.digest import gist_of
from selfheal.testing.faults import Passed
from selfheal.testing.recording import Recorded
from selfheal.testing.source import Reply
from selfheal.testing.wire import error_reply

_SECONDS: Final = 300.0
_JSON: Final = "application/json"
_ABOUT_RETRIES: Final = ("retry-after", "retry-after-ms", "x-should-retry")


class Recorder:
    """Forwards each request to `base_url` and appends the answer to a file, without secrets.

    The client's own key goes along and is not kept. A stream is asked for as one document, and
    streamed to the client from that. Errors of the endpoint are passed on and not recorded.
    """

    def __init__(self, base_url: str, path: Path, *, redactor: Redactor) -> None:
        place = urlsplit(base_url)
        if place.scheme not in ("http", "https") or not place.hostname:
            raise InvalidSettings(f"{base_url!r} is no http(s) URL: name one, ending as in .../v1")
        self._place, self._path, self._redactor = place, path, redactor
        self._writing, self._changing = threading.Lock(), threading.Lock()
        self._open: set[socket] = set()
        self._closed = False

    def take(self, asked: ChatRequest) -> Reply:
        """What the endpoint says to this request."""
        try:
            answer = self._forward(asked)
        except (OSError, HTTPException) as error:
            gone = error_reply(502, f"{self._place.hostname} does not answer: {error!r}")
            answer = Passed(status=gone.status, content_type=gone.content_type, body=gone.body)
        said = _said(answer.body) if answer.status == 200 else None
        if said is None:
            return Reply(origin="upstream, not recorded", fault=answer)
        self._keep(asked, said)
        return Reply(origin=f"upstream {self._place.hostname}", said=said)

    def nearest(self, asked: ChatRequest) -> str | None:
        """Nothing: there is always an answer."""
        del asked
        return None

    def unused(self) -> tuple[str, ...]:
        """Nothing: there is only what was asked for."""
        return ()

    def close(self) -> None:
        """Let go of every request that waits for the endpoint, and take no other."""
        with self._changing:
            self._closed = True
            for waiting in self._open:
                with suppress(OSError):
                    waiting.shutdown(SHUT_RDWR)

    def _forward(self, asked: ChatRequest) -> Passed:
        kind = HTTPSConnection if self._place.scheme == "https" else HTTPConnection
        connection = kind(str(self._place.hostname), self._place.port, timeout=_SECONDS)
        whole = {key: value for key, value in asked.body.items() if key != "stream_options"}
        headers = {"Content-Type": _JSON}
        if asked.authorization:
            headers["Authorization"] = asked.authorization
        path = f"{self._place.path.rstrip('/')}/chat/completions"
        with self._connected(connection):
            connection.request("POST", path, json.dumps({**whole, "stream": False}), headers)
            answer = connection.getresponse()
            retry = ((name, answer.getheader(name)) for name in _ABOUT_RETRIES)
            return Passed(
                status=answer.status,
                content_type=answer.getheader("Content-Type", _JSON),
                headers=tuple((name, value) for name, value in retry if value is not None),
                body=answer.read(),
            )

    @contextmanager
    def _connected(self, connection: HTTPConnection) -> Iterator[None]:
        """The socket is kept apart: a connection forgets it while the last answer is read."""
        connection.connect()
        place = connection.sock
        with self._changing:
            self._open.add(place)
            closed = self._closed
        try:
            if closed:
                raise ConnectionAbortedError("the recording has ended")
            yield
        finally:
            with self._changing:
                self._open.discard(place)
            connection.close()

    def _keep(self, asked: ChatRequest, said: Said) -> None:
        gist, redact = gist_of(asked), self._redactor.redact
        clean = {"text": redact(said.text), "refusal": redact(said.refusal)}
        recorded = Recorded(
            digest=gist.digest,
            model=gist.model,
            turns=tuple((turn.role, redact(turn.text)) for turn in gist.turns),
            form=gist.form,
            said=said.model_copy(update=clean),
            source="captured",
        )
        line = recorded.model_dump_json() + "\n"
        with self._writing, self._path.open("a", encoding="utf-8") as file:
            file.write(line)


def _said(body: bytes) -> Said | None:
    """What a completion says; None for one that cannot be read, such as one with tool calls."""
    try:
        document: Mapping[str, Any] = json.loads(body)
        choice, usage = document["choices"][0], document.get("usage") or {}
        message = choice["message"]
        return Said(
            text=message.get("content") or "",
            refusal=message.get("refusal") or "",
            finish=choice["finish_reason"],
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
