"""All sections together, and where their values come from.

Later sources win: the defaults of the sections, the variables `PLANNER_MODEL`, `CODING_MODEL` and
those in `EVOLUTION_VARIABLES`, the file that `SELFHEAL_CONFIG` names, environment variables
`SELFHEAL_<SECTION>__<NAME>`, and `MOCK_LLM=1`, which asks no other models than the replay server's.
Unknown names are refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from selfheal.contracts.names import Pool
from selfheal.errors import InvalidSettings
from selfheal.settings.agents import CodingSettings, EvolutionSettings, PlanningSettings
from selfheal.settings.dispatch import (
    AttemptSettings,
    BeatSettings,
    BrokerSettings,
    LeaseSettings,
    SweepSettings,
)
from selfheal.settings.farm import (
    FarmSettings,
    IndexSettings,
    RetentionSettings,
    StoreSettings,
    TracingSettings,
)
from selfheal.settings.llm import LlmSettings
from selfheal.settings.service import AdmissionSettings, SafetySettings, ServiceSettings
from selfheal.settings.target import GitSettings, SandboxSettings, TargetSettings
from selfheal.settings.variables import named_evolution, named_models, replay_server
from selfheal.settings.workers import (
    AutoscaleSettings,
    PoolProfile,
    StopSettings,
    default_pools,
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
    pools: dict[Pool, PoolProfile] = Field(default_factory=default_pools)

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
        del dotenv_settings, file_secret_settings  # a file is read that somebody named, no other
        file = os.environ.get("SELFHEAL_CONFIG")
        toml = [TomlConfigSettingsSource(settings_cls, Path(file))] if file else []
        replay = InitSettingsSource(settings_cls, init_kwargs=_told(llm=replay_server()))
        named = InitSettingsSource(
            settings_cls, init_kwargs=_told(llm=named_models(), evolution=named_evolution())
        )
        return (init_settings, replay, env_settings, *toml, named)


def _told(**sections: dict[str, Any]) -> dict[str, Any]:
    return {name: values for name, values in sections.items() if values}


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
