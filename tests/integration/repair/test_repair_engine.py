"""Small packages with one planted defect, repaired by real processes."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from selfheal.errors import Cancelled
from selfheal.repair.engine import localise, repair
from selfheal.repair.faults import cluster_faults
from selfheal.repair.task import RepairOutcome, RepairProgress, RepairTask
from selfheal.sandbox.choose import choose_sandbox

SANDBOX = choose_sandbox("none")  # the tests of the sandbox prove the others

SHAPES = """\
    from functools import lru_cache

    SIDES = {"triangle": 3, "square": 4}


    def area(width, height):
        return width * height


    def perimeter(sides):
        total = 0
        for side in sides:
            total += side
        return total


    def clamp(value, low, high):
        return max(low, min(value, high))


    def countdown(number):
        steps = []
        while number > 0:
            steps.append(number)
            number -= 1
        return steps


    @lru_cache
    def sides(name):
        return SIDES[name]


    class Box:
        def __init__(self, width=1, height=1):
            self.width, self.height = width, height

        def is_square(self):
            print("noise on the channel of the validator")
            return self.width == self.height
"""
TESTS = """\
    import unittest

    import pytest

    from shapes import Box, area, clamp, countdown, perimeter, sides


    @pytest.mark.parametrize("width, height, expected", [(2, 3, 6), (1, 1, 1), (4, 2, 8)])
    def test_area(width, height, expected):
        assert area(width, height) == expected


    @pytest.fixture
    def square():
        return Box(2, 2)


    def test_square(square):
        assert square.is_square() and not Box(1, 2).is_square()


    def test_default_box():
        assert Box().is_square() and Box().width == 1


    def test_sides():
        assert [sides("triangle"), sides("square")] == [3, 4]


    class Lists(unittest.TestCase):
        def test_perimeter(self):
            self.assertEqual(perimeter([1, 2, 3]), 6)

        def test_clamp(self):
            self.assertEqual([clamp(n, 0, 9) for n in (-1, 5, 12)], [0, 5, 9])

        def test_countdown(self):
            self.assertEqual(countdown(3), [3, 2, 1])
"""


def package(folder: Path, old: str = "", new: str = "", *, source: str = ".") -> Path:
    text = dedent(SHAPES)
    assert old in text
    (folder / source).mkdir(exist_ok=True)
    (folder / source / "shapes.py").write_text(text.replace(old, new, 1))
    (folder / "tests").mkdir()
    (folder / "tests" / "test_shapes.py").write_text(dedent(TESTS))
    return folder


def repaired(worktree: Path, **more: object) -> RepairOutcome:
    return repair(task(worktree, **more))


def task(worktree: Path, **more: object) -> RepairTask:
    return RepairTask(
        worktree=worktree,
        python=Path(sys.executable),
        sandbox=SANDBOX,
        environment={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # ours are slow to import
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("width * height", "width + height"),
        ("max(low, min(", "min(low, min("),
        pytest.param(
            *("self.width == self.height", "self.width == self.width"), marks=pytest.mark.slow
        ),
        pytest.param(*('"square": 4', '"square": 5'), marks=pytest.mark.slow),
        ("        return self.width ==", "        return self.widht =="),
    ],
)
def test_a_planted_defect_is_undone(tmp_path: Path, old: str, new: str) -> None:
    tree = package(tmp_path, old, new)
    broken = (tree / "shapes.py").read_bytes()

    outcome = repaired(tree)

    assert outcome.status == "fixed", outcome
    best = outcome.patches[0]
    assert (best.path, best.verdict, outcome.reason) == ("shapes.py", "fixes", "")
    assert "--- a/shapes.py\n+++ b/shapes.py\n" in best.diff
    assert 0 < best.confidence <= 1 and outcome.plausible >= 1
    assert (tree / "shapes.py").read_bytes() == broken
    (tree / "shapes.py").write_text(best.new_text)
    assert repaired(tree).status == "nothing_to_do"


@pytest.mark.slow
def test_a_loop_that_never_ends_is_repaired(tmp_path: Path) -> None:
    tree = package(tmp_path, "number -= 1", "number -= 0")

    outcome = repaired(tree)

    assert outcome.status == "fixed", outcome
    assert outcome.patches[0].qualname == "countdown"
    assert outcome.patches[0].fixes == ("tests/test_shapes.py::Lists::test_countdown",)


def test_a_module_that_cannot_be_imported_is_repaired(tmp_path: Path) -> None:
    tree = package(tmp_path, "@lru_cache", "@lru_cahce")

    outcome = repaired(tree)

    assert outcome.status == "fixed", outcome
    assert "\n+@lru_cache" in outcome.patches[0].diff
    assert outcome.patches[0].fixes == ("tests/test_shapes.py",)


def test_the_source_folder_of_a_src_layout_is_found(tmp_path: Path) -> None:
    outcome = repaired(package(tmp_path, "width * height", "width // height", source="src"))

    assert outcome.status == "fixed", outcome
    assert outcome.patches[0].path == "src/shapes.py"


@pytest.mark.slow
def test_the_same_tree_gives_the_same_patches(tmp_path: Path) -> None:
    tree = package(tmp_path, "min(value, high)", "min(value, low)")

    one, other = repaired(tree), repaired(tree)

    assert one.patches == other.patches
    assert one.validations == other.validations
    assert one.patches


def test_only_the_given_paths_are_changed(tmp_path: Path) -> None:
    tree = package(tmp_path, "width * height", "width + height")
    (tree / "other.py").write_text("def unused():\n    return 1\n")

    outcome = repaired(tree, paths=("other.py",))

    assert outcome.status == "no_fix"
    assert "no failing test runs a line" in outcome.reason


def test_a_tree_that_is_green_has_nothing_to_do(tmp_path: Path) -> None:
    outcome = repaired(package(tmp_path))

    assert (outcome.status, outcome.patches) == ("nothing_to_do", ())
    assert outcome.reason


def test_a_tree_without_tests_cannot_be_repaired(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text(dedent(SHAPES))

    outcome = repaired(tmp_path)

    assert outcome.status == "cannot_run"
    assert "no test" in outcome.reason


def test_a_test_that_is_not_there_is_named(tmp_path: Path) -> None:
    outcome = repaired(package(tmp_path), failing=("tests/test_shapes.py::test_gone",))

    assert outcome.status == "cannot_run"
    assert "test_gone" in outcome.reason


def test_an_unreachable_fix_ends_with_a_reason(tmp_path: Path) -> None:
    tree = package(tmp_path)
    (tree / "tests" / "test_shapes.py").write_text(
        "from shapes import area\n\n\ndef test_impossible():\n    assert area(2, 3) == object()\n"
    )

    outcome = repaired(tree, max_candidates=40)

    assert outcome.status == "no_fix"
    assert "40" in outcome.reason
    assert outcome.not_tried and outcome.looked_at[0].qualname == "area"


@pytest.mark.slow
def test_a_given_test_is_repaired_while_another_fault_stays(tmp_path: Path) -> None:
    tree = package(tmp_path, "width * height", "width + height")
    text = (tree / "shapes.py").read_text()
    (tree / "shapes.py").write_text(text.replace("number -= 1", "number -= 2"))

    outcome = repaired(tree, failing=("tests/test_shapes.py::Lists::test_countdown",))

    assert outcome.status == "fixed", outcome
    assert outcome.patches[0].qualname == "countdown"


def test_two_defects_are_two_faults(tmp_path: Path) -> None:
    tree = package(tmp_path, "width * height", "width + height")
    text = (tree / "shapes.py").read_text()
    (tree / "shapes.py").write_text(text.replace("total += side", "total -= side"))

    found = localise(task(tree))

    suspects = {fault.suspects[0].qualname for fault in cluster_faults(found)}
    assert suspects == {"area", "perimeter"}


def test_a_stopped_repair_raises_cancelled_and_leaves_the_tree(tmp_path: Path) -> None:
    tree = package(tmp_path, "width * height", "width + height")
    before = (tree / "shapes.py").read_bytes()
    stages: list[str] = []

    def note(progress: RepairProgress) -> None:
        stages.append(progress.stage)

    with pytest.raises(Cancelled):
        repaired(tree, stop=lambda: "search" in stages, progress=note)

    assert (tree / "shapes.py").read_bytes() == before
    assert sorted(p.name for p in tree.iterdir()) == ["shapes.py", "tests"]
