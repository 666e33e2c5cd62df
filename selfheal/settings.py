"""Settings: where they come from, what they mean, their defaults.

Later sources win: the defaults below (documented in `config/selfheal.toml`), the variables
`PLANNER_MODEL`, `CODING_MODEL` and those in `EVOLUTION_VARIABLES`, the file that `SELFHEAL_CONFIG`
names, environment variables `SELFHEAL_<SECTION>__<NAME>`, and `MOCK_LLM=1`, which asks no other
models than the replay server's. Unknown names are refused. Nothing is read at import: a door calls
`load_settings()` once and hands the value down.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from selfheal.contracts.bundle import Complexity
from selfheal.contracts.change_request import Budget
from selfheal.contracts.names import POOLS, Pool
from selfheal.errors import InvalidSettings


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FarmSettings(_Section):
    """Where the farm lives."""

    run_folder: Path = Field(
        default=Path("~/.local/state/selfheal"),
        description="private folder for embedded servers, mirrors, worktrees and logs",
    )
    broker_url: SecretStr | None = Field(
        default=None, description="Redis/Valkey or AMQP URL; unset: the embedded Valkey"
    )
    database_url: SecretStr | None = Field(
        default=None, description="postgresql+psycopg URL; unset: the embedded PostgreSQL"
    )
    servers: Literal["auto", "embedded", "system"] = Field(
        default="auto", description="where embedded server programs come from: wheels or PATH"
    )


class StoreSettings(_Section):
    """The database connections of one process."""

    pool_size: int = Field(default=4, ge=1, le=64, description="kept connections per process")
    statement_timeout_seconds: float = Field(
        default=30.0, gt=0, description="longest statement before PostgreSQL ends it"
    )


class BrokerSettings(_Section):
    """How messages travel."""

    visibility_timeout_seconds: int = Field(
        default=43_200,
        ge=60,
        description="redelivery clock of a Redis broker: a last net, longer than any task",
    )
    max_message_bytes: int = Field(
        default=1 << 20, ge=1 << 20, description="a message with a larger body is set aside"
    )
    resend_after_seconds: float = Field(
        default=4.0,
        gt=0,
        description="a sent message that nobody began and the broker lost is sent again after this",
    )
    give_back_after_seconds: float = Field(
        default=10.0,
        gt=0,
        description="what a client sent goes to another worker if one has it for this long",
    )


class AttemptSettings(_Section):
    """Liveness, decided in PostgreSQL."""

    heartbeat_seconds: float = Field(default=2.0, gt=0, description="between two heartbeats")
    dead_after_seconds: float = Field(
        default=6.0, gt=0, description="an attempt silent for this long is taken over"
    )
    max_takeovers: int = Field(
        default=10, ge=1, description="deaths of one piece of work before it ends SOFT_FAIL"
    )


class SweepSettings(_Section):
    """The sweeper, a process of its own."""

    interval_seconds: float = Field(default=1.0, gt=0, description="between two rounds")


class BeatSettings(_Section):
    """What fires schedules: any number of beats."""

    longest_wait_seconds: float = Field(
        default=5.0, gt=0, le=60, description="between two looks at the schedules, at the most"
    )
    max_deaths: int = Field(
        default=3, ge=1, description="workers that may die at one firing before it is lost"
    )


class RetentionSettings(_Section):
    """How long what has ended is kept; jobs `retention` and `prune` take it away."""

    requests_days: float = Field(
        default=90.0, gt=0, description="plans, tasks, results and report of an ended request"
    )
    events_days: float = Field(default=365.0, gt=0, description="timeline of an ended request")
    outbox_days: float = Field(default=7.0, gt=0, description="messages that have been begun")
    results_days: float = Field(
        default=7.0, gt=0, description="what Celery keeps of tasks, groups and ended chords"
    )
    firings_days: float = Field(default=14.0, gt=0, description="ended firings of schedules")
    letters_days: float = Field(
        default=90.0, gt=0, description="messages that no worker could take, since they came last"
    )
    baselines_days: float = Field(default=30.0, gt=0, description="measured baselines")
    prompts_days: float = Field(
        default=14.0,
        gt=0,
        description="prompts and answers of calls to models, redacted as they are",
    )
    calls_days: float = Field(
        default=365.0, gt=0, description="who called which model, its tokens and cost"
    )
    mirrors_days: float = Field(
        default=30.0, gt=0, description="mirrors on a host that no request has asked for since"
    )
    blobs_days: float = Field(
        default=30.0, gt=0, description="facts of files that no host has asked for since"
    )
    batch: int = Field(default=500, ge=1, le=10_000, description="rows per transaction")


class IndexSettings(_Section):
    """What is known of the files of repositories, in the run folder and in PostgreSQL."""

    disk_bytes: int = Field(
        default=2 << 30, ge=1 << 20, description="of one host; what was not used for longest goes"
    )
    broker_bytes: int = Field(
        default=64 << 20, ge=0, description="of linked graphs in the broker's Redis; 0 keeps none"
    )
    qdrant_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Qdrant that compares vectors, mostly ending in :6333; unset: each process",
    )
    qdrant_api_key: SecretStr | None = Field(
        default=None, description="its key, where it wants one"
    )
    qdrant_seconds: float = Field(
        default=5.0, gt=0, le=300, description="it is left alone that took longer for one question"
    )


class LeaseSettings(_Section):
    """Symbol leases."""

    ttl_seconds: float = Field(default=600.0, gt=0, description="life of a lease not renewed")
    wait_seconds: float = Field(
        default=60.0, ge=0, description="how long a plan waits for symbols that another one holds"
    )


class SandboxSettings(_Section):
    """Where code of the target repository runs."""

    provider: Literal["auto", "bubblewrap", "namespaces", "none"] = Field(
        default="auto", description="auto takes the first that proves itself; none is unsafe"
    )
    wall_seconds: float = Field(default=600.0, gt=0, description="longest single command")
    memory_bytes: int = Field(default=4 << 30, ge=64 << 20, description="memory of one command")
    processes: int = Field(default=256, ge=8, description="processes of one command")


class TargetSettings(_Section):
    """How a target repository is run."""

    python: Path | None = Field(
        default=None,
        description="interpreter for its tests; unset: its .venv, else the farm's own",
    )
    suite_seconds: float = Field(
        default=300.0, gt=0, description="longest run of its whole test suite"
    )


class PlanningSettings(_Section):
    """The Request-Planner."""

    planner: Literal["auto", "evidence", "model"] = Field(
        default="auto",
        description="auto: from failing tests where they say it all, else by the model",
    )
    context_tokens: int = Field(
        default=8_000, ge=1_000, description="context that a model is shown of a ChangeRequest"
    )


class CodingSettings(_Section):
    """The coding agent."""

    budget_seconds: float = Field(default=60.0, gt=0, description="search time per CodingTask")
    max_candidates: int = Field(default=4000, ge=1, description="validations per CodingTask")
    rerun_after_seconds: tuple[float, ...] = Field(
        default=(0.0, 90.0, 300.0),
        description="pauses before the reruns of what may succeed later; as many reruns as pauses",
    )
    coders: tuple[Literal["repair", "model"], ...] = Field(
        default=("repair", "model"),
        min_length=1,
        description="who drafts, in this order; model counts only where llm.base_url is set",
    )
    context_tokens: int = Field(
        default=12_000, ge=1_000, description="context that a model is shown of a CodingTask"
    )
    max_plans: int = Field(
        default=4, ge=1, le=20, description="plans per request, each on what the last one landed"
    )


class EndpointSettings(_Section):
    """An endpoint that speaks OpenAI's protocol, and the model that is asked there."""

    name: str = Field(min_length=1, max_length=40, description="what rows and messages call it")
    base_url: str = Field(pattern=r"^https?://", description="URL, mostly ending in /v1")
    api_key: SecretStr | None = Field(default=None, description="key, where it wants one")
    model: str = Field(min_length=1, description="model that is asked")


class LlmSettings(_Section):
    """Models: who is asked, how, and within which limits. Without base_url none is."""

    name: str = Field(
        default="primary", min_length=1, max_length=40, description="what rows call it"
    )
    base_url: str | None = Field(
        default=None, pattern=r"^https?://", description="endpoint that speaks OpenAI's protocol"
    )
    api_key: SecretStr | None = Field(default=None, description="its key, where it wants one")
    model: str | None = Field(default=None, description="model for what no other is named for")
    planner_model: str | None = Field(
        default=None, description="model that plans; also read from PLANNER_MODEL"
    )
    coding_model: str | None = Field(
        default=None, description="model that writes code; also read from CODING_MODEL"
    )
    embedding_model: str | None = Field(
        default=None, description="model of base_url that retrieval's vectors are from; unset: none"
    )
    embedding_dimensions: int | None = Field(
        default=None, ge=8, le=8192, description="places of its vectors; unset: its own"
    )
    tier_models: dict[Complexity, str] = Field(
        default={}, description="models that write code of a tier: trivial, moderate, complex"
    )
    fallbacks: tuple[EndpointSettings, ...] = Field(
        default=(),
        description="asked in turn when it does not answer: name, base_url, model, api_key",
    )
    structured: Literal["auto", "schema", "json_mode", "prompt"] = Field(
        default="auto", description="how JSON is asked for; auto: the strictest way that is offered"
    )
    temperature: float = Field(default=0.1, ge=0, le=2, description="where a question names none")
    max_tokens: int = Field(default=8192, ge=1, description="longest answer")
    deadline_seconds: float = Field(
        default=180.0,
        gt=0,
        description="longest time for one question, retries and fallbacks in it",
    )
    silence_seconds: float = Field(
        default=60.0, gt=0, description="a provider that says nothing for this long has failed"
    )
    tries: int = Field(default=3, ge=1, le=10, description="calls of one provider per question")
    max_concurrent: int = Field(
        default=8, ge=1, description="calls at once of a provider, farm-wide"
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, description="calls of a provider, farm-wide; unset: no limit"
    )
    tokens_per_minute: int | None = Field(
        default=None, ge=1, description="tokens of a provider, farm-wide; unset: no limit"
    )
    circuit_failures: int = Field(
        default=5, ge=1, description="failures in a row after which a provider is left alone"
    )
    circuit_open_seconds: float = Field(
        default=30.0, gt=0, description="until one call tries whether it is well again"
    )
    prices: dict[str, tuple[float, float]] = Field(
        default={}, description="per model: US dollars per million tokens, in and out"
    )
    cache: Literal["off", "read", "read-write"] = Field(
        default="off", description="whether equal questions are answered from earlier answers"
    )

    @field_validator("prices")
    @classmethod
    def _nobody_pays_us(cls, prices: dict[str, tuple[float, float]]) -> dict[str, Any]:
        if any(price < 0 for pair in prices.values() for price in pair):
            raise ValueError("a price is 0 or more")
        return prices

    @model_validator(mode="after")
    def _is_a_chain(self) -> Self:
        if self.base_url is None and self.fallbacks:
            raise ValueError("fallbacks need a base_url to fall back from")
        if self.base_url and not (self.model or (self.planner_model and self.coding_model)):
            raise ValueError("a base_url needs a model, or planner_model and coding_model")
        if self.embedding_model and self.base_url is None:
            raise ValueError("an embedding_model needs the base_url that has it")
        names = [self.name, *(fallback.name for fallback in self.fallbacks)]
        if len(set(names)) < len(names):
            raise ValueError(f"each endpoint needs a name of its own, found {', '.join(names)}")
        return self


class EvolutionSettings(_Section):
    """The planning agent of `selfheal evolve`."""

    backend: Literal["codex", "openai"] = Field(
        default="codex", description="who plans: the Codex CLI, or the model endpoint"
    )
    global_goal: str = Field(default="", description="goal of a job that names none")
    max_attempts: int = Field(default=3, ge=1, le=10, description="tries for a plan, in all")
    timeout_seconds: float = Field(default=300.0, gt=0, description="longest try for a plan")
    schema_path: Path | None = Field(
        default=None, description="schema that codex is given; unset: that of PlanningAnswer"
    )
    codex_bin: str = Field(default="codex", min_length=1, description="the Codex CLI")
    codex_profile: str = Field(default="", description="its profile; empty: its own default")
    extra_env: dict[str, str] = Field(
        default={}, repr=False, description="variables for codex, beside the few that it inherits"
    )
    text_chars: int = Field(
        default=2_000, ge=100, description="longest text of a commit in the prompt"
    )
    list_entries: int = Field(default=20, ge=1, description="longest list of a commit there")
    inspirations: int = Field(
        default=3, ge=0, description="best commits that a plan may learn from"
    )
    best_by: str = Field(default="tests_passed", description="metric that says which are best")

    @field_validator("extra_env", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return json.loads(value) if isinstance(value, str) else value


EVOLUTION_VARIABLES: Final[Mapping[str, str]] = {
    "WORKER_EVOLUTION_GLOBAL_GOAL": "global_goal",
    "WORKER_PLANNING_BACKEND": "backend",
    "WORKER_PLANNING_MAX_ATTEMPTS": "max_attempts",
    "WORKER_PLANNING_TIMEOUT_SECONDS": "timeout_seconds",
    "WORKER_PLANNING_SCHEMA_PATH": "schema_path",
    "WORKER_PLANNING_CODEX_BIN": "codex_bin",
    "WORKER_PLANNING_CODEX_PROFILE": "codex_profile",
    "WORKER_PLANNING_EXTRA_ENV": "extra_env",
    "WORKER_PLANNING_CODEX_EXTRA_ENV": "extra_env",
}
"""Names by which these settings of `evolution` are known elsewhere. EXTRA_ENV is a JSON object."""


class GitSettings(_Section):
    """Commits that the farm makes."""

    author_name: str = Field(default="selfheal", min_length=1, description="name on commits")
    author_email: str = Field(
        default="selfheal@localhost", min_length=1, description="address on commits"
    )


class AdmissionSettings(_Section):
    """How much the farm takes on."""

    max_open_requests: int = Field(
        default=10_000, ge=1, description="open requests from which on new ones are to come later"
    )
    budget_usd: float | None = Field(
        default=None, ge=0, description="US dollars of a request that names no cap; unset: no cap"
    )
    budget_tokens: int | None = Field(
        default=None, ge=0, description="tokens of a request that names no cap; unset: no cap"
    )
    budget_seconds: float | None = Field(
        default=None, gt=0, description="search time of one that names no cap; unset: no cap"
    )

    def budget(self, asked: Budget) -> Budget:
        """What a request may spend: its own caps, and the farm's where it names none."""
        farms = Budget(usd=self.budget_usd, tokens=self.budget_tokens, seconds=self.budget_seconds)
        return farms.model_copy(update=asked.model_dump(exclude_none=True))


class ServiceSettings(_Section):
    """The HTTP service."""

    host: str = Field(
        default="127.0.0.1", description="address to listen on; outside loopback it needs tokens"
    )
    port: int = Field(default=8000, ge=0, le=65_535, description="port to listen on")
    max_body_bytes: int = Field(
        default=1 << 20, ge=1 << 10, description="a request with a larger body is refused"
    )
    requests_per_minute: int = Field(
        default=600, ge=1, description="of one token, in each process of the service"
    )
    max_streams: int = Field(
        default=100, ge=1, description="runs that are followed live at once, in each process"
    )
    stream_seconds: float = Field(
        default=600.0, gt=0, description="a stream ends after this; whoever follows comes back"
    )


class SafetySettings(_Section):
    """What the farm accepts."""

    allow_repos: tuple[str, ...] = Field(
        default=("https://*", "ssh://*"),
        description="patterns of repositories that requests may name; the CLI may name any path",
    )


class PoolProfile(_Section):
    """How the workers of one pool run; a worker with several pools is wide enough for each."""

    processes: int = Field(default=2, ge=1, description="children of a worker, and the fewest")
    most_processes: int = Field(
        default=2, ge=1, description="children when work waits: beyond the fewest it autoscales"
    )
    prefetch: int = Field(default=1, ge=1, description="messages held for each child")
    memory_bytes: int = Field(
        default=1 << 30, ge=64 << 20, description="a child that used more is renewed after its task"
    )
    soft_time_limit: int = Field(default=1_500, gt=0, description="seconds until a task is asked")
    time_limit: int = Field(default=1_800, gt=0, description="seconds until a child is killed")
    light: bool = Field(
        default=False, description="work of milliseconds: kept on workers apart from heavy work"
    )


def _default_pools() -> dict[Pool, PoolProfile]:
    quick = PoolProfile(
        processes=1, most_processes=1, soft_time_limit=60, time_limit=90, light=True
    )
    return {pool: quick if pool in ("intake", "sweeping") else PoolProfile() for pool in POOLS}


class AutoscaleSettings(_Section):
    """How a worker whose pool may grow decides on its children."""

    share: float = Field(
        default=1.0, gt=0, le=1, description="of a backlog, this worker's: with n of them 1/n"
    )
    quiet_seconds: float = Field(
        default=30.0, ge=0, description="children that nothing needs are kept this long"
    )
    reserve_bytes: int = Field(
        default=512 << 20, ge=0, description="memory of the machine that is left to others"
    )


class StopSettings(_Section):
    """How a worker ends that is told to."""

    finish_seconds: float = Field(
        default=5.0, ge=0, description="what is not done after this is handed back to the others"
    )


class TracingSettings(_Section):
    """OpenTelemetry spans of the farm's agents."""

    endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="where OTLP over HTTP is taken, mostly ending in :4318; unset: no spans",
    )


class Settings(BaseSettings):
    """Everything that can be set, read once at a door."""

    model_config = SettingsConfigDict(
        env_prefix="SELFHEAL_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    farm: FarmSettings = FarmSettings()
    store: StoreSettings = StoreSettings()
    broker: BrokerSettings = BrokerSettings()
    attempts: AttemptSettings = AttemptSettings()
    sweep: SweepSettings = SweepSettings()
    beat: BeatSettings = BeatSettings()
    retention: RetentionSettings = RetentionSettings()
    index: IndexSettings = IndexSettings()
    leases: LeaseSettings = LeaseSettings()
    sandbox: SandboxSettings = SandboxSettings()
    target: TargetSettings = TargetSettings()
    planning: PlanningSettings = PlanningSettings()
    coding: CodingSettings = CodingSettings()
    llm: LlmSettings = LlmSettings()
    evolution: EvolutionSettings = EvolutionSettings()
    git: GitSettings = GitSettings()
    admission: AdmissionSettings = AdmissionSettings()
    service: ServiceSettings = ServiceSettings()
    safety: SafetySettings = SafetySettings()
    autoscale: AutoscaleSettings = AutoscaleSettings()
    stop: StopSettings = StopSettings()
    tracing: TracingSettings = TracingSettings()
    pools: dict[Pool, PoolProfile] = Field(default_factory=_default_pools)

    @property
    def run_folder(self) -> Path:
        """The run folder as an absolute path."""
        return self.farm.run_folder.expanduser().absolute()

    def profile_of(self, pools: Sequence[Pool]) -> PoolProfile:
        """How a worker runs that has these pools: wide enough for each of them."""
        profiles = [self.pools[pool] for pool in pools]
        fewest = max(profile.processes for profile in profiles)
        return PoolProfile(
            processes=fewest,
            most_processes=max(fewest, *(profile.most_processes for profile in profiles)),
            prefetch=min(profile.prefetch for profile in profiles),
            memory_bytes=max(profile.memory_bytes for profile in profiles),
            soft_time_limit=max(profile.soft_time_limit for profile in profiles),
            time_limit=max(profile.time_limit for profile in profiles),
            light=all(profile.light for profile in profiles),
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings  # two sources are enough to explain
        file = os.environ.get("SELFHEAL_CONFIG")
        toml = TomlConfigSettingsSource(settings_cls, Path(file)) if file else None
        replay, named = (
            InitSettingsSource(
                settings_cls, init_kwargs={key: found for key, found in named if found}
            )
            for named in (
                [("llm", _replay_server())],
                [("llm", _named_models()), ("evolution", _named_evolution())],
            )
        )
        return (init_settings, replay, env_settings, *([toml] if toml else []), named)


REPLAY_KEY: Final = "replay"
"""No secret: an ordinary word, which must not be blotted out of texts."""

REPLAY_URL: Final = "http://127.0.0.1:8199/v1"
"""Where the replay server of `selfheal.testing` listens unless told otherwise."""


def _replay_server() -> dict[str, Any]:
    """No key and no money leave a machine that says MOCK_LLM=1, whatever else is set."""
    if os.environ.get("MOCK_LLM", "0").lower() in ("", "0", "false", "no", "off"):
        return {}
    return {
        "name": "replay",
        "base_url": REPLAY_URL,
        "api_key": REPLAY_KEY,
        "model": "replay",
        "fallbacks": (),
    }


def _named_models() -> dict[str, Any]:
    variables = {"planner_model": "PLANNER_MODEL", "coding_model": "CODING_MODEL"}
    found = {key: os.environ.get(variable) for key, variable in variables.items()}
    return {key: name for key, name in found.items() if name}


def _named_evolution() -> dict[str, Any]:
    return {
        field: os.environ[name] for name, field in EVOLUTION_VARIABLES.items() if name in os.environ
    }


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; raises InvalidSettings naming every wrong entry."""
    _refuse_unknown_variables()
    file = os.environ.get("SELFHEAL_CONFIG")
    if file and not Path(file).is_file():
        raise InvalidSettings(f"SELFHEAL_CONFIG names {file}, which is no file")
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, entry['loc'])) or 'settings'}: {entry['msg']}"
            for entry in error.errors()
        ]
        raise InvalidSettings("; ".join(lines)) from error
    except ValueError as error:  # a TOML file that does not parse
        raise InvalidSettings(f"{file or 'settings'}: {error}") from error


def _refuse_unknown_variables() -> None:
    """pydantic-settings ignores unknown variables; a typing error should be told."""
    known = {f"SELFHEAL_{name.upper()}" for name in Settings.model_fields}
    for name in os.environ:
        if name.startswith("SELFHEAL_") and "__" in name and name.split("__")[0] not in known:
            raise InvalidSettings(
                f"{name}: no such section; sections are {', '.join(Settings.model_fields)}"
            )
