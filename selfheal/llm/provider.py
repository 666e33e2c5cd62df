"""One endpoint that speaks OpenAI's protocol, asked through the official SDK.

Answers are streamed: a stream that was cut can be told from one that has ended, and a silent server
from a slow one. The SDK's retries are off, and its time limit of 600 s is replaced by ours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from openai import (
    AsyncOpenAI,
    BadRequestError,
    DefaultAsyncHttpxClient,
    UnprocessableEntityError,
    omit,
)
from openai.types.chat import ChatCompletionChunk

from selfheal.contracts.names import PURPOSE_HEADER
from selfheal.llm.background import Background
from selfheal.llm.dialect import Dialect, Structured, Wanted
from selfheal.llm.faults import FOREIGN, reply_of
from selfheal.llm.model import Usage
from selfheal.llm.outcomes import Reply
from selfheal.settings import EndpointSettings

CONNECT_SECONDS: Final = 5.0

MOST_CHARACTERS: Final = 8_000_000
"""Of one answer: a server that never ends must not fill the memory before its time is up."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Provider:
    """An endpoint by its name. Usable from any thread and after a fork."""

    def __init__(
        self,
        endpoint: EndpointSettings,
        *,
        structured: Structured | None,
        silence_seconds: float,
        background: Background,
    ) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._silence_seconds = silence_seconds
        self._background = background
        self._dialect = Dialect(structured=structured or "schema", fixed=structured is not None)
        self._client: tuple[asyncio.AbstractEventLoop, AsyncOpenAI] | None = None

    def complete(self, wanted: Wanted, *, seconds: float, check: Callable[[], None]) -> Reply:
        """How the call ended, within `seconds`; raises what `check` raises meanwhile.

        "not_offered" means that the endpoint did not understand a word of the protocol: the next
        call does without it.
        """
        work = self._embed if wanted.purpose == "embed" else self._complete
        return self._background.run(work(wanted, seconds), check=check)

    def look(self) -> Reply:
        """Whether somebody is there who takes the key: "answered", or what is wrong. Costs nothing.

        "not_found" comes from an endpoint that does not list its models, as not all do.
        """
        return self._background.run(self._look(), check=lambda: None)

    def close(self) -> None:
        """Close the connections of this process."""
        if self._client is not None:
            self._background.run(self._close(), check=lambda: None)

    async def _complete(self, wanted: Wanted, seconds: float) -> Reply:
        dialect, hearing = self._dialect, _Hearing()
        try:
            async with asyncio.timeout(seconds):
                await self._listen(dialect.arguments(wanted), hearing)
        except (BadRequestError, UnprocessableEntityError) as error:
            if simpler := dialect.simpler(str(error)):
                self._dialect = simpler
                return Reply(outcome="not_offered", why=reply_of(error, began=False).why)
            return reply_of(error, began=False)
        except FOREIGN as error:
            # Whatever broke after the last word was said no longer matters.
            if not hearing.whole:
                return self._broken(error, hearing, seconds)
        return hearing.reply

    async def _embed(self, wanted: Wanted, seconds: float) -> Reply:
        """The vectors of the messages, in their order, as JSON."""
        try:
            async with asyncio.timeout(seconds):
                given = await self._here().embeddings.create(
                    model=wanted.model,
                    input=[message.content for message in wanted.messages],
                    encoding_format="float",
                    extra_headers={PURPOSE_HEADER: wanted.purpose},
                    dimensions=omit if wanted.dimensions is None else wanted.dimensions,
                )
        except FOREIGN as error:
            return reply_of(error, began=False)
        vectors = [one.embedding for one in sorted(given.data, key=lambda one: one.index)]
        if len(vectors) != len(wanted.messages) or not all(vectors):
            why = f"{len(vectors)} vectors for {len(wanted.messages)} texts"
            return Reply(outcome="garbled", why=why)
        usage = Usage(prompt_tokens=given.usage.prompt_tokens)
        return Reply(outcome="answered", text=json.dumps(vectors), usage=usage)

    def _broken(self, error: Exception, hearing: _Hearing, seconds: float) -> Reply:
        if isinstance(error, TimeoutError) and hearing.began:
            return Reply(outcome="late", why=f"still speaking after {seconds:.1f} s")
        if isinstance(error, TimeoutError):
            return Reply(outcome="slow", why=f"said nothing for {seconds:.1f} s")
        return reply_of(error, began=hearing.began)

    async def _look(self) -> Reply:
        try:
            async with asyncio.timeout(2 * CONNECT_SECONDS):
                await self._here().models.list()
        except FOREIGN as error:
            return reply_of(error, began=False)
        return Reply(outcome="answered")

    async def _listen(self, arguments: dict[str, Any], hearing: _Hearing) -> None:
        client = self._here()
        async with await client.chat.completions.create(stream=True, **arguments) as stream:
            async for chunk in stream:
                hearing.take(chunk)

    def _here(self) -> AsyncOpenAI:
        """The client of this loop: a forked process must not use its parent's connections."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._client[0] is not loop:
            self._client = (loop, self._open())
        return self._client[1]

    def _open(self) -> AsyncOpenAI:
        url, key = self._endpoint.base_url, self._endpoint.api_key
        client = AsyncOpenAI(
            base_url=url,
            api_key=key.get_secret_value() if key else "none",
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(
                timeout=httpx2.Timeout(self._silence_seconds, connect=CONNECT_SECONDS),
                # Prompts go to the endpoint that was named and to no other.
                follow_redirects=False,
                # A proxy cannot reach this machine's own loopback.
                trust_env=urlsplit(url).hostname not in _LOOPBACK,
            ),
        )
        # The SDK takes these from the environment, and would send them to any endpoint.
        client.organization = client.project = None
        return client

    async def _close(self) -> None:
        assert self._client is not None
        loop, client = self._client
        if loop is asyncio.get_running_loop():
            await client.close()
        self._client = None


class _Hearing:
    """An answer as it comes in."""

    def __init__(self) -> None:
        self.began = False
        self._said: list[str] = []
        self._size = 0
        self._refusal: list[str] = []
        self._finish = ""
        self._usage: Usage | None = None

    @property
    def whole(self) -> bool:
        """Whether its end was heard."""
        return bool(self._finish)

    def take(self, chunk: ChatCompletionChunk) -> None:
        """One more piece; raises ValueError for one that is none, or one too many."""
        self.began = True
        if chunk.usage is not None:
            self._usage = Usage(
                prompt_tokens=int(chunk.usage.prompt_tokens),
                completion_tokens=int(chunk.usage.completion_tokens),
            )
        for choice in (chunk.choices or ())[:1]:
            self._hear(choice.delta.content, self._said)
            self._hear(choice.delta.refusal, self._refusal)
            self._finish = choice.finish_reason or self._finish

    def _hear(self, piece: Any, into: list[str]) -> None:
        if piece is None:
            return
        if not isinstance(piece, str):
            raise ValueError(f"a piece of text was expected, found {type(piece).__name__}")
        into.append(piece)
        self._size += len(piece)
        if self._size > MOST_CHARACTERS:
            raise ValueError(f"more than {MOST_CHARACTERS:,} characters")

    @property
    def reply(self) -> Reply:
        """What has been heard, and what it comes to."""
        text, refusal = "".join(self._said), "".join(self._refusal)
        if not self.whole:
            why = "the stream ended before the answer did"
            return Reply(outcome="broken_off" if self.began else "dropped", why=why)
        if refusal or self._finish == "content_filter":
            why = refusal or "the endpoint's content filter took it"
            return Reply(outcome="refusal", text=text, usage=self._usage, why=why)
        if self._finish == "length":
            why = f"it was cut after {len(text):,} characters: say it in fewer words"
            return Reply(outcome="cut", text=text, usage=self._usage, why=why)
        if not text.strip():
            return Reply(outcome="empty", usage=self._usage, why="it says nothing")
        return Reply(outcome="answered", text=text, usage=self._usage)
