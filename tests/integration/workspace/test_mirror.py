from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from git_origins import Origin, tripwire

from selfheal.errors import GitFailed, InvalidInput, InvalidRepository, TimedOut
from selfheal.workspace.mirror import Mirror, checked_url


def test_a_mirror_follows_its_origin(mirror: Mirror, origin: Origin) -> None:
    second = origin.commit({"app.py": "four\n"})
    origin.git("branch", "topic", "HEAD~1")
    origin.git("update-ref", "refs/selfheal/attempts/T-1/7", second)

    mirror.fetch()

    assert mirror.resolve("main") == second
    assert mirror.branches() == ("main", "topic")
    assert mirror.git.text("rev-parse", "refs/selfheal/attempts/T-1/7") == second
    assert mirror.read_file(second, "app.py") == b"four\n"


def test_what_the_origin_deletes_goes_from_the_mirror(mirror: Mirror, origin: Origin) -> None:
    origin.git("branch", "area")
    mirror.fetch()
    origin.git("branch", "-D", "area")
    origin.git("branch", "area/one")

    mirror.fetch()

    assert mirror.branches() == ("area/one", "main")


def test_one_url_has_one_mirror_and_another_url_another(origin: Origin, tmp_path: Path) -> None:
    folder = tmp_path / "mirrors"

    first = Mirror.open(folder, origin.url)
    again = Mirror.open(folder, origin.url)
    other = Mirror.open(folder, f"file://{origin.url}")

    assert first.folder == again.folder != other.folder


def test_a_branch_or_a_shortened_sha_resolves_to_a_commit(mirror: Mirror, origin: Origin) -> None:
    head = origin.git("rev-parse", "HEAD")

    assert mirror.resolve("main") == head
    assert mirror.resolve(head) == head
    assert mirror.resolve(head[:10]) == head


@pytest.mark.parametrize(
    "revision", ["nope", "main~0", "main:app.py", "main@{0}", "--all", "a" * 40, "", "../HEAD"]
)
def test_an_unknown_revision_names_the_branches_there_are(mirror: Mirror, revision: str) -> None:
    with pytest.raises(InvalidRepository, match="its branches are main"):
        mirror.resolve(revision)


def test_an_origin_without_commits_says_so(tmp_path: Path) -> None:
    empty = Mirror.open(tmp_path / "mirrors", Origin(tmp_path / "empty").url)

    empty.fetch()

    with pytest.raises(InvalidRepository, match="no branches at all"):
        empty.resolve("main")


def test_an_origin_that_is_not_there_is_a_failure_of_git(tmp_path: Path) -> None:
    mirror = Mirror.open(tmp_path / "mirrors", str(tmp_path / "nothing"))

    with pytest.raises(GitFailed, match="does not appear to be a git repository"):
        mirror.fetch()


@pytest.mark.parametrize(
    "url",
    ["/srv/x", "file:///srv/x", "https://h.org/x.git", "ssh://git@h.org:22/x", "git@h.org:a/b.git"],
)
def test_urls_git_may_be_given(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "../x", "/srv/x\n", "-oProxyCommand=x", "h.org:-x", "ssh://-x/y"),
        *("ext::sh -c x", "http://h.org/x", "http://[", "file://host/x"),
        *("https://u:pw@h.org/x", "https://h.org/a b"),
    ],
)
def test_urls_git_is_never_given(url: str) -> None:
    with pytest.raises(InvalidRepository) as refusal:
        checked_url(url)

    assert "pw@" not in str(refusal.value)


def test_files_are_read_without_a_checkout(mirror: Mirror, origin: Origin) -> None:
    (origin.folder / "link").symlink_to("/etc/passwd")
    origin.git("add", "link")
    sha = origin.commit({"tab\there\nand line.txt": "odd\n", "crlf.txt": "a\r\nb", "empty": ""})
    mirror.fetch()

    paths = [entry.path for entry in mirror.ls_tree(sha)]
    found = mirror.blobs(sha, [*paths, "missing.txt"])

    assert found["tab\there\nand line.txt"] == b"odd\n"
    assert found["crlf.txt"] == b"a\r\nb"
    assert found["empty"] == b""
    assert "link" in paths
    assert "link" not in found
    assert mirror.read_file(sha, "missing.txt") is None
    assert mirror.read_file(sha, "*.txt") is None


def test_what_is_too_large_is_refused_and_not_cut(mirror: Mirror, origin: Origin) -> None:
    old = origin.git("rev-parse", "HEAD")
    new = origin.commit({"big.txt": "line\n" * 1000})
    mirror.fetch()

    with pytest.raises(InvalidInput, match="5000 bytes, at most 100"):
        mirror.read_file(new, "big.txt", max_bytes=100)
    with pytest.raises(InvalidInput, match="name the paths you need"):
        mirror.diff(old, new, max_bytes=100)


def test_history_of_a_file(mirror: Mirror, origin: Origin) -> None:
    first = origin.git("rev-parse", "HEAD")
    second = origin.commit({"app.py": "one\nTWO\nthree\n"}, "shout\n\nbecause")
    origin.commit({"other.py": "x\n"})
    mirror.fetch()
    head = mirror.resolve("main")

    log = mirror.log(head, path="app.py")
    blame = mirror.blame(head, "app.py", lines=(2, 3))

    assert [(commit.sha, commit.message) for commit in log] == [
        (second, "shout\n\nbecause"),
        (first, "first"),
    ]
    assert log[0].parents == (first,)
    assert log[1].parents == ()
    assert [(line.number, line.sha, line.text) for line in blame] == [
        (2, second, "TWO"),
        (3, first, "three"),
    ]
    assert len(mirror.log(head, limit=2)) == 2
    assert mirror.changed_paths(first, head) == ("app.py", "other.py")
    assert "+TWO" in mirror.diff(first, head, paths=("app.py",))
    assert "other.py" not in mirror.diff(first, head, paths=("app.py",))


def test_a_commit_on_no_branch_can_be_fetched_by_its_sha(mirror: Mirror, origin: Origin) -> None:
    tree = origin.git("rev-parse", "HEAD^{tree}")
    dangling = origin.git("commit-tree", "-m", "on no branch", tree)

    mirror.fetch([dangling])

    assert mirror.log(dangling)[0].message == "on no branch"


def test_a_fetch_runs_nothing_of_the_origin(mirror: Mirror, origin: Origin, tmp_path: Path) -> None:
    program, mark = tripwire(tmp_path)
    for setting in ("core.fsmonitor", "uploadpack.packObjectsHook", "core.alternateRefsCommand"):
        origin.git("config", setting, str(program))
    origin.commit({"app.py": "again\n"})
    mark.unlink(missing_ok=True)

    mirror.fetch()

    assert not mark.exists()


def test_a_repository_of_another_user_can_be_mirrored(
    foreign_origin: Origin, tmp_path: Path
) -> None:
    mirror = Mirror.open(tmp_path / "mirrors", foreign_origin.url)
    mirror.fetch()

    assert mirror.branches() == ("main",)


def test_lock_files_and_half_packs_of_a_killed_git_do_not_block_the_next_fetch(
    mirror: Mirror, origin: Origin
) -> None:
    new = origin.commit({"app.py": "new\n"})
    leftovers = ["packed-refs.lock", "config.lock", "refs/heads/main.lock", "objects/pack/tmp_pack"]
    for name in leftovers:
        (mirror.folder / name).write_text("")

    mirror.fetch()

    assert mirror.resolve("main") == new
    assert not any((mirror.folder / name).exists() for name in leftovers)


def test_a_half_made_mirror_does_not_block_the_next(origin: Origin, tmp_path: Path) -> None:
    folder = tmp_path / "mirrors"
    name = Mirror.open(folder, origin.url).folder
    name.rename(name.with_name(f"{name.name}.new-killed"))

    mirror = Mirror.open(folder, origin.url)
    mirror.fetch()

    assert mirror.branches() == ("main",)
    assert [path.name for path in folder.glob("*.new-*")] == []


def test_workers_killed_during_fetches_leave_a_whole_mirror(mirror: Mirror, origin: Origin) -> None:
    chance = random.Random(20260501)
    for round_ in range(4):
        origin.commit({f"f{n}.txt": f"{round_} {n}\n" * 50 for n in range(20)})
        for n in range(20):
            origin.git("branch", "-f", f"topic-{n}")
        with fetching(mirror) as worker:
            wait_until(lambda: bool(running_on(mirror)), or_ended=worker)
            time.sleep(chance.uniform(0, 0.06))  # the moment of death, not a wait for anything
            worker.kill()
            for pid in running_on(mirror):
                kill(pid)

    mirror.fetch()

    assert mirror.resolve("main") == origin.git("rev-parse", "HEAD")
    assert len(mirror.branches()) == 21
    assert mirror.git.run("fsck", "--connectivity-only").code == 0


def test_git_that_outlives_its_killed_worker_keeps_the_lock_until_it_ends(
    origin: Origin, tmp_path: Path, slow_ssh: Path
) -> None:
    mirror = Mirror.open(tmp_path / "mirrors", f"git@localhost:{origin.url}")
    with fetching(mirror) as worker:
        wait_until(lambda: (slow_ssh / "called").exists())
        worker.kill()

    with pytest.raises(TimedOut, match="another process holds"):
        mirror.fetch(seconds=0.2)
    (slow_ssh / "go").touch()
    mirror.fetch()

    assert mirror.branches() == ("main",)


def test_many_workers_may_fetch_at_once(mirror: Mirror, origin: Origin) -> None:
    new = origin.commit({"app.py": "new\n"})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: mirror.fetch(), range(6)))

    assert mirror.resolve("main") == new


@pytest.fixture
def slow_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An `ssh` that serves this host, but not before the file `go` is there."""
    folder = tmp_path / "ssh"
    folder.mkdir()
    script = f"""\
        #!/bin/sh
        touch {folder}/called
        while ! [ -e {folder}/go ]; do sleep 0.02; done
        for last; do :; done
        exec sh -c "$last"
        """
    (folder / "ssh").write_text(textwrap.dedent(script))
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    yield folder
    (folder / "go").touch()


def fetching(mirror: Mirror) -> subprocess.Popen[bytes]:
    """Another worker, in the middle of a fetch."""
    program = (
        "import sys; from pathlib import Path; from selfheal.workspace.mirror import Mirror\n"
        "Mirror.open(Path(sys.argv[1]), sys.argv[2]).fetch()"
    )
    command = [sys.executable, "-c", program, str(mirror.folder.parent), mirror.url]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def running_on(mirror: Mirror) -> list[int]:
    """Processes of git that work on this mirror."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except (FileNotFoundError, ProcessLookupError):
            continue
        if f"--git-dir={mirror.folder}".encode() in command:
            found.append(int(entry.name))
    return found


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_until(
    condition: Callable[[], bool], *, or_ended: subprocess.Popen[bytes] | None = None
) -> None:
    deadline = time.monotonic() + 20
    while not condition() and (or_ended is None or or_ended.poll() is None):
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.005)
