"""The way to every model: the providers of this process, and the limits that the farm shares."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from selfheal.errors import ModelLeftAlone
from selfheal.llm.asking import Asking
from selfheal.llm.background import Background
from selfheal.llm.chain import choices, endpoints
from selfheal.llm.ledger import Asked, Ledger, cleaned
from selfheal.llm.model import Answer, Model, Question
from selfheal.llm.patience import Patience
from selfheal.llm.provider import Provider
from selfheal.redaction import Redactor
from selfheal.settings import LlmSettings
from selfheal.store.database import Database


class Gateway:
    """What this process needs for asking; connections are opened at first use, anew after a fork.

    The settings must name an endpoint.
    """

    def __init__(
        self,
        settings: LlmSettings,
        database: Database,
        redactor: Redactor,
        *,
        patience: Patience | None = None,
    ) -> None:
        self.settings = settings
        self.ledger = Ledger(settings, database, redact=redactor.redact)
        self.patience = patience or Patience()
        self._background = Background()
        self.providers = {
            endpoint.name: Provider(
                endpoint,
                structured=None if settings.structured == "auto" else settings.structured,
                silence_seconds=settings.silence_seconds,
                background=self._background,
            )
            for endpoint in endpoints(settings)
        }

    def on_behalf_of(
        self,
        request_id: UUID | None,
        *,
        attempt_id: UUID | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> Model:
        """A model whose calls this ChangeRequest pays for; where it is None, nobody does.

        `check` is called several times a second while somebody waits, and ends the wait by what it
        raises: `running.check` does.
        """
        return _Asker(self, request_id, attempt_id=attempt_id, check=check)

    def check_reachable(self) -> None:
        """Raises ModelLeftAlone where nobody would be asked now. Asks nobody, so it costs nothing.

        What the whole farm has met counts, not only this process.
        """
        waits = self.ledger.left_alone([*self.providers])
        if len(waits) == len(self.providers):
            raise ModelLeftAlone(" and ".join(waits), round(min(waits.values()), 3))

    def close(self) -> None:
        """Close the connections of this process."""
        for provider in self.providers.values():
            provider.close()
        self._background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Asker:
    """The Model on behalf of somebody."""

    def __init__(
        self,
        gateway: Gateway,
        request_id: UUID | None,
        *,
        attempt_id: UUID | None,
        check: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._request_id = request_id
        self._attempt_id = attempt_id
        self._check = check

    def ask(self, question: Question) -> Answer:
        """As the protocol says; the answer may be an earlier one where the settings allow that."""
        self._check()
        gateway = self._gateway
        asked = Asked(
            id=uuid4(),
            question=cleaned(question, gateway.ledger.clean),
            request_id=self._request_id,
            attempt_id=self._attempt_id,
        )
        chain = choices(gateway.settings, question.purpose, question.tier)
        if (known := gateway.ledger.answered_before(asked, chain[0])) is not None:
            return known
        asking = Asking(
            asked,
            ledger=gateway.ledger,
            providers=gateway.providers,
            patience=gateway.patience,
            tries=gateway.settings.tries,
            check=self._check,
        )
        seconds = question.deadline_seconds or gateway.settings.deadline_seconds
        return asking.run(chain, seconds=seconds)
