"""`selfheal locate` as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.projects import SHOP, Project


def test_a_text_leads_to_a_function_of_a_bare_clone_of_an_earlier_commit(
    terminal, project: Callable[..., Project], tmp_path: Path
) -> None:
    shop = project(SHOP)
    shop.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    issue = tmp_path / "issue.txt"
    issue.write_text("`cheapest` fails for an empty cart\n")

    said = terminal.run(
        "locate", "--repo", tmp_path / "bare.git", "--rev", "main", "--text", issue, "--json"
    )

    found = json.loads(said.out)
    assert set(found) == {"files", "functions", "tests", "timings"}
    assert found["files"][0]["path"] == "shop/cart.py"
    assert set(found["files"][0]) == {"path", "score", "why"}
    assert set(found["functions"][0]) == {"path", "qualname", "score", "why"}
    assert found["functions"][0]["qualname"] == "cheapest"


def test_people_get_lines_and_a_limit(terminal, project: Callable[..., Project], tmp_path) -> None:
    shop = project(SHOP)
    issue = tmp_path / "issue.txt"
    issue.write_text("cheapest price")

    said = terminal.run("locate", "--repo", shop.folder, "--text", issue, "--limit", "1")

    assert said.status == 0
    assert said.out.count("shop/cart.py") >= 1


def test_what_cannot_be_done_is_said(terminal, project: Callable[..., Project], tmp_path) -> None:
    shop = project(SHOP)
    issue = tmp_path / "issue.txt"
    issue.write_text("cheapest price")

    for status, *wrong in (
        (5, "--repo", tmp_path, "--text", issue),
        (2, "--repo", shop.folder, "--text", tmp_path / "nothing"),
        (5, "--repo", shop.folder, "--text", issue, "--rev", "nowhere"),
        (2, "--repo", shop.folder, "--text", issue, "--rerank"),
    ):
        said = terminal.run("locate", *wrong)
        assert said.status == status, said
        assert "Traceback" not in said.err
