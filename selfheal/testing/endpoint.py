"""What each path answers, without HTTP: sources are asked, forms are held to, a journal is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from selfheal.errors import InvalidRequest
from selfheal.testing.chat import ChatRequest, Said
from selfheal.testing.digest import gist_of
from selfheal.testing.embeddings import embeddings_reply
from selfheal.testing.schema import fault_of_answer, refusal_of_schema
from selfheal.testing.source import Reply, Source
from selfheal.testing.wire import CREATED, Delivery, completion_reply, error_reply, json_reply

JOURNAL_LENGTH: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request, read whole; headers by their names in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    def document(self) -> Mapping[str, Any]:
        """The JSON object that was sent; raises InvalidRequest for anything else."""
        try:
            document = json.loads(self.body)
        except ValueError as error:
            raise InvalidRequest("body", f"the body is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise InvalidRequest("body", "a JSON object is expected")
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal. `trouble` says why there was no answer to give."""

    number: int = 0
    path: str = ""
    status: int = 200
    origin: str = ""
    fault: str = ""
    trouble: str = ""
    digest: str = ""
    asked: ChatRequest | None = None

    def as_json(self) -> dict[str, Any]:
        """As `/journal` shows it: with the turns as they were asked, without the key."""
        shown = {key: getattr(self, key) for key in _SHOWN_OF_ENTRY}
        if self.asked is None:
            return shown
        turns = [{"role": turn.role, "text": turn.text} for turn in self.asked.turns]
        return {
            **shown,
            **{key: getattr(self.asked, key) for key in _SHOWN_OF_CHAT},
            "turns": turns,
        }


_SHOWN_OF_ENTRY = ("number", "path", "status", "origin", "fault", "trouble", "digest")
_SHOWN_OF_CHAT = ("model", "purpose", "stream", "retry")


class Endpoint:
    """Answers calls from its sources, the first that knows an answer; it never makes one up."""

    def __init__(
        self,
        sources: tuple[Source, ...],
        *,
        models: tuple[str, ...] = ("replay",),
        embeddings: int | None = None,
        api_key: str | None = None,
    ) -> None:
        self._sources, self._models = sources, models
        self._embeddings, self._api_key = embeddings, api_key
        self._journal: list[Entry] = []
        self._writing = threading.Lock()
        self._number = 0
        self._routes: dict[tuple[str, str], Callable[[Call], tuple[Delivery, Entry]]] = {
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/embeddings"): self._embed,
            ("GET", "/v1/models"): self._list_models,
        }

    @property
    def journal(self) -> tuple[Entry, ...]:
        """The last calls of the API, each written down before its reply goes out."""
        with self._writing:
            return tuple(self._journal)

    def respond(self, call: Call) -> Delivery:
        """The reply to a call, with the number of its entry as its request id."""
        if (call.method, call.path) == ("GET", "/health"):
            return json_reply({"status": "ok", "provider": "replay"})
        if self._api_key and call.headers.get("authorization") != f"Bearer {self._api_key}":
            reply = error_reply(401, "Incorrect API key provided.", code="invalid_api_key")
            return self._written(call, reply, Entry(trouble="the key is wrong"))
        if (call.method, call.path) == ("GET", "/journal"):
            return json_reply([entry.as_json() for entry in self.journal])
        return self._written(call, *self._routed(call))

    def complaints(self) -> tuple[str, ...]:
        """What was not used, and what could not be answered."""
        unused = tuple(one for source in self._sources for one in source.unused())
        troubles = (
            f"request {entry.number}: {entry.trouble}" for entry in self.journal if entry.trouble
        )
        return (*unused, *troubles)

    def _routed(self, call: Call) -> tuple[Delivery, Entry]:
        route = self._routes.get((call.method, call.path), self._unknown)
        try:
            return route(call)
        except InvalidRequest as refusal:
            return error_reply(400, refusal.expected, param=refusal.field), Entry()

    def _chat(self, call: Call) -> tuple[Delivery, Entry]:
        asked = ChatRequest.read(call.document(), call.headers)
        if asked.form and asked.form.strict:
            refusal = refusal_of_schema(asked.form.name, asked.form.schema)
            if refusal:
                raise InvalidRequest("response_format", refusal)
        entry = Entry(digest=gist_of(asked).digest, asked=asked)
        try:
            reply = self._taken(asked)
        except Exception as error:  # an answer may be somebody's function
            return _refused(422, "answer_failed", f"the answer's function failed: {error!r}", entry)
        if reply is None:
            return _refused(404, "no_answer", self._told_nearest(asked, entry.digest), entry)
        return _played(reply, asked, entry)

    def _taken(self, asked: ChatRequest) -> Reply | None:
        replies = (source.take(asked) for source in self._sources)
        return next((reply for reply in replies if reply is not None), None)

    def _told_nearest(self, asked: ChatRequest, digest: str) -> str:
        near = (source.nearest(asked) for source in self._sources)
        purpose = f" for {asked.purpose!r}" if asked.purpose else ""
        told = "\n".join(one for one in near if one) or "nothing is scripted or recorded"
        return f"no answer to request {digest}{purpose}, and none is made up; {told}"

    def _embed(self, call: Call) -> tuple[Delivery, Entry]:
        if self._embeddings is None:
            told = "no embeddings: the script names no dimension for them"
            return _refused(404, "no_answer", told, Entry())
        entry = Entry(origin="hashed")
        return embeddings_reply(call.document(), self._embeddings), entry

    def _list_models(self, call: Call) -> tuple[Delivery, Entry]:
        del call
        kinds = {"object": "model", "created": CREATED, "owned_by": "replay"}
        data = [{"id": name, **kinds} for name in self._models]
        return json_reply({"object": "list", "data": data}), Entry()

    def _unknown(self, call: Call) -> tuple[Delivery, Entry]:
        return error_reply(404, f"Invalid URL ({call.method} {call.path})"), Entry()

    def _written(self, call: Call, reply: Delivery, entry: Entry) -> Delivery:
        with self._writing:
            self._number += 1
            entry = replace(entry, number=self._number, path=call.path, status=reply.status)
            self._journal.append(entry)
            del self._journal[:-JOURNAL_LENGTH]
        return replace(reply, headers=(*reply.headers, ("x-request-id", f"req_{entry.number}")))


def _played(reply: Reply, asked: ChatRequest, entry: Entry) -> tuple[Delivery, Entry]:
    """The reply with its fault; refused where its answer breaks the form it was asked for."""
    fault = reply.fault
    entry = replace(entry, origin=reply.origin, fault=fault.name if fault else "")
    broken = _broken_form(reply, asked)
    if broken:
        told = f"{reply.origin} breaks the schema it was asked with: {broken}"
        return _refused(422, "answer_breaks_schema", told, entry)
    said = reply.said or Said()
    if fault is None:
        return completion_reply(asked, said), entry
    return fault.delivered(completion_reply(asked, fault.said(said, asked))), entry


def _broken_form(reply: Reply, asked: ChatRequest) -> str | None:
    if asked.form is None or reply.said is None or not reply.said.whole:
        return None
    if reply.fault and not reply.fault.keeps_form:
        return None
    return fault_of_answer(asked.form.schema, reply.said.text)


def _refused(status: int, code: str, told: str, entry: Entry) -> tuple[Delivery, Entry]:
    """An error that is the script's, not the client's: strict servers complain about it."""
    return error_reply(status, told, code=code, kind="replay_error"), replace(entry, trouble=told)
