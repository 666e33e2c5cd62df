"""Processes that read: also beside a daemonic one, and when they end before their answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from selfheal.codegraph.parse import facts_of
from selfheal.index.facts import facts_kind, unpacked
from selfheal.index.readers import FILES_PER_READER, ReaderProcess, readers_for
from selfheal.index.words import WORDS_KIND, words_of

# A child of Celery's prefork pool: billiard's, daemonic, and so without multiprocessing.
PREFORK_CHILD = """
import sys
from multiprocessing import Process
from billiard import Process as PoolChild
from selfheal.codegraph.source import LoadedTree
from selfheal.index.index import Index

def work():
    try:
        Process(target=print).start()
    except AssertionError:
        print("no multiprocessing here")
    tree = LoadedTree({f"m{n}.py": b"def f%d(): pass" % n for n in range(int(sys.argv[1]))})
    found = Index(processes=2).facts(tree, tree.paths())
    print(sum(len(facts.definitions) for facts in found.values()), flush=True)

child = PoolChild(target=work)
child.daemon = True
child.start()
child.join()
sys.exit(child.exitcode)
"""


def test_a_child_of_celerys_pool_reads_by_processes_beside_it() -> None:
    files = 2 * FILES_PER_READER
    command = [sys.executable, "-c", PREFORK_CHILD, str(files)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=100)

    assert done.stderr == ""
    assert done.stdout.split("\n") == ["no multiprocessing here", str(files), ""]
    assert done.returncode == 0


def test_a_process_reads_facts_and_words_as_this_one_does() -> None:
    source = b"def f(): g()\n"

    with ReaderProcess() as reader:
        facts = reader.derive(facts_kind("python"), source)
        words = reader.derive(WORDS_KIND, source)

    assert unpacked(facts, "a.py") == facts_of(source, "a.py")
    assert words == words_of(source)


def test_a_process_that_something_ends_is_a_problem_of_that_file_alone() -> None:
    source, kind = b"x = 1\n", facts_kind("python")

    with ReaderProcess() as reader:
        reader.derive(kind, source)
        os.kill(reader.process_id, signal.SIGKILL)
        lost = reader.derive(kind, source)
        after = reader.derive(kind, source)

    assert unpacked(lost, "a.py").problem == "reading it took too long or too much memory"
    assert unpacked(after, "a.py") == facts_of(source, "a.py")


def test_a_kind_of_other_code_is_read_in_this_process_or_not_at_all() -> None:
    with ReaderProcess() as reader, pytest.raises(KeyError):
        reader.derive("facts/python/of-older-code", b"x = 1\n")


def test_a_reader_process_ends_with_its_input() -> None:
    command = [sys.executable, "-P", "-m", "selfheal.index.child"]

    ended = subprocess.run(command, input=b"", capture_output=True, timeout=60)

    assert ended.returncode == 0
    assert ended.stdout == b""


def test_there_are_as_many_processes_as_files_and_processors_ask_for() -> None:
    assert readers_for(10, most=8) == 0
    assert readers_for(2 * FILES_PER_READER, most=8) == 2
    assert readers_for(100 * FILES_PER_READER, most=8) == 8
    assert readers_for(100 * FILES_PER_READER, most=1) == 0
