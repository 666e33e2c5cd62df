"""The demo's project is wrong in the ways that are meant, and in no other.

The defects, each one token: two stand alone; in each of the other two pairs a caller and what it
calls are both wrong, so that a test of the caller passes only after both are mended.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Defect:
    file: str
    wrong: str
    right: str
    seen_by: frozenset[str]


DEFECTS = {
    "discount_rate": Defect(
        "pricing.py",
        "if quantity > enough:",
        "if quantity >= enough:",
        frozenset({"test_a_step_is_reached_with_its_own_quantity"}),
    ),
    "debts_by_age": Defect(
        "report.py",
        "(invoice.due - today).days",
        "(today - invoice.due).days",
        frozenset(
            {
                "test_debts_are_grouped_by_days_after_the_due_date",
                "test_a_debt_is_late_from_the_day_after_its_last_one",
            }
        ),
    ),
    "percent": Defect(
        "money.py",
        "amount * rate + 49)",
        "amount * rate + 50)",
        frozenset({"test_half_a_cent_counts_as_a_whole_one"}),
    ),
    "total": Defect(
        "invoice.py",
        "return self.net() - self.tax()",
        "return self.net() + self.tax()",
        frozenset(
            {
                "test_the_total_is_net_and_tax",
                "test_a_payment_lowers_the_balance",
                "test_more_than_is_open_cannot_be_paid",
                "test_a_paid_invoice_is_never_overdue",
                "test_instalments_add_up_to_the_balance",
            }
        ),
    ),
    "available": Defect(
        "stock.py",
        "return self._on_hand[article] + self._reserved[article]",
        "return self._on_hand[article] - self._reserved[article]",
        frozenset(
            {
                "test_reserved_pieces_are_not_available",
                "test_no_more_is_reserved_than_available",
                "test_all_that_is_available_can_be_reserved",
                "test_a_released_piece_is_available_again",
            }
        ),
    ),
    "to_reorder": Defect(
        "stock.py",
        "if count >= 0}",
        "if count > 0}",
        frozenset({"test_articles_at_their_minimum_are_not_ordered"}),
    ),
}
# Tests of a caller that also need what it calls: name of the test, caller, called.
DEPENDENT = [
    ("test_the_total_of_cheap_articles_has_half_cents_rounded_up", "total", "percent"),
    ("test_promised_pieces_are_ordered_again", "to_reorder", "available"),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    with as_file(files("selfheal") / "cli" / "demo_project") as source:
        return Path(
            shutil.copytree(
                source, tmp_path / "ledger", ignore=shutil.ignore_patterns("__pycache__")
            )
        )


def mend(project: Path, *names: str) -> None:
    for name in names:
        defect = DEFECTS[name]
        file = project / "ledger" / defect.file
        text = file.read_text()
        assert text.count(defect.wrong) == 1, f"{defect.file} does not hold the defect of {name}"
        file.write_text(text.replace(defect.wrong, defect.right))


def failing_tests(project: Path) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", "--tb=no", "-p", "no:cacheprovider"],
        cwd=project,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return set(re.findall(r"^FAILED [^:]+::(\w+)", run.stdout, re.MULTILINE))


def test_every_defect_is_seen_by_its_tests_and_nothing_else_fails(project: Path) -> None:
    expected = set().union(*(defect.seen_by for defect in DEFECTS.values()))

    assert failing_tests(project) == expected | {test for test, _, _ in DEPENDENT}


def test_the_project_is_right_once_all_defects_are_mended(project: Path) -> None:
    mend(project, *DEFECTS)

    assert failing_tests(project) == set()


@pytest.mark.parametrize(("test", "caller", "called"), DEPENDENT)
def test_a_dependent_test_passes_only_after_both_are_mended(
    project: Path, test: str, caller: str, called: str
) -> None:
    mend(project, called)
    with_called_mended = failing_tests(project)

    mend(project, caller)
    with_both_mended = failing_tests(project)

    assert test in with_called_mended
    assert not DEFECTS[called].seen_by & with_called_mended
    assert test not in with_both_mended


@pytest.mark.parametrize(("test", "caller", "called"), DEPENDENT)
def test_mending_the_caller_alone_is_not_enough(
    project: Path, test: str, caller: str, called: str
) -> None:
    mend(project, caller)

    assert test in failing_tests(project)
