"""Hostile patches, each refused for its own reason, and honest ones that pass."""

from __future__ import annotations

from typing import get_args

import pytest
from gate_patches import HONEST, HOSTILE, edit, move
from hypothesis import given
from hypothesis import strategies as st

from selfheal.edits import gate
from selfheal.edits.gate import check_patch
from selfheal.errors import PatchRefused


def check(diff: str, **policy: object) -> None:
    settings = {"allowed_paths": None, "allow_sensitive": True, "find_secret": find_secret}
    check_patch(diff, **{**settings, **policy})  # type: ignore[arg-type]


def find_secret(text: str) -> str | None:
    return "TOKEN" if "s3cr3t-value" in text else None


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_patch_is_refused_for_the_right_reason(name: str) -> None:
    rule, diff = HOSTILE[name]

    with pytest.raises(PatchRefused) as refusal:
        check(diff)

    assert (refusal.value.rule, refusal.value.why != "") == (rule, True)


def test_there_are_at_least_eighty_of_them_and_they_reach_every_rule() -> None:
    named = {rule for kind in get_args(gate.Rule) for rule in get_args(kind) or (kind,)}
    of_the_task = set(get_args(gate.TaskRule))

    assert len(HOSTILE) >= 80
    assert {rule for rule, _diff in HOSTILE.values()} == named - of_the_task


@pytest.mark.parametrize(
    "path",
    [
        *(".github/workflows/ci.yml", ".GITHUB/workflows/x.yml", "docs/.gitlab-ci.yml"),
        *("pkg/conftest.py", "tox.ini", ".selfheal.toml", ".pre-commit-config.yaml"),
        *("pyproject.toml", "requirements-dev.txt", "uv.lock", "Makefile", "Dockerfile"),
        "sitecustomize.py",
    ],
)
def test_a_sensitive_path_needs_leave(path: str) -> None:
    with pytest.raises(PatchRefused, match=f"sensitive: {path}: .* needs `allow_sensitive`"):
        check(edit(path), allow_sensitive=False)

    check(edit(path), allow_sensitive=True)


def test_only_the_paths_of_the_task_may_change() -> None:
    allowed = ["src/app.py", "docs/"]

    check(edit("src/app.py") + edit("docs/deep/page.md"), allowed_paths=allowed)
    for path in ("src/app.pyc", "src/other.py", "docs", "docs2/x.md", "SRC/app.py"):
        with pytest.raises(PatchRefused, match="outside_paths"):
            check(edit(path), allowed_paths=allowed)
    with pytest.raises(PatchRefused, match=r"outside_paths: secret\.py"):
        check(move("secret.py", "docs/x.md"), allowed_paths=allowed)
    with pytest.raises(PatchRefused, match="may change only nothing"):
        check(edit("a.py"), allowed_paths=[])


def test_tests_may_be_closed_to_a_patch() -> None:
    check(edit("tests/test_app.py"))
    for path in ("tests/test_app.py", "tests/data/x.json", "pkg/conftest.py", "app/tests.py"):
        with pytest.raises(PatchRefused, match="test: "):
            check(edit(path), allow_tests=False)


def test_the_message_of_a_secret_does_not_tell_it() -> None:
    with pytest.raises(PatchRefused, match="TOKEN") as refusal:
        check(HOSTILE["secret"][1])

    assert "s3cr3t-value" not in str(refusal.value)


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_patch_passes(name: str) -> None:
    check(HONEST[name], allow_sensitive=False)


@given(st.sampled_from(sorted(HONEST)), st.integers(0, 400), st.sampled_from('\n +-@\\"\0a/.'))
def test_a_damaged_patch_is_read_or_refused_and_never_a_crash(
    name: str, place: int, character: str
) -> None:
    diff = HONEST[name]
    at = place % len(diff)

    try:
        check(diff[:at] + character + diff[at + 1 :], allow_sensitive=False)
    except PatchRefused as refusal:
        assert refusal.why


@given(st.text(alphabet='dif-git ab/x+@01,\n"\\', max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(PatchRefused):
        check(f"diff --git a/../{text}\n")
