"""The farm's processes have the settings of the one that started them, secrets too."""

from __future__ import annotations

import time
from pathlib import Path

from selfheal.cli.processes import Command, running
from selfheal.embedded.provider import Servers
from selfheal.settings import Settings

SHOW = """
import time
from selfheal.settings import load_settings
llm = load_settings().llm
print(llm.api_key.get_secret_value(), llm.fallbacks[0].api_key.get_secret_value(), flush=True)
time.sleep(60)
"""


def test_a_key_of_the_parent_is_known_to_the_child(servers: Servers, tmp_path: Path) -> None:
    home = {"base_url": "http://home/v1", "model": "big"}
    spare = {"name": "spare", **home, "api_key": "second"}
    settings = Settings(
        farm={"run_folder": tmp_path}, llm={**home, "api_key": "first", "fallbacks": [spare]}
    )
    command = Command("show", ("-c", SHOW))

    with running(settings, servers, [command]) as processes:
        deadline = time.monotonic() + 30
        while not (said := processes.log_of(command).read_text()).endswith("\n"):
            assert time.monotonic() < deadline, "the child says nothing"

    assert said == "first second\n"
