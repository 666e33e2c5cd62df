from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

from selfheal.errors import EnvironmentUnusable
from selfheal.sandbox.interpreter import interpreter_paths


def test_the_paths_hold_all_that_the_interpreter_imports() -> None:
    import email

    paths = interpreter_paths(Path(sys.executable))

    for needed in (sys.executable, email.__file__, pytest.__file__):
        assert any(Path(needed).is_relative_to(path) for path in paths)


def test_a_virtual_environment_brings_the_installation_below_it(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)

    paths = interpreter_paths(tmp_path / "env/bin/python")

    assert tmp_path / "env" in paths
    assert any(Path(sys.base_prefix).is_relative_to(path) for path in paths)


def test_every_link_on_the_way_is_named(tmp_path: Path) -> None:
    first, second = tmp_path / "python", tmp_path / "real-python"
    first.symlink_to("real-python")
    second.symlink_to(sys._base_executable)

    paths = interpreter_paths(first)

    assert {first, second} <= set(paths)


def test_code_installed_beside_the_interpreter_is_not_run_to_ask_it(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=True)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    (site / "evil.pth").write_text(
        f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
    )

    interpreter_paths(tmp_path / "env/bin/python")

    assert not (tmp_path / "ran").exists()


def test_what_is_no_interpreter_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentUnusable, match="expected a working Python at /bin/false"):
        interpreter_paths(Path("/bin/false"))
