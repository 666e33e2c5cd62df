"""Everything that can be set: a module of sections for each theme, and `Settings` of them all.

A default and its meaning stand with their field, and in `config/selfheal.toml`. Nothing here acts
on a value, and importing reads none: a door calls `load_settings()` once and hands the value down.
"""

from selfheal.settings.agents import EvolutionSettings
from selfheal.settings.farm import IndexSettings, RetentionSettings
from selfheal.settings.llm import EndpointSettings, LlmSettings
from selfheal.settings.service import AdmissionSettings, ServiceSettings
from selfheal.settings.settings import Settings, load_settings
from selfheal.settings.variables import EVOLUTION_VARIABLES, REPLAY_KEY, REPLAY_URL

__all__ = [
    "EVOLUTION_VARIABLES",
    "REPLAY_KEY",
    "REPLAY_URL",
    "AdmissionSettings",
    "EndpointSettings",
    "EvolutionSettings",
    "IndexSettings",
    "LlmSettings",
    "RetentionSettings",
    "ServiceSettings",
    "Settings",
    "load_settings",
]
