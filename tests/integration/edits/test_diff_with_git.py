"""Our diff held against `git apply` and unidiff: what they make of it is the new text, exactly."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unidiff.patch import PatchSet

from selfheal.contracts.commit_result import DiffStat
from selfheal.edits.diff import diff_stat, unified_diff
from selfheal.edits.gate import check_patch
from selfheal.edits.patch import read_patch
from selfheal.errors import InvalidEdit

Files = Mapping[str, str | None]


def applied(old: Files, diff: str) -> dict[str, str]:
    """The files after `git apply`, in a folder that is no repository."""
    with tempfile.TemporaryDirectory(prefix="selfheal-test-") as name:
        folder = Path(name)
        for path, text in old.items():
            if text is not None:
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text.encode())
        if diff:
            git_apply(folder, diff, "--check")
            git_apply(folder, diff, "--whitespace=nowarn")
        found = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes().decode() for path in found}


def git_apply(folder: Path, diff: str, option: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": "/dev/null", "GIT_CEILING_DIRECTORIES": "/"}
    done = subprocess.run(
        ["git", "apply", option, "-"],
        cwd=folder,
        env=environment,
        input=diff.encode(),
        capture_output=True,
    )
    assert done.returncode == 0, f"{done.stderr.decode()}\n{diff}"


def present(files: Files) -> dict[str, str]:
    return {path: text for path, text in files.items() if text is not None}


LINE = st.sampled_from(
    [
        "",
        "a",
        "b",
        "  c",
        "\r",
        "d\r",
        "x\x0cy\u2028z",
        "-- e",
        "++ f",
        "@@ -1 +1 @@",
        "\\ No newline",
    ]
)
TEXT = st.builds(
    lambda lines, end: "".join(f"{line}\n" for line in lines) + end,
    st.lists(LINE, max_size=12),
    st.sampled_from(["", "end", "é\t"]),
)
PATHS = ("app.py", "sub folder/ö.txt", 'quo"ted\\.py', "tab\there", "line\nbreak", "lib/b.txt")
FILES = st.dictionaries(st.sampled_from(PATHS), st.none() | TEXT, max_size=4)


@settings(max_examples=60, deadline=None)
@given(old=FILES, new=FILES)
def test_git_makes_the_new_texts_from_the_diff(old: Files, new: Files) -> None:
    diff = unified_diff(old, new)

    assert applied(old, diff) == present({**old, **new})


@settings(max_examples=200, deadline=None)
@given(old=FILES, new=FILES)
def test_every_reader_counts_the_same(old: Files, new: Files) -> None:
    diff = unified_diff(old, new)

    stat, second = diff_stat(diff), PatchSet.from_string(diff)

    changed = [path for path in new if old.get(path) != new[path]]
    assert stat.files == len(changed)
    assert (stat.added, stat.removed) == (second.added, second.removed)
    if diff:
        assert [file.paths for file in read_patch(diff)] == [(path,) for path in sorted(changed)]


@settings(max_examples=100, deadline=None)
@given(old=FILES, new=FILES)
def test_a_diff_of_ours_passes_the_gate(old: Files, new: Files) -> None:
    plain = {path: text for path, text in new.items() if path.isprintable() and "\\" not in path}
    diff = unified_diff(old, plain)

    if diff:
        check_patch(
            diff, allowed_paths=list(plain), allow_sensitive=False, find_secret=lambda _text: None
        )


def test_a_diff_reads_as_git_writes_it() -> None:
    old = {"a.py": "one\ntwo\nthree", "gone.py": "x\n", "empty": None, "same": "s\n"}
    new = {"a.py": "one\n2\nthree\n", "gone.py": None, "empty": "", "same": "s\n"}

    assert unified_diff(old, new) == (
        "diff --git a/a.py b/a.py\n"
        "--- a/a.py\n"
        "+++ b/a.py\n"
        "@@ -1,3 +1,3 @@\n"
        " one\n"
        "-two\n"
        "-three\n"
        "\\ No newline at end of file\n"
        "+2\n"
        "+three\n"
        "diff --git a/empty b/empty\n"
        "new file mode 100644\n"
        "diff --git a/gone.py b/gone.py\n"
        "deleted file mode 100644\n"
        "--- a/gone.py\n"
        "+++ /dev/null\n"
        "@@ -1 +0,0 @@\n"
        "-x\n"
    )


def test_nothing_changed_is_an_empty_diff() -> None:
    assert unified_diff({"a": "x"}, {"a": "x", "b": None}) == ""
    assert diff_stat("") == DiffStat()


def test_binary_texts_are_not_diffed() -> None:
    with pytest.raises(InvalidEdit, match="binary files are not edited"):
        unified_diff({}, {"a.png": "\x89PNG\0"})
