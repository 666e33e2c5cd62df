"""From settings to the servers and the farm of this process."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from selfheal.dispatch.sender import Sender
from selfheal.embedded.provider import Servers, attach
from selfheal.embedded.run_folder import RunFolder
from selfheal.errors import EnvironmentUnusable, InvalidRequest
from selfheal.flows.farm import Farm
from selfheal.redaction import Redactor
from selfheal.settings import REPLAY_KEY, Settings
from selfheal.store.database import Database


def find_servers(settings: Settings) -> Servers:
    """The configured servers, or the embedded ones of the run folder when they are up.

    Raises EnvironmentUnusable when neither is there. Never starts a server.
    """
    found = attach(
        RunFolder(settings.run_folder),
        database_url=reveal(settings.farm.database_url),
        broker_url=reveal(settings.farm.broker_url),
    )
    if found is None:
        raise EnvironmentUnusable(
            f"no farm runs in {settings.run_folder} and no URLs are set: start `selfheal up`, "
            "or set SELFHEAL_FARM__BROKER_URL and SELFHEAL_FARM__DATABASE_URL"
        )
    return found


def open_farm(settings: Settings, servers: Servers, sender: Sender) -> Farm:
    """The farm as this process sees it; connections are opened at first use."""
    redactor = redactor_of(settings)
    database = Database(
        servers.database_url,
        pool_size=settings.store.pool_size,
        statement_timeout=settings.store.statement_timeout_seconds,
        redactor=redactor,
    )
    return Farm(settings, database, sender, redactor=redactor, broker_url=servers.broker_url)


def redactor_of(settings: Settings) -> Redactor:
    """Replaces what is secret in this process: secret settings and secret-like variables."""
    farm, llm = settings.farm, settings.llm
    secrets = {
        "BROKER_URL": farm.broker_url,
        "DATABASE_URL": farm.database_url,
        "LLM_API_KEY": llm.api_key,
        "QDRANT_API_KEY": settings.index.qdrant_api_key,
        **{f"{one.name.upper()}_API_KEY": one.api_key for one in llm.fallbacks},
    }
    secret = {name: reveal(value) for name, value in secrets.items()}
    known = {name: value for name, value in secret.items() if value and value != REPLAY_KEY}
    return Redactor.from_environment({**os.environ, **settings.evolution.extra_env, **known})


def refuse_secrets(farm: Farm, **names: str) -> None:
    """Raises InvalidRequest for a secret in what the farm calls something by.

    Names are stored as they are, and shown with everything that is done to what they name.
    """
    for field, name in names.items():
        if kind := farm.redactor.find(name):
            raise InvalidRequest(
                field,
                f"holds a secret ({kind}): leave it out; workers have access by SSH keys of theirs",
            )


def reveal(secret: SecretStr | None) -> str | None:
    """The value of a secret setting, for whoever must connect with it."""
    return secret.get_secret_value() if secret else None


def repository_url(repo: str) -> str:
    """`repo` as the mirror wants it: an existing local path made absolute, a URL as it is."""
    path = Path(repo).expanduser()
    return str(path.resolve()) if path.exists() else repo
