"""`selfheal callgraph` and `selfheal map` as they are typed, on folders and repositories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCES = {
    "shop/__init__.py": "",
    "shop/prices.py": "def price(n):\n    return print(n)\n",
    "shop/orders.py": (
        "from shop.prices import price\n\ndef total(ns):\n    return [price(n) for n in ns]\n"
    ),
    "tests/test_orders.py": (
        "from shop.orders import total\n\ndef test_total():\n    assert total([])\n"
    ),
    "README.md": "# shop\n",
}
GRAPH = {
    "shop": [],
    "shop.orders": [],
    "shop.orders.total": ["shop.prices.price"],
    "shop.prices": [],
    "shop.prices.price": ["<builtin>.print"],
    "tests.test_orders": [],
    "tests.test_orders.test_total": ["shop.orders.total"],
}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sources, under no version control."""
    top = tmp_path / "project"
    for name, text in SOURCES.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return top


@pytest.fixture
def checkout(folder: Path) -> Path:
    """The sources, committed once."""
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


@pytest.fixture
def bare(checkout: Path, tmp_path: Path) -> Path:
    """A bare clone of the sources."""
    git(tmp_path, "clone", "--quiet", "--bare", str(checkout), "bare.git")
    return tmp_path / "bare.git"


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def run(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "selfheal.cli", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.mark.parametrize("kind", ["folder", "checkout", "bare"])
def test_a_folder_a_checkout_and_a_bare_repository_have_the_same_graph(kind, request) -> None:
    said = run("callgraph", request.getfixturevalue(kind))

    assert said.returncode == 0
    assert json.loads(said.stdout) == GRAPH
    assert list(json.loads(said.stdout)) == sorted(GRAPH)


def test_a_commit_is_read_as_it_was_and_its_folders_are_roots_too(checkout: Path) -> None:
    (checkout / "shop/prices.py").write_text("")

    whole = run("callgraph", checkout, "--rev", "HEAD")
    part = run("callgraph", checkout / "shop", "--rev", "HEAD", "--package", "shop")

    assert json.loads(whole.stdout) == GRAPH
    assert json.loads(part.stdout)["shop.orders.total"] == ["shop.prices.price"]


def test_one_file_is_a_graph(folder: Path) -> None:
    said = run("callgraph", folder / "shop/orders.py")

    assert json.loads(said.stdout) == {"orders": [], "orders.total": ["shop.prices.price"]}


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["nowhere"], 2, "nowhere does not exist: name a file, a folder or a git repository"),
        (["project", "--rev", "v9"], 5, "has no commit 'v9': name a branch, a tag or a sha"),
        (["project", "--rev=-x"], 5, "has no commit '-x': name a branch, a tag or a sha"),
        (["project", "--rev", "--all"], 5, "has no commit '--all'"),
        (["project", "--format", "png"], 2, "'png' is not one of 'json', 'dot', 'mermaid'"),
        (["project", "--package", "a/b"], 2, "'a/b' is no dotted name of a package"),
        (["project", "--callers-of", "shop.nothing"], 2, "there is no symbol shop.nothing"),
        (["project", "--touched-by", "nowhere.diff"], 2, "nowhere.diff cannot be read"),
        (["project", "--callers-of", "a", "--tests-of", "b"], 2, "asked one at a time"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_reason(
    arguments, status, complaint, checkout, monkeypatch
) -> None:
    monkeypatch.chdir(checkout.parent)

    said = run("callgraph", *arguments)

    assert said.returncode == status
    assert complaint in said.stderr
    assert not said.stdout


def test_a_folder_outside_of_git_has_no_commit(folder: Path) -> None:
    said = run("callgraph", folder, "--rev", "HEAD")

    assert said.returncode == 5
    assert "is not inside a git repository" in said.stderr


def test_files_that_cannot_be_read_are_named_and_links_are_not_followed(folder: Path) -> None:
    (folder / "bad.py").write_text("def f(:\n")
    (folder / "outside.py").symlink_to("/etc/hostname")
    os.mkfifo(folder / "pipe.py")

    said = run("callgraph", folder)

    assert "warning: bad.py: syntax error near line 1" in said.stderr
    assert json.loads(said.stdout).keys() == {*GRAPH, "bad", "bad.f"}


def test_questions_of_impact(checkout: Path) -> None:
    callers = run("callgraph", checkout, "--callers-of", "shop.prices.price", "--json")
    tests = run("callgraph", checkout, "--tests-of", "shop.prices.price")

    (edge,) = json.loads(callers.stdout)
    assert (edge["source"], edge["path"], edge["line"]) == (
        "shop.orders.total",
        "shop/orders.py",
        4,
    )
    assert tests.stdout == "tests/test_orders.py::test_total\n"


def test_an_answer_of_nothing_says_so(checkout: Path) -> None:
    callers = run("callgraph", checkout, "--callers-of", "tests.test_orders.test_total")
    tests = run("callgraph", checkout, "--tests-of", "shop", "--json")

    assert (callers.returncode, callers.stdout) == (0, "")
    assert callers.stderr == "the text shows no call of tests.test_orders.test_total\n"
    assert json.loads(tests.stdout) == []
    assert tests.stderr == "the text shows no test that reaches shop\n"


def test_what_an_uncommitted_change_touches(checkout: Path) -> None:
    (checkout / "shop/prices.py").write_text("def price(n):\n    n += 1\n    return print(n)\n")
    diff = subprocess.run(["git", "diff"], cwd=checkout, capture_output=True, text=True).stdout

    now = run("callgraph", checkout, "--touched-by", "-", "--json", stdin=diff)
    before = run("callgraph", checkout, "--rev", "HEAD", "--touched-by", "-", stdin=diff)

    told = json.loads(now.stdout)
    assert told["symbols"] == ["shop.prices.price"]
    assert [call["source"] for call in told["calls"]] == ["shop.orders.total"]
    assert before.stdout.splitlines() == [
        "touches:",
        "  shop.prices.price",
        "called from:",
        "  shop/orders.py:4: shop.orders.total calls shop.prices.price (1)",
        "tests that reach it:",
        "  tests/test_orders.py::test_total",
    ]


def test_a_map_of_a_repository(bare: Path, folder: Path) -> None:
    said = run("map", bare, "--tokens", 24)
    unknown = run("map", folder, "--focus", "shop/none.py")

    assert said.stdout.splitlines()[:2] == ["shop/prices.py", "    1 def price(n)"]
    assert len(said.stdout) <= 96
    assert unknown.returncode == 2
    assert "has no Python file shop/none.py" in unknown.stderr
