"""What a jailed command can do: as little as it needs, but all of that."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from selfheal.errors import PatchRefused, SandboxUnavailable
from selfheal.sandbox.interpreter import interpreter_paths
from selfheal.sandbox.jail import Jail
from selfheal.sandbox.none import Unprotected
from selfheal.sandbox.provider import Provider

SERVER = """
import socket, threading
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    with socket.socket(family) as server:
        server.bind((address, 0))
        server.listen()
        with socket.create_connection(server.getsockname()[:2], timeout=5) as client:
            server.accept()[0].sendall(b"hello")
            print(client.recv(5).decode())
print(socket.gethostbyname("localhost"), socket.gethostbyname(socket.gethostname()))
"""

COMFORTS = """
import getpass, multiprocessing, os, pathlib, pty, sqlite3, tempfile, uuid
with tempfile.NamedTemporaryFile() as file:
    file.write(b"x")
pathlib.Path.home().joinpath("settings").write_text("x")
multiprocessing.Lock().acquire()
os.close(pty.openpty()[0])
print(getpass.getuser(), os.path.expanduser("~"), uuid.uuid4().version, sqlite3.connect(":memory:"))
"""


def test_sockets_of_the_loopback_work(jailer: Provider, python: Callable[..., Jail]) -> None:
    done = jailer.run(python(SERVER))

    assert done.stdout.split() == ["hello", "hello", "127.0.0.1", "127.0.0.1"]


def test_tests_find_the_usual_comforts(jailer: Provider, python: Callable[..., Jail]) -> None:
    done = jailer.run(python(COMFORTS))

    assert done.stderr == ""
    assert done.stdout.startswith("jail /tmp/home 4")


def test_a_plain_test_passes_under_pytest(
    jailer: Provider, python: Callable[..., Jail], workdir: Path
) -> None:
    (workdir / "test_it.py").write_text("def test_it(tmp_path):\n    assert tmp_path.is_dir()\n")
    source = "import pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))"
    jail = replace(python(source), environment={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})

    done = jailer.run(jail)

    assert "1 passed" in done.stdout
    assert done.exit_code == 0


def test_the_worktree_is_at_its_own_path_and_keeps_what_is_written(
    jailer: Provider, python: Callable[..., Jail], workdir: Path
) -> None:
    done = jailer.run(python("import os; print(os.getcwd()); open('new', 'w').write('kept')"))

    assert done.stdout.strip() == str(workdir)
    assert (workdir / "new").read_text() == "kept"
    assert (workdir / "new").stat().st_uid == os.geteuid()


def test_what_is_written_to_tmp_or_home_stays_in_the_jail(
    jailer: Provider, python: Callable[..., Jail]
) -> None:
    jailer.run(python("open('/tmp/selfheal-left', 'w'); open('/tmp/home/left', 'w')"))

    done = jailer.run(python("import os; print(os.listdir('/tmp/home'))"))

    assert done.stdout.strip() == "[]"
    assert not Path("/tmp/selfheal-left").exists()


def test_the_environment_is_the_callers_and_four_defaults(runner: Provider, workdir: Path) -> None:
    jail = Jail(argv=("/usr/bin/env",), workdir=workdir, environment={"ONE": "1", "LANG": "C"})

    done = runner.run(jail)

    given = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert {"ONE": "1", "LANG": "C", "TMPDIR": "/tmp"}.items() <= given.items()
    assert set(given) - {"PWD", "OLDPWD", "SHLVL", "_"} == {"ONE", "LANG", "TMPDIR", "PATH", "HOME"}


def test_readable_folders_are_shown_through_links_and_cannot_be_written(
    jailer: Provider, workdir: Path, tmp_path: Path
) -> None:
    real = tmp_path / "data"
    real.mkdir()
    (real / "file").write_text("content\n")
    link = tmp_path / "link"
    link.symlink_to(real)
    command = f"cat {link}/file {real}/file; echo x > {link}/file; echo x > {real}/new"

    done = jailer.run(Jail(argv=("sh", "-c", command), workdir=workdir, readable=(link,)))

    assert done.stdout == "content\ncontent\n"
    assert done.stderr.count("Read-only file system") == 2


def test_an_environment_inside_the_worktree_is_read_only(jailer: Provider, workdir: Path) -> None:
    (workdir / ".venv").mkdir()
    jail = Jail(
        argv=("sh", "-c", "echo x > .venv/x || echo x > beside"),
        workdir=workdir,
        readable=(workdir / ".venv",),
    )

    jailer.run(jail)

    assert not (workdir / ".venv/x").exists()
    assert (workdir / "beside").exists()


def test_a_git_folder_is_as_read_only_as_a_git_file(jailer: Provider, workdir: Path) -> None:
    (workdir / ".git").unlink()
    (workdir / ".git/hooks").mkdir(parents=True)

    done = jailer.run(Jail(argv=("sh", "-c", "echo x > .git/hooks/pre-commit"), workdir=workdir))

    assert "Read-only file system" in done.stderr


def test_without_protection_a_changed_git_is_noticed(workdir: Path) -> None:
    jail = Jail(argv=("sh", "-c", "echo gitdir: evil > .git"), workdir=workdir)

    with pytest.raises(PatchRefused, match="git-untouched"):
        Unprotected().run(jail)


def test_a_missing_program_is_the_commands_failure_not_the_jails(
    runner: Provider, workdir: Path
) -> None:
    done = runner.run(Jail(argv=("no-such-program",), workdir=workdir))

    assert done.exit_code == 127
    assert "no-such-program" in done.stderr


def test_a_death_by_signal_is_128_and_the_signal(runner: Provider, workdir: Path) -> None:
    done = runner.run(Jail(argv=("sh", "-c", "kill -TERM $$"), workdir=workdir))

    assert (done.exit_code, done.struck) == (143, None)


def test_a_broken_pipe_ends_a_command_as_usual(runner: Provider, workdir: Path) -> None:
    jail = Jail(argv=("sh", "-c", "yes | head -1"), workdir=workdir)

    done = runner.run(jail)

    assert (done.stdout, done.stderr) == ("y\n", "")


def test_a_folder_that_is_none_is_refused_before_anything_runs(
    jailer: Provider, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="absolute path of a folder"):
        jailer.run(Jail(argv=("true",), workdir=tmp_path / "missing"))


def test_a_jail_that_cannot_be_built_says_why(jailer: Provider, workdir: Path) -> None:
    # A file where the jail needs a folder.
    broken = Jail(argv=("true",), workdir=workdir, readable=(Path("/proc/self/environ"),))

    with pytest.raises(SandboxUnavailable, match="could not be built"):
        jailer.run(broken)


@pytest.mark.parametrize("python", ["/usr/bin/python3", sys.executable, sys._base_executable])
def test_any_interpreter_of_the_machine_runs_inside(
    jailer: Provider, workdir: Path, python: str
) -> None:
    if not Path(python).exists():
        python = sys.executable
    readable = interpreter_paths(Path(python))
    jail = Jail(argv=(python, "-c", "import ssl, sys; print(sys.prefix)"), workdir=workdir)

    done = jailer.run(Jail(argv=jail.argv, workdir=workdir, readable=readable))

    assert (done.exit_code, done.stderr) == (0, "")
