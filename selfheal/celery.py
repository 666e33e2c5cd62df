"""The Celery app that `celery -A selfheal` finds.

Importing it reads nothing: settings and servers are looked up when Celery first asks for its
configuration. Without URLs it attaches to the embedded servers of the run folder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, cast
from uuid import UUID

from celery import Celery, signals

from selfheal.loader import FarmLoader, without_working_directory

# A worker may be started inside a target repository, and Celery has just put that first.
with without_working_directory():
    from kombu import Connection, Queue
    from kombu.exceptions import ChannelError, OperationalError

    from selfheal.broker import broker_configuration
    from selfheal.contracts.names import ALONE, POOLS, ROUTES, Pool
    from selfheal.embedded.provider import Servers
    from selfheal.errors import BrokerUnavailable
    from selfheal.flows.connect import find_servers, open_farm, redactor_of
    from selfheal.flows.farm import Farm
    from selfheal.logs import configure_logs
    from selfheal.redaction import Redactor
    from selfheal.settings import Settings, load_settings
    from selfheal.store.outbox import Message
    from selfheal.unacknowledged import give_back

TASK_MODULES = tuple(
    f"selfheal.tasks.{name}"
    for name in (
        *("cancel", "code", "code_plan", "land", "plan", "set_aside", "submit", "tidy"),
        *("decompose", "subtask"),
        *("evolve", "prune", "refresh", "retention", "scan", "sweep"),
    )
)


def configuration(settings: Settings, servers: Servers) -> dict[str, Any]:
    """Celery's settings for work that takes minutes, each with its reason."""
    return {
        "broker_url": servers.broker_url,
        "include": TASK_MODULES,
        "result_backend": f"selfheal+{servers.database_url}",
        # What a chord's header task returns is written by `settle`, in the transaction of all else
        # that its end makes true; what other tasks come to is in rows of ours.
        "task_ignore_result": True,
        # Nothing but JSON is read or written: a pickled message runs code.
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        # Each message is looked at before it is believed; what is no good is set aside.
        "worker_consumer": "selfheal.worker.consumer:FarmConsumer",
        # Pools are queues of the same name, and a task cannot end up anywhere else.
        "task_queues": [Queue(pool, routing_key=pool) for pool in POOLS],
        "task_routes": {name: {"queue": pool} for name, pool in ROUTES.items()},
        "task_default_queue": "intake",
        "task_create_missing_queues": False,
        # A message is gone only when its work has ended; its copy finds the attempt's row.
        "task_acks_late": True,
        "task_acks_on_failure": True,
        "task_acks_on_timeout": True,
        # A lost child is retried a bounded number of times, not for ever.
        "task_retry_on_worker_lost": True,
        # As many messages as children, and one by one.
        "worker_prefetch_multiplier": 1,
        # Children are renewed between tasks before leaks add up: of memory by the cap below. A new
        # one costs 0.3 s of CPU, as much as twenty tasks that do nothing (`benchmarks/farm.py`).
        "worker_max_tasks_per_child": 500,
        # Some may be renewed sooner; a worker that `selfheal up` starts is told its pools' own cap.
        "worker_max_memory_per_child": settings.profile_of(POOLS).memory_bytes // 1024,
        # Children by what waits and what memory is left, within the bounds of --autoscale.
        "worker_autoscaler": "selfheal.worker.autoscaler:FarmAutoscaler",
        "task_annotations": {name: _annotations(settings, name) for name in ROUTES},
        # Told to stop, a worker lets short work end; its children hand back what is left.
        "worker_soft_shutdown_timeout": settings.stop.finish_seconds,
        # After a lost connection the attempt goes on: its heartbeat, not the broker, decides.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 5,
        **broker_configuration(servers.broker_url, settings),
        # Flower reads these; arguments are ids only. It hears of a message when a worker has it: an
        # event for each that is sent would tell nothing new, for what waits is in the outbox.
        "worker_send_task_events": True,
        "task_track_started": True,
        # One control message per worker is enough; queues of dead workers must not pile up.
        "control_queue_expires": 60.0,
        "event_queue_expires": 60.0,
        # Schedules are rows that any number of beats fire; nothing is kept in a file.
        "beat_scheduler": "selfheal.beat:PostgresScheduler",
        "beat_max_loop_interval": settings.beat.longest_wait_seconds,
        "enable_utc": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


def _annotations(settings: Settings, name: str) -> dict[str, float]:
    profile = settings.pools[ROUTES[name]]
    return {
        # A task that does not end is asked, then its child is killed, by its pool's profile.
        "time_limit": profile.time_limit,
        "soft_time_limit": profile.soft_time_limit,
        # When a child dies Celery sends its task again, after three minutes by default. Where no
        # row stands behind it that is soon; else when the attempt counts as dead, so that it can
        # be taken over even if no sweeper runs.
        "default_retry_delay": 1.0 if name in ALONE else settings.attempts.dead_after_seconds,
    }


class SettingsLoader(FarmLoader):
    """Reads Celery's configuration from selfheal's settings."""

    def read_configuration(self, env: str = "") -> dict[str, Any]:
        del env  # where Celery would look for the name of a configuration module
        app = cast(FarmApp, self.app)
        return configuration(app.settings, app.servers)


class FarmApp(Celery):
    """Celery with the farm of this process. What is not set before its first use is found."""

    def __init__(self) -> None:
        # Celery's fixup for Django projects would put the working directory on the path for good.
        super().__init__("selfheal", loader=SettingsLoader, fixups=[], set_as_current=False)
        self.steps["worker"].add("selfheal.worker.hand_back:HandBack")

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process, read once; raises InvalidSettings."""
        return load_settings()

    @cached_property
    def servers(self) -> Servers:
        """Broker and database; raises EnvironmentUnusable when none are to be found."""
        return find_servers(self.settings)

    @cached_property
    def redactor(self) -> Redactor:
        """Replaces what is secret in this process."""
        return redactor_of(self.settings)

    @cached_property
    def farm(self) -> Farm:
        """The farm as this process sees it."""
        return open_farm(self.settings, self.servers, CelerySender(self))


class CelerySender:
    """Hands outbox messages to the broker through Celery."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, message: Message) -> None:
        """Publish one message; raises BrokerUnavailable after one try, for the outbox retries.

        Whoever watches Celery knows a ChangeRequest by the root id of its messages, and a round by
        their group id. The chord's body is not in them: a worker that knows it would return parts,
        which nobody counts, and for a lost child from the process that forks the others.
        """
        try:
            self._app.send_task(
                message.task_name,
                args=[str(message.subject_id)],
                task_id=str(message.message_id),
                queue=message.pool,
                retry=False,
                ignore_result=True,
                root_id=_text(message.request_id),
                parent_id=_text(message.parent_id),
                group_id=_text(message.group_id),
                group_index=message.group_index,
            )
        except (OperationalError, OSError) as error:
            raise BrokerUnavailable(f"the broker took no message: {error}") from error

    def ready(self, pool: Pool) -> int:
        """Messages that wait in the queue of `pool`."""
        with self._connected() as connection:
            channel: Any = connection.default_channel
            try:
                return int(channel.queue_declare(pool, passive=True).message_count)
            except ChannelError:  # the queue does not exist yet, or not any more
                return 0

    def give_back(self, *, older_than: float) -> int:
        """Queue again what stands alone and was not acknowledged for `older_than` seconds."""
        with self._connected() as connection:
            return give_back(connection, older_than=older_than)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection of its own. Raises BrokerUnavailable, whatever its driver calls that."""
        with self._app.connection_for_write() as connection:
            broken: Any = connection.connection_errors
            try:
                connection.ensure_connection(max_retries=1)
                yield connection
            except (OperationalError, OSError, *broken) as error:
                raise BrokerUnavailable(f"the broker does not answer: {error}") from error


def _text(identity: UUID | None) -> str | None:
    return str(identity) if identity else None


def farm_of(settings: Settings, servers: Servers) -> Farm:
    """The farm behind these servers, for a process that is no worker."""
    reached = FarmApp()
    reached.settings, reached.servers = settings, servers
    return reached.farm


app = FarmApp()


@signals.setup_logging.connect
def _configure_logs(**_: Any) -> None:
    """Celery asks this once per worker instead of taking over the root logger."""
    configure_logs(app.redactor, sys.stderr)
