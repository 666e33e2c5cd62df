"""What is built from this repository, and that its names mean this code wherever it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
IGNORED = shutil.ignore_patterns(".git", ".venv", ".run", ".*_cache", "__pycache__")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """The output of a program that is expected to succeed."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def build(kind: str, source: Path, into: Path) -> Path:
    """Run the build backend itself, so that nothing is fetched."""
    into.mkdir()
    script = f"import hatchling.build as b; print(b.build_{kind}({str(into)!r}))"
    return into / run(sys.executable, "-P", "-c", script, cwd=source).split()[-1]


def imported_from(name: str, *, cwd: Path, path: Path | None = None) -> Path:
    """Where a fresh interpreter started in `cwd` finds a module."""
    script = f"import {name}; print({name}.__file__)"
    environment = {"PYTHONPATH": str(path)} if path else {}
    return Path(run(sys.executable, "-P", "-c", script, cwd=cwd, **environment).strip())


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's files, links as links, away from the environment that tests run in."""
    target = tmp_path_factory.mktemp("packaging") / "selfheal"
    return Path(shutil.copytree(REPOSITORY, target, symlinks=True, ignore=IGNORED))


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    return build("wheel", checkout, checkout.parent / "wheel")


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    """A folder into which the wheel, and nothing else, was installed."""
    target = wheel.parent / "site"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
    run(*pip, "--target", target, wheel, cwd=wheel.parent)
    return target


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A target repository that owns our names, and names of libraries that we load."""
    root = tmp_path / "target"
    for package in ("selfheal", "tasks", "config", "networkx", "sqlalchemy", "structlog"):
        (root / package).mkdir(parents=True)
        canary = f"from pathlib import Path\nPath({str(root)!r}, {package!r} + '.canary').touch()\n"
        for module in ("__init__", "celery", "plan", "cli"):
            (root / package / f"{module}.py").write_text(canary)
    (root / "celeryconfig.py").write_text(canary)
    return root


def test_the_wheel_holds_the_import_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {"selfheal", "selfheal-0.1.0.dist-info"}


def test_the_wheel_holds_tasks_and_config_as_real_files(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    linked = {
        f"selfheal/{folder}/{path.relative_to(REPOSITORY / folder)}"
        for folder in ("tasks", "config")
        for path in (REPOSITORY / folder).rglob("*.*")
        if "__pycache__" not in path.parts
    }

    assert "selfheal/tasks/plan.py" in linked
    assert "selfheal/config/selfheal.toml" in linked
    assert linked <= names


def test_the_wheel_holds_every_data_file(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    data = {
        str(path.relative_to(REPOSITORY))
        for path in (REPOSITORY / "selfheal").rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }

    assert "selfheal/py.typed" in data
    assert any(name.endswith(".sql") for name in data)
    assert any(name.endswith(".scm") for name in data)
    assert any("demo_project" in name for name in data)
    assert data <= names


def test_a_wheel_from_the_source_archive_is_the_same(checkout: Path, wheel: Path) -> None:
    archive = build("sdist", checkout, checkout.parent / "sdist")
    run("tar", "-xzf", archive, cwd=archive.parent)
    unpacked = archive.parent / archive.name.removesuffix(".tar.gz")

    again = build("wheel", unpacked, checkout.parent / "wheel-again")

    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(zipfile.ZipFile(wheel).namelist())


def test_tasks_have_one_import_name_in_an_installed_wheel(site: Path, tmp_path: Path) -> None:
    assert imported_from("selfheal.tasks", cwd=tmp_path, path=site).is_relative_to(site)
    assert not (site / "tasks").exists()
    assert not (site / "config").exists()


def test_tasks_have_one_import_name_in_an_editable_install(tmp_path: Path) -> None:
    found = imported_from("selfheal.tasks", cwd=tmp_path)

    assert found == REPOSITORY / "selfheal" / "tasks" / "__init__.py"
    assert found.resolve() == REPOSITORY / "tasks" / "__init__.py"


def test_tasks_have_one_import_name_in_a_bare_checkout(checkout: Path, tmp_path: Path) -> None:
    found = imported_from("selfheal.tasks", cwd=tmp_path, path=checkout)

    assert found == checkout / "selfheal" / "tasks" / "__init__.py"


PROGRAMS = Path(sys.executable).parent
CELERY = (
    (PROGRAMS / "celery",),
    # `python -m` alone would put the target first before any code of ours or Celery's runs.
    (sys.executable, "-P", "-m", "celery"),
)


@pytest.mark.parametrize("celery", CELERY, ids=["celery", "python -P -m celery"])
@pytest.mark.parametrize("app", ["selfheal", "selfheal.celery"])
def test_celery_started_in_a_target_loads_our_app_and_tasks(
    target: Path, celery: tuple[str | Path, ...], app: str
) -> None:
    report = run(*celery, "-A", app, "report", cwd=target, **SERVERS)

    assert "selfheal.tasks.plan" in report
    assert not list(target.glob("*.canary"))


def test_a_django_application_around_it_changes_nothing(target: Path) -> None:
    """Celery's Django fixup would put the working directory on the path for good."""
    run(
        *(PROGRAMS / "celery", "-A", "selfheal", "report"),
        cwd=target,
        DJANGO_SETTINGS_MODULE="config.settings",
        **SERVERS,
    )

    assert not list(target.glob("*.canary"))


def test_the_command_line_started_in_a_target_is_ours(target: Path) -> None:
    run(PROGRAMS / "selfheal", "--help", cwd=target)

    assert not list(target.glob("*.canary"))


def test_celery_says_which_selfheal_a_worker_would_run(target: Path) -> None:
    answer = run(PROGRAMS / "celery", "selfheal", cwd=target)

    assert answer.strip().endswith(f"from {REPOSITORY / 'selfheal'}")


# Nothing connects to these: the commands only load the app.
SERVERS = {
    "SELFHEAL_FARM__BROKER_URL": "redis://localhost:1/0",
    "SELFHEAL_FARM__DATABASE_URL": "postgresql+psycopg://localhost:1/none",
}
