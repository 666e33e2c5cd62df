"""What every flow needs of this process, opened at first use."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from selfheal.checks.development_install import prepare
from selfheal.dispatch.sender import Sender, flush
from selfheal.index.broker_store import BrokerStore
from selfheal.index.disk import DiskStore
from selfheal.index.index import Index
from selfheal.index.store import BlobStore, Layered
from selfheal.planning.arm import PlannerArm
from selfheal.planning.arm_settings import get_settings
from selfheal.planning.roster import load_roster
from selfheal.redaction import Redactor
from selfheal.retrieval.qdrant import QdrantEngine
from selfheal.retrieval.search import Retrieval
from selfheal.sandbox.choose import choose_sandbox
from selfheal.sandbox.jail import Limits, Sandbox
from selfheal.settings import LlmSettings, Settings
from selfheal.store.blobs import SharedStore
from selfheal.store.database import Database
from selfheal.tracing import Spans
from selfheal.workspace.git import Identity
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.worktree import Worktree

if TYPE_CHECKING:
    from selfheal.llm.embedding import Embeddings
    from selfheal.llm.gateway import Gateway


class Farm:
    """One process of the farm: its settings and its ways to database, broker, git and sandbox."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        sender: Sender,
        *,
        redactor: Redactor,
        broker_url: str = "",
    ) -> None:
        self.settings = settings
        self.database = database
        self.sender = sender
        self.redactor = redactor
        self._broker_url = broker_url
        self.told_to_stop = False
        """Set when what this process works at is to be handed back."""

    @property
    def worker(self) -> str:
        """How this process calls itself in rows: host and process id."""
        return f"{socket.gethostname()}:{os.getpid()}"

    @cached_property
    def sandbox(self) -> Sandbox:
        """The first sandbox that proves itself here; raises SandboxUnavailable."""
        return choose_sandbox(self.settings.sandbox.provider)

    @cached_property
    def models(self) -> Gateway | None:
        """The way to the models; None where no endpoint is configured."""
        return self._way_to(self.settings.llm)

    @cached_property
    def arm(self) -> PlannerArm:
        """The Planner Arm of this process; raises InvalidSettings for a wrong PLANNER_ variable."""
        model_for = self.arm_models.on_behalf_of if self.arm_models else None
        return PlannerArm(get_settings(), load_roster(), model_for=model_for)

    @cached_property
    def arm_models(self) -> Gateway | None:
        """The way to the models that the Planner Arm asks: mostly `models`."""
        chosen = get_settings().own(self.settings.llm)
        return self.models if chosen == self.settings.llm else self._way_to(chosen)

    @property
    def index(self) -> Index:
        """What is known of repositories, on this host and by the others; its tally starts at 0."""
        return Index(self._kept)

    @property
    def graphs(self) -> BrokerStore | None:
        """Linked graphs in the broker's Redis, its tally at 0: to be closed. None without one."""
        most = self.settings.index.broker_bytes
        return BrokerStore.of_broker(self._broker_url, max_bytes=most)

    @property
    def _kept(self) -> BlobStore:
        return Layered(self._kept_here, SharedStore(self.database))

    @cached_property
    def _kept_here(self) -> DiskStore:
        return DiskStore.of_this_host(self.settings)

    def _way_to(self, chosen: LlmSettings) -> Gateway | None:
        # Loading the SDK takes a second, which most processes of the farm need not wait.
        from selfheal.llm.gateway import Gateway

        return Gateway(chosen, self.database, self.redactor) if chosen.base_url else None

    @property
    def limits(self) -> Limits:
        """Bounds of one command of a target repository."""
        chosen = self.settings.sandbox
        return Limits(
            wall_seconds=chosen.wall_seconds,
            cpu_seconds=chosen.wall_seconds * 2,
            memory_bytes=chosen.memory_bytes,
            processes=chosen.processes,
        )

    @property
    def identity(self) -> Identity:
        """Author and committer of the farm's commits."""
        return Identity(self.settings.git.author_name, self.settings.git.author_email)

    def worktree(self, mirror: Mirror, sha: str, name: str) -> AbstractContextManager[Worktree]:
        """A worktree of `sha` on this host, prepared for running its tests."""
        return mirror.worktree(sha, folder=self.worktrees, name=name, prepare=prepare)

    def mirror(self, repo: str) -> Mirror:
        """This host's mirror of `repo`, as of its last fetch."""
        return Mirror.open(self.mirrors, repo, redactor=self.redactor)

    def retrieval(
        self,
        mirror: Mirror,
        sha: str,
        *,
        paths: Collection[str] | None = None,
        request_id: UUID | None = None,
    ) -> Retrieval:
        """What can be searched at a commit, in all of its files or in these.

        Where a model makes the vectors, the request pays for them.
        """
        embedder = self._embeddings(request_id)
        return Retrieval.at(
            mirror, sha, self._kept, paths=paths, embedder=embedder, engine=self.engine
        )

    @cached_property
    def engine(self) -> QdrantEngine | None:
        """The server that compares vectors; None where each process does."""
        return QdrantEngine.of(self.settings.index)

    @cached_property
    def code_planner_spans(self) -> Spans:
        """What the Code-Planner tells OpenTelemetry of its work."""
        return Spans("code-planner", self.settings.tracing.endpoint)

    def _embeddings(self, request_id: UUID | None) -> Embeddings | None:
        chosen = self.settings.llm
        if self.models is None or chosen.embedding_model is None:
            return None
        from selfheal.llm.embedding import Embeddings

        return Embeddings(self.models.on_behalf_of(request_id), chosen)

    @property
    def worktrees(self) -> Path:
        """Where this host's worktrees are."""
        return self.settings.run_folder / "worktrees"

    @property
    def mirrors(self) -> Path:
        """Where this host's mirrors are."""
        return self.settings.run_folder / "mirrors"

    def close(self) -> None:
        """Close what this process has opened of its ways to models and database."""
        opened = {vars(self).get(name) for name in ("models", "arm_models")}
        for gateway in filter(None, opened):
            gateway.close()
        for name in ("_kept_here", "engine", "code_planner_spans"):
            if held := vars(self).get(name):
                held.close()
        self.database.close()

    def flush(self) -> None:
        """Send what the last transaction put into the outbox."""
        flush(self.database, self.sender)
