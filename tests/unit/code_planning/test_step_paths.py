"""CP-2: paths of a step are verified, and never leave the tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.code_planning.paths import PathResolver, names_of
from selfheal.code_planning.reading import FileReader
from selfheal.codegraph.source import LoadedTree
from selfheal.contracts.plan import Step, Symbol

TREE = FileReader(
    LoadedTree(
        {
            "app/core.py": b"def fetch_all(): pass\n",
            "app/api.py": b"def serve(): pass\nclass HttpClient: pass\n",
            "other/api.py": b"",
            "README.md": b"",
        }
    )
)


def step(path: str, *, kind: str = "EDIT", goal: str = "change it", symbols=()) -> Step:
    return Step(order=1, goal=goal, kind=kind, path=path, symbols=symbols)


def test_a_path_that_exists_needs_no_warning():
    resolved = PathResolver(TREE).resolve(step("app/core.py"))

    assert resolved.files == ("app/core.py",)
    assert resolved.warnings == ()


def test_the_files_of_symbols_come_after_the_step_s_own():
    symbol = Symbol(fq_name="app.api.serve", kind="function", file_path="app/api.py")

    assert PathResolver(TREE).resolve(step("app/core.py", symbols=(symbol,))).files == (
        "app/core.py",
        "app/api.py",
    )


def test_a_spelling_of_a_path_is_made_short():
    assert PathResolver(TREE).resolve(step("./app//core.py")).files == ("app/core.py",)


def test_a_file_that_a_step_adds_may_be_missing():
    resolved = PathResolver(TREE).resolve(step("app/new/deep.py", kind="ADD"))

    assert resolved.files == ("app/new/deep.py",)
    assert resolved.warnings == ()


@pytest.mark.parametrize(
    "path",
    [
        *("../x.py", "a/../../x.py", "/etc/passwd", "app", "app/core.py/x.py", ".git/hooks/x"),
        *("a\\b", ".", "app/", "a\0b"),
    ],
)
@pytest.mark.parametrize("kind", ["ADD", "EDIT"])
def test_a_path_that_no_file_of_the_tree_can_have_is_left_out(path, kind):
    resolved = PathResolver(TREE).resolve(step(path, kind=kind))

    assert resolved.files == ()
    assert [warning.code for warning in resolved.warnings] == ["UNRESOLVED_PATH"]
    assert resolved.warnings[0].path == path


def test_a_missing_file_is_found_by_its_name():
    resolved = PathResolver(TREE).resolve(step("src/core.py"))

    assert resolved.files == ("app/core.py",)
    assert "app/core.py is the only one of that name" in resolved.warnings[0].message


@pytest.mark.parametrize("goal", ["fix fetch_all", "fix `fetch_all`", "make HttpClient.x() work"])
def test_a_missing_file_is_found_by_what_it_should_define(goal):
    resolved = PathResolver(TREE).resolve(step("src/gone.py", goal=goal))

    assert resolved.files[0] in ("app/core.py", "app/api.py")
    assert resolved.warnings[0].code == "UNRESOLVED_PATH"


def test_a_missing_file_that_nothing_resembles_stays_and_is_warned_about():
    resolved = PathResolver(TREE).resolve(step("lib/api.py", goal="change it"))

    assert resolved.files == ("lib/api.py",)
    assert "none like it" in resolved.warnings[0].message


def test_names_in_a_goal_are_those_that_look_like_code():
    found = names_of(
        step("x.py", goal="Make `load` retry, call save() and use max_tries in JobRun.")
    )

    assert found == {"load", "save", "max_tries", "JobRun"}


@given(st.text("./ab\\\n", min_size=1, max_size=12), st.sampled_from(["ADD", "EDIT", "REMOVE"]))
def test_no_path_ever_leaves_the_tree(path, kind):
    for found in PathResolver(TREE).resolve(step(path, kind=kind)).files:
        assert not found.startswith("/")
        assert ".." not in found.split("/")
        assert found.strip("/") == found


def test_a_file_is_never_removed_because_a_search_has_found_it():
    found = PathResolver(TREE, lambda goal, hints: ["app/core.py"])

    removed = found.resolve(step("app/gone.py", kind="REMOVE", goal="remove it"))
    edited = found.resolve(step("app/gone.py", goal="change it"))

    assert removed.files == ("app/gone.py",)
    assert "and none like it" in removed.warnings[0].message
    assert edited.files == ("app/core.py",)
