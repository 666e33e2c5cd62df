from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from git_origins import Origin, tripwire

from selfheal.errors import Fenced, GitFailed, Refused
from selfheal.workspace.mirror import Mirror
from selfheal.workspace.refs import Refs, attempt_ref, result_ref, task_ref


@pytest.fixture
def shas(mirror: Mirror, origin: Origin) -> list[str]:
    made = [origin.commit({"app.py": f"{n}\n"}) for n in range(4)]
    mirror.fetch()
    return made


@pytest.fixture
def refs(mirror: Mirror) -> Refs:
    return Refs(mirror)


def test_a_ref_moves_from_where_it_is_expected(refs: Refs, shas: list[str], origin: Origin) -> None:
    ref = task_ref("T-1")

    refs.push(shas[1], ref, expect=None)
    refs.push(shas[2], ref, expect=shas[1])
    # Backwards too: what is compared is the place, not the history.
    refs.push(shas[0], ref, expect=shas[2])

    assert origin.git("rev-parse", "refs/heads/agt/T-1") == shas[0] == refs.read(ref)


def test_a_ref_that_is_elsewhere_is_fenced(refs: Refs, shas: list[str]) -> None:
    ref = result_ref("CR-1")
    refs.push(shas[1], ref, expect=None)

    for expected in (None, shas[0]):
        with pytest.raises(Fenced, match="another attempt has moved it"):
            refs.push(shas[2], ref, expect=expected)
    with pytest.raises(Fenced):
        refs.delete(ref, expect=shas[0])

    assert refs.read(ref) == shas[1]


def test_a_ref_that_has_gone_is_fenced(refs: Refs, shas: list[str]) -> None:
    with pytest.raises(Fenced, match="but is at no commit"):
        refs.push(shas[1], task_ref("T-1"), expect=shas[0])


def test_a_push_may_be_repeated(refs: Refs, shas: list[str]) -> None:
    for _ in range(2):
        refs.push(shas[1], attempt_ref("T-1", 7), expect=None)
    for _ in range(2):
        refs.delete(attempt_ref("T-1", 7), expect=shas[1])

    assert refs.list("refs/selfheal/") == {}


def test_of_many_pushes_onto_one_ref_exactly_one_wins(refs: Refs, shas: list[str]) -> None:
    def push(sha: str) -> str | None:
        try:
            refs.push(sha, task_ref("T-1"), expect=None)
        except (Fenced, GitFailed):
            return None
        return sha

    with ThreadPoolExecutor(4) as pool:
        won = [sha for sha in pool.map(push, shas) if sha]

    assert len(won) == 1
    assert refs.read(task_ref("T-1")) == won[0]


def test_refs_are_listed_by_prefix(refs: Refs, shas: list[str]) -> None:
    for token in (7, 12):
        refs.push(shas[0], attempt_ref("T-1", token), expect=None)
    refs.push(shas[1], attempt_ref("T-10", 1), expect=None)
    refs.push(shas[2], result_ref("CR-1"), expect=None)

    assert refs.list("refs/selfheal/attempts/T-1/") == {
        "refs/selfheal/attempts/T-1/7": shas[0],
        "refs/selfheal/attempts/T-1/12": shas[0],
    }
    assert len(refs.list("refs/selfheal/attempts/")) == 3
    assert "refs/heads/main" in refs.list("refs/heads/")
    assert refs.read("refs/heads/absent") is None


@pytest.mark.parametrize(
    "ref",
    [
        *("refs/heads/main", "main", "HEAD", "refs/tags/v1", "refs/heads/agt/", "--all"),
        *("refs/heads/agt/../main", "refs/heads/agt/a/b", "refs/heads/agt/x\n"),
        *("refs/heads/selfheal/x.lock", "refs/heads/agt/x:refs/heads/main"),
        *("refs/selfheal/attempts/T-1", "refs/selfheal/attempts/T-1/x"),
    ],
)
def test_no_other_ref_is_ever_written(
    refs: Refs, shas: list[str], origin: Origin, ref: str
) -> None:
    with pytest.raises(Refused, match="never to the target branch"):
        refs.push(shas[0], ref, expect=shas[3])
    with pytest.raises(Refused):
        refs.delete(ref, expect=shas[3])

    assert origin.git("rev-parse", "main") == shas[3]


def test_a_push_runs_no_hook_of_a_local_origin(
    refs: Refs, shas: list[str], origin: Origin, tmp_path: Path
) -> None:
    program, mark = tripwire(tmp_path)
    hooks = origin.folder / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction"):
        shutil.copy(program, hooks / name)
    origin.git("config", "core.fsmonitor", str(program))
    origin.git("config", "core.hooksPath", str(hooks))

    refs.push(shas[0], task_ref("T-1"), expect=None)

    assert not mark.exists()


def test_a_branch_somebody_has_checked_out_is_left_alone(
    refs: Refs, shas: list[str], origin: Origin
) -> None:
    origin.git("config", "receive.denyCurrentBranch", "updateInstead")
    origin.git("checkout", "--quiet", "-b", "selfheal/CR-1")

    with pytest.raises(GitFailed, match="refusing to update checked out branch"):
        refs.push(shas[0], result_ref("CR-1"), expect=shas[3])

    assert (origin.folder / "app.py").read_text() == "3\n"


def test_an_origin_that_does_not_answer_is_no_fence(
    mirror: Mirror, refs: Refs, shas: list[str], origin: Origin
) -> None:
    shutil.rmtree(origin.folder)

    with pytest.raises(GitFailed, match="does not appear to be a git repository"):
        refs.push(shas[0], task_ref("T-1"), expect=None)


def test_a_repository_of_another_user_can_be_pushed_to(
    refs: Refs, shas: list[str], foreign_origin: Origin
) -> None:
    refs.push(shas[0], task_ref("T-1"), expect=None)

    assert refs.read(task_ref("T-1")) == shas[0]
