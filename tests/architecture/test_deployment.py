"""Procfile, Compose, image and CI name programs, options, queues and files that exist.

No container runs here: what is checked is what can be read, and that each command parses.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfheal.contracts.names import POOLS
from selfheal.settings import Settings

REPOSITORY = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
VERBS = {"setup", "demo", "demo-model", "test", "test-all", "faults", "check", "fmt", "bench"} | {
    "up",
    "flower",
}


def read(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def procfile() -> dict[str, str]:
    return dict(line.split(": ", 1) for line in read("Procfile").splitlines())


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(read("docker-compose.yml")))


def farm_commands() -> set[str]:
    """Every command of ours; Compose's variables have their defaults."""
    services = compose()["services"].values()
    ours = [service["command"] for service in services if service["image"].startswith("selfheal:")]
    return {re.sub(r"\$\{\w+:-(\w+)\}", r"\1", command) for command in ours} | {
        *procfile().values()
    }


def queues(commands: list[str]) -> list[str]:
    """All queues that the commands consume, each as often as it is named."""
    named = [re.search(r"--queues=(\S+)", command) for command in commands]
    return [queue for found in named if found for queue in found[1].split(",")]


@pytest.mark.parametrize("command", sorted(farm_commands()))
def test_a_command_names_a_program_and_options_that_exist(command: str, tmp_path: Path) -> None:
    program, *arguments = shlex.split(command)

    # The whole line is parsed before `--help` is obeyed, so a wrong option fails.
    run = subprocess.run(
        [PROGRAMS / program, *arguments, "--help"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "SELFHEAL_FARM__BROKER_URL": "redis://localhost:1/0",
            "SELFHEAL_FARM__DATABASE_URL": "postgresql+psycopg://localhost:1/none",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_every_pool_has_workers_once() -> None:
    services = [str(service.get("command")) for service in compose()["services"].values()]

    assert sorted(queues(list(procfile().values()))) == sorted(POOLS)
    assert sorted(queues(services)) == sorted(POOLS)


def test_light_workers_have_the_light_pools_alone() -> None:
    light = sorted(name for name, pool in Settings().pools.items() if pool.light)

    assert sorted(queues([procfile()["light"]])) == light


def test_workers_have_the_children_that_their_pools_profiles_ask_for() -> None:
    settings = Settings()
    workers = [command for command in farm_commands() if "--queues=" in command]

    assert workers
    for command in workers:
        profile = settings.profile_of(queues([command]))
        assert f"--concurrency={profile.processes}" in command
        assert profile.most_processes == profile.processes, "the command names no --autoscale"


def test_services_depend_on_services_secrets_and_volumes_that_are_declared() -> None:
    document = compose()
    services = document["services"]

    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        assert set(service.get("secrets", [])) <= set(document["secrets"])
        named = {volume.split(":")[0] for volume in service.get("volumes", [])}
        assert named <= set(document["volumes"])


def test_services_that_listen_or_consume_are_watched() -> None:
    watched = {name for name, service in compose()["services"].items() if "healthcheck" in service}

    assert watched == {"postgres", "valkey", "worker-light", "worker-heavy", "web", "flower"}


def test_variables_of_the_compose_file_are_in_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", read("docker-compose.yml")))
    given = set(re.findall(r"^(\w+)=", read(".env.example"), re.MULTILINE))

    assert used <= given


def test_the_secrets_script_writes_what_the_compose_file_mounts(tmp_path: Path) -> None:
    script = tmp_path / "config" / "compose" / "make-secrets"
    script.parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / "config" / "compose" / "make-secrets", script)

    subprocess.run([script], check=True, timeout=30)

    mounted = {secret["file"] for secret in compose()["secrets"].values()}
    written = {f"./secrets/{path.name}" for path in (tmp_path / "secrets").iterdir()}
    assert mounted == written
    settings = tomllib.loads((tmp_path / "secrets" / "selfheal.toml").read_text())
    password = (tmp_path / "secrets" / "postgres_password").read_text()
    assert password in Settings.model_validate(settings).farm.database_url.get_secret_value()
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_the_image_copies_files_that_exist_and_runs_as_nobody_special() -> None:
    lines = read("Dockerfile").splitlines()
    copied = [
        line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line
    ]
    kept = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}

    assert {name for names in copied for name in names} == kept
    assert all((REPOSITORY / name).exists() for name in kept)
    assert [line for line in lines if line.startswith("USER ")] == ["USER selfheal"]


def test_the_makefile_has_the_verbs_and_no_other() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))

    assert targets == VERBS | {"help"}


def test_ci_runs_the_same_script_on_every_python_we_name() -> None:
    job = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]["verify"]
    classifiers = tomllib.loads(read("pyproject.toml"))["project"]["classifiers"]
    named = [one.rsplit(" ", 1)[1] for one in classifiers if re.search(r":: 3\.\d+$", one)]

    assert job["strategy"]["matrix"]["python"] == named
    assert job["steps"][-1]["run"] == ".ci/run"
    assert re.findall(r"^make (.+)$", read(".ci/run"), re.MULTILINE) == ["check", "test"]
