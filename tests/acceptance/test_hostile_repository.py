"""What only looks at code, on a repository in which everything is wrong that can be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from selfheal.contracts.bundle import TaskBundle
from tests.acceptance.projects import SHOP, Project, make_project

DEEP = b"x = " + b"(" * 10_000 + b")" * 10_000
UNREADABLE: dict[bytes, bytes] = {
    b"binary.py": bytes(range(256)) * 40,
    b"chain.py": b"x = f" + b"()" * 50_000,
    b"coding.py": b"# -*- coding: klingon -*-\ndef f(): pass\n",
    b"deep.py": DEEP,
    b"generated.py": b"DATA = {'key': [1, 2, 3]}\n" * 400_000,
    b"keywords.py": b"def None(): pass\nclass class: pass\nfrom for import while\n",
    b"mixed.py": b"def f():\n    return '\xc3\xa9 \xe9'\n",
    b"nulls.py": b"def f(): pass\n\0\0",
    b"syntax.py": b"def f(:\n    x = [\nclass A\n",
    b"utf16.py": "def f(): pass\n".encode("utf-16"),
    b"[bold red]markup.py": b"def f(:\n",
}
"""Files that are named in a warning."""
READABLE: dict[bytes, tuple[bytes, str]] = {
    b"bom.py": (b"\xef\xbb\xbfdef f(): pass\n", "bom.f"),
    b"crlf.py": (b"def f():\r\n    pass\r\n", "crlf.f"),
    b"latin.py": (b"# -*- coding: latin-1 -*-\ndef caf\xe9(): pass\n", "latin.café"),
    b"lambda/import.py": (b"def match(): pass\n", "lambda.import.match"),
    b'with space/it\'s "so".py': (b"def f(): pass\n", 'with space.it\'s "so".f'),
    b"-dash.py": (b"def f(): pass\n", "-dash.f"),
    b"back\\slash.py": (b"def f(): pass\n", "back\\slash.f"),
}
"""Files with the name of a function in each."""
UNPRINTABLE = (b"new\nline.py", b"shop/cheapest\xff.py", b"tests/test_\x1b[31m.py")

LOOKING = {
    "callgraph": ("callgraph", "{repo}"),
    "callgraph of a commit": ("callgraph", "{repo}", "--rev", "HEAD"),
    "map": ("map", "{repo}"),
    "map of a commit": ("map", "{repo}", "--rev", "HEAD", "--tokens", "9999"),
    "locate": ("locate", "--repo", "{repo}", "--text", "{text}"),
    "code-plan": ("code-plan", "--repo", "{repo}", "--plan", "{plan}"),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A shop among unreadable files, links that loop, and a submodule that is not there."""
    project = make_project(tmp_path_factory.mktemp("hostile") / "it's a repository", SHOP)
    readable = {name: content for name, (content, _) in READABLE.items()}
    unprintable = dict.fromkeys(UNPRINTABLE, b"def cheapest(): pass\n")
    for name, content in (UNREADABLE | readable | unprintable).items():
        path = project.folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for link, target in (("one", "two"), ("two", "one"), ("here", "."), ("hosts.py", "/etc/hosts")):
        (project.folder / link).symlink_to(target)
    project.git("add", "--all")
    gitlink = f"160000,{project.git('rev-parse', 'HEAD')},vendored"
    project.git("update-index", "--add", "--cacheinfo", gitlink)
    project.git("commit", "--quiet", "--message", "hostile")
    os.mkfifo(project.folder / "pipe.py")
    return project


@pytest.fixture
def words(hostile: Project, tmp_path: Path) -> dict[str, str]:
    """What the commands are given."""
    paths = ("shop/cart.py", "../../etc/passwd", "/etc/passwd", ".git/config", "here/x.py", "one")
    steps = [
        {"order": order, "goal": "`cheapest` of no prices", "kind": "EDIT", "path": path}
        for order, path in enumerate((*paths, "generated.py", "deep.py", "hosts.py"), 1)
    ]
    (tmp_path / "plan.json").write_text(json.dumps(plan(hostile, steps)))
    (tmp_path / "text.txt").write_text("cheapest() of no prices: (a+)+$ is slow\n" * 2_000)
    named = {"repo": hostile.folder, "text": tmp_path / "text.txt", "plan": tmp_path / "plan.json"}
    return {name: str(path) for name, path in named.items()}


def plan(project: Project, steps: list[dict[str, object]]) -> dict[str, object]:
    return {
        "id": "00000000-0000-0000-0000-000000000001",
        "parent_request_id": "00000000-0000-0000-0000-000000000002",
        "steps": steps,
        "base_commit_sha": project.git("rev-parse", "HEAD"),
        "planner": "by hand",
    }


@pytest.mark.parametrize("command", LOOKING)
def test_what_can_be_read_is_answered_and_nothing_crashes(terminal, words, command: str) -> None:
    asked = [part.format_map(words) for part in LOOKING[command]]

    said = terminal.run(*asked, PYTHONIOENCODING="utf-8:strict")

    assert said.status == 0, said.err
    assert "Traceback" not in said.err
    assert "cheapest" in said.out
    assert "\x1b" not in said.out + said.err


@pytest.mark.parametrize("revision", [(), ("--rev", "HEAD")])
def test_files_that_cannot_be_read_are_named_and_the_others_are_in_the_graph(
    terminal, hostile: Project, revision: tuple[str, ...]
) -> None:
    said = terminal.run("callgraph", hostile.folder, *revision)

    warned = {line.split(": ")[1] for line in said.err.splitlines()}
    assert warned == {name.decode() for name in UNREADABLE}
    assert {function for _, function in READABLE.values()} <= set(json.loads(said.out))
    assert not any("vendored" in name or "hosts" in name for name in json.loads(said.out))


def test_a_plan_whose_paths_climb_out_of_the_tree_stays_in_it(terminal, words, hostile) -> None:
    said = terminal.run("code-plan", "--repo", words["repo"], "--plan", words["plan"], "--json")

    bundle = TaskBundle.from_json(said.out)
    left_out = [warning.path for warning in bundle.warnings if "left out" in warning.message]
    assert left_out == ["../../etc/passwd", "/etc/passwd", ".git/config"]
    assert {path for task in bundle.tasks for path in task.paths} <= {
        *("shop/cart.py", "generated.py", "deep.py", "here/x.py", "one", "hosts.py")
    }


def test_a_repository_without_a_file_has_empty_answers(terminal, words, tmp_path: Path) -> None:
    empty = make_project(tmp_path / "empty", {})
    empty.git("commit", "--quiet", "--allow-empty", "--message", "nothing")
    at_head = ("--repo", empty.folder, "--rev", "HEAD")

    graph = terminal.run("callgraph", empty.folder)
    drawn = terminal.run("map", empty.folder, "--rev", "HEAD")
    found = terminal.run("locate", *at_head, "--text", words["text"])
    cut = terminal.run("code-plan", *at_head, "--plan", words["plan"], "--json")

    assert [one.status for one in (graph, drawn, found, cut)] == [0, 0, 0, 0]
    assert graph.out == "{}\n"
    assert drawn.out == ""
    assert "there is no Python file" in drawn.err
    assert found.out == "no file shares a word with the text\n"
    assert {one.code for one in TaskBundle.from_json(cut.out).warnings} == {"UNRESOLVED_PATH"}


def test_files_that_a_repository_has_lost_are_named(terminal, words, tmp_path: Path) -> None:
    broken = make_project(tmp_path / "broken", SHOP)
    blob = broken.git("rev-parse", "HEAD:shop/cart.py")
    (broken.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    at_head = ("--repo", broken.folder, "--rev", "HEAD")

    graph = terminal.run("callgraph", broken.folder, "--rev", "HEAD")
    found = terminal.run("locate", *at_head, "--text", words["text"])
    cut = terminal.run("code-plan", *at_head, "--plan", words["plan"], "--json")

    assert graph.err == "warning: shop/cart.py: more than 1048576 bytes, or not here\n"
    assert "shop.cart.total" in json.loads(graph.out)["tests.test_cart.test_total"]
    assert found.status == 0
    assert "UNPARSED_FILE" in {one.code for one in TaskBundle.from_json(cut.out).warnings}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is no Plan: the document: Invalid JSON"),
        (b"[" * 100_000, "is no Plan: the document: Invalid JSON: recursion limit"),
        (b"[]", "is no Plan: the document: Input should be an object"),
        (b"\xff\xfe{", "is not in UTF-8: invalid start byte"),
        (b" " * (17 << 20), "a Plan has at most 16777216 bytes"),
    ],
)
def test_what_is_no_plan_is_refused(
    terminal, hostile: Project, tmp_path: Path, content: bytes, complaint: str
) -> None:
    (tmp_path / "plan.json").write_bytes(content)

    said = terminal.run("code-plan", "--repo", hostile.folder, "--plan", tmp_path / "plan.json")

    assert said.status == 2
    assert complaint in said.complaint


def test_a_plan_may_begin_with_a_byte_order_mark(terminal, hostile: Project, tmp_path) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(plan(hostile, [])).encode())

    said = terminal.run("code-plan", "--repo", hostile.folder, "--plan", file, "--json")

    assert TaskBundle.from_json(said.out).tasks == ()


def test_nothing_on_standard_input_is_an_empty_text_but_no_plan(terminal, hostile) -> None:
    text = terminal.run("locate", "--repo", hostile.folder, "--text", "-")
    no_plan = terminal.run("code-plan", "--repo", hostile.folder, "--plan", "-")
    diff = terminal.run("callgraph", hostile.folder, "--touched-by", "-", "--json")

    assert (text.status, text.out) == (0, "no file shares a word with the text\n")
    assert no_plan.status == 2
    assert "standard input is no Plan" in no_plan.complaint
    assert json.loads(diff.out) == {"symbols": [], "calls": [], "tests": []}


def test_a_reader_that_goes_away_ends_the_command_quietly(terminal, hostile: Project) -> None:
    with terminal.started("callgraph", hostile.folder, "--rev", "HEAD") as process:
        process.stdout.close()
        said = process.stderr.read()
        status = process.wait(timeout=60)

    assert status == 1
    assert "Traceback" not in said
