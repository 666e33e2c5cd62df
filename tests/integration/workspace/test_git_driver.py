from __future__ import annotations

from pathlib import Path

import pytest
from git_origins import Origin

from selfheal.errors import GitFailed, InvalidInput, TimedOut
from selfheal.workspace.git import Credential, Git, Identity, checked_sha, git_version

ASKED = b"protocol=https\nhost=example.org\n\n"


def asking(git_dir: Path, helper: str) -> Git:
    """git that runs a shell line of ours in place of a credential helper."""
    return Git(git_dir, config={"credential.helper": f"!f() {{ {helper}; }}; f"})


def test_git_sees_nothing_of_our_environment(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-git")
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.pager=false'")
    seen = tmp_path / "environment"

    asking(origin.folder / ".git", f"env > {seen}").run(
        "credential", "fill", stdin=ASKED, accept=(0, 128)
    )

    environment = seen.read_text()
    assert "sk-not-for-git" not in environment
    assert "/nonexistent" not in environment
    assert "core.pager=false" not in environment
    assert "HOME=/dev/null" in environment


def test_relative_folders_of_the_search_path_are_dropped(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f".:bin:/usr/bin:/bin:{tmp_path}")
    seen = tmp_path / "path"

    asking(origin.folder / ".git", f'echo "$PATH" > {seen}').run(
        "credential", "fill", stdin=ASKED, accept=(0, 128)
    )

    # git puts the folder of its own programs first.
    assert seen.read_text().strip().endswith(f"/usr/bin:/bin:{tmp_path}")
    assert all(entry.startswith("/") for entry in seen.read_text().split(":"))


def test_a_credential_is_given_for_its_own_origin_only(origin: Origin) -> None:
    credential = Credential("https://example.org", "bot", "correct horse")
    git = Git(origin.folder / ".git", credential=credential)

    answer = git.run("credential", "fill", stdin=ASKED)

    assert "password=correct horse\n" in answer.text
    with pytest.raises(GitFailed):
        git.run("credential", "fill", stdin=b"protocol=https\nhost=elsewhere.org\n\n")


def test_a_failure_shows_no_credential(origin: Origin) -> None:
    credential = Credential("https://example.org", "bot", "correct-horse")
    git = Git(origin.folder / ".git", credential=credential)

    with pytest.raises(GitFailed) as failure:
        git.run(
            "fetch", operands=("/nowhere/correct-horse", "https://bot:other-pass@example.org/x")
        )

    assert "correct-horse" not in str(failure.value)
    assert "other-pass" not in str(failure.value)
    assert "git fetch" in str(failure.value)
    assert "correct horse" not in repr(credential)


def test_a_command_that_hangs_ends_at_its_limit_with_its_children(
    origin: Origin, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    git = asking(origin.folder / ".git", f"echo $$ > {pid}; sleep 60")

    with pytest.raises(TimedOut, match=r"git credential did not end within 0\.5 s"):
        git.run("credential", "fill", stdin=ASKED, seconds=0.5)

    assert not is_alive(int(pid.read_text()))


@pytest.mark.parametrize("text", ["--upload-pack=evil", "-c", "main\n--evil", "main\0"])
def test_text_from_outside_never_becomes_an_option(origin: Origin, text: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be given to git"):
        Git(origin.folder / ".git").run("rev-parse", operands=(text,))


def test_a_path_with_pathspec_magic_is_taken_literally(origin: Origin) -> None:
    origin.commit({"app.py": "changed\n"})
    git = Git(origin.folder / ".git", origin.folder)

    listed = git.run("ls-files", "-z", paths=(":(glob)**", "*.py", "app.py"))

    assert listed.records == ("app.py",)


@pytest.mark.parametrize("protocol", ["ext::sh -c true", "http://example.org/x", "git://x/y"])
def test_protocols_that_are_not_allowed_are_refused_by_git_too(
    origin: Origin, protocol: str
) -> None:
    with pytest.raises(GitFailed, match="not allowed"):
        Git(origin.folder / ".git").run("fetch", operands=(protocol,))


def test_the_version_of_git_is_new_enough() -> None:
    assert git_version() >= (2, 38)


@pytest.mark.parametrize("sha", ["HEAD", "a" * 39, "A" * 40, "a" * 40 + "\n", "--all"])
def test_only_a_full_sha_passes_for_one(sha: str) -> None:
    with pytest.raises(InvalidInput, match="expected a full commit sha"):
        checked_sha(sha)


@pytest.mark.parametrize("name", ["", "  ", "Eve <eve@example.org>", "Eve\nparent 0"])
def test_an_identity_cannot_forge_a_commit_header(name: str) -> None:
    with pytest.raises(InvalidInput, match="expected a name"):
        Identity(name, "eve@example.org")


def is_alive(pid: int) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
