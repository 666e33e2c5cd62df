"""What the file of a host adds to the contract: it is a cache that mends and bounds itself."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from selfheal.index.disk import FILE_NAME, DiskStore

KIND = "words/1"
AA, BB = "aa" * 20, "bb" * 20


def numbered(count: int, *, start: int = 0) -> list[str]:
    return [f"{number:040x}" for number in range(start, start + count)]


def test_what_one_process_put_another_one_has(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from selfheal.index.disk import DiskStore\n"
        "with DiskStore(Path(sys.argv[1])) as store: store.put_many('words/1', {'aa' * 20: b'one'})"
    )

    with DiskStore(tmp_path) as store:
        before = store.get_many(KIND, [AA])
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=60)
        after = store.get_many(KIND, [AA])

    assert before == {}
    assert after == {AA: b"one"}


@pytest.mark.parametrize("content", [b"no database " * 1000, b"SQLite format 3\0" + b"x" * 5000])
def test_a_broken_file_is_set_aside_and_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)

    with DiskStore(tmp_path) as store:
        found = store.get_many(KIND, [AA])
        store.put_many(KIND, {AA: b"one"})
        again = store.get_many(KIND, [AA])

    assert found == {}
    assert again == {AA: b"one"}
    assert (tmp_path / f"{FILE_NAME}.broken").read_bytes() == content


def test_pages_that_break_later_cost_what_was_kept_and_nothing_else(tmp_path: Path) -> None:
    with DiskStore(tmp_path) as store:
        store.put_many(KIND, dict.fromkeys(numbered(500), b"x" * 500))
    file = tmp_path / FILE_NAME
    with file.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"\xff" * 100_000)

    with DiskStore(tmp_path) as store:
        broken = store.get_many(KIND, numbered(500))
        store.put_many(KIND, {AA: b"one"})
        again = store.get_many(KIND, [AA])

    assert broken == {}
    assert again == {AA: b"one"}


def test_the_database_of_another_program_is_not_written_to(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other, other:
        other.execute("CREATE TABLE notes (text)")

    with DiskStore(tmp_path) as store:
        store.put_many(KIND, {AA: b"one"})
        store.put_many(KIND, {AA: b"one"})
        found = store.get_many(KIND, [AA])

    assert found == {AA: b"one"}
    with closing(sqlite3.connect(tmp_path / f"{FILE_NAME}.broken")) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("notes",)]


def test_it_stays_within_its_bound_and_loses_what_was_not_used_for_longest(tmp_path: Path) -> None:
    bound = 1 << 20
    old, new = numbered(1000), numbered(500, start=1000)

    with DiskStore(tmp_path, max_bytes=bound) as store:
        store.put_many(KIND, dict.fromkeys(old, b"x" * 700))
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as clock, clock:
            clock.execute("UPDATE derived SET used = used - 100000")
        used_again = store.get_many(KIND, old[-100:])
        store.put_many(KIND, dict.fromkeys(new, b"x" * 700))
        left = store.get_many(KIND, [*old, *new])

    assert len(used_again) == 100
    assert set(new) <= left.keys()
    assert set(old[-100:]) <= left.keys()
    assert not left.keys() & set(old[:500])


def test_a_folder_that_cannot_be_written_is_a_store_that_knows_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with DiskStore(tmp_path / "file" / "folder") as store:
        store.put_many(KIND, {AA: b"one"})
        found = store.get_many(KIND, [AA])

    assert found == {}
