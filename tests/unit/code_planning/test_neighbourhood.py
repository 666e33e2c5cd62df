"""Who speaks of what a plan touches, in a tree that is too large to be linked as a whole."""

from collections.abc import Iterable

from selfheal.code_planning.neighbourhood import Subject
from selfheal.code_planning.reading import FileReader
from selfheal.codegraph.graph import CallGraph
from selfheal.codegraph.linking import link
from selfheal.codegraph.source import LoadedTree
from selfheal.codegraph.tests_impact import TestIndex

OTHERS = {f"others/other_{n}.py": b"def unrelated(): pass\n" for n in range(150)}
"""So many files that no tree with them is read as a whole."""
FETCH = Subject(("app/net.py",), ("app.net.fetch",), frozenset({"fetch"}))


def read(files: dict[str, str]) -> FileReader:
    return FileReader(LoadedTree(OTHERS | {path: text.encode() for path, text in files.items()}))


def graph(files: dict[str, str], subjects: Iterable[Subject] = (FETCH,)) -> CallGraph:
    reader = read(files)
    return link(reader.surroundings(subjects), reader.modules)


def reached(found: CallGraph, name: str = "app.net.fetch") -> tuple[str, ...]:
    return TestIndex(found).reaching([name])


def test_a_test_is_found_that_comes_to_the_symbol_through_two_others() -> None:
    found = graph(
        {
            "app/net.py": "def fetch(): pass\n",
            "app/feed.py": "from app.net import fetch\ndef refresh(): fetch()\n",
            "app/ui.py": "from app.feed import refresh\ndef show(): refresh()\n",
            "tests/test_ui.py": "from app.ui import show\ndef test_it(): show()\n",
        }
    )

    assert reached(found) == ("tests/test_ui.py::test_it",)


def test_a_name_that_a_package_passes_on_is_the_one_that_is_meant() -> None:
    found = graph(
        {
            "app/__init__.py": "from app.net import *\n",
            "app/net.py": "def fetch(): pass\n",
            "tests/test_app.py": "import app\ndef test_it(): app.fetch()\n",
        }
    )

    assert reached(found) == ("tests/test_app.py::test_it",)


def test_a_fixture_of_a_conftest_upward_counts() -> None:
    found = graph(
        {
            "app/net.py": "class Client:\n    def fetch(self): pass\n",
            "tests/conftest.py": "import pytest\nfrom app.net import Client\n"
            "@pytest.fixture\ndef client(): return Client()\n",
            "tests/unit/test_net.py": "def test_it(client): client.fetch()\n",
        },
        [Subject(("app/net.py",), ("app.net.Client.fetch",), frozenset({"Client", "fetch"}))],
    )

    assert reached(found, "app.net.Client.fetch") == ("tests/unit/test_net.py::test_it",)


def test_what_a_touched_function_calls_is_known_through_what_it_imports() -> None:
    found = graph(
        {
            "app/net.py": "from app.client import Client\ndef fetch(): Client().get().close()\n",
            "app/client.py": "from app.answer import Answer\n"
            "class Client:\n    def get(self): return Answer()\n",
            "app/answer.py": "class Answer:\n    def close(self): pass\n",
        }
    )

    called = {edge.target for edge in found.callees_of("app.net.fetch")}
    assert called == {"app.client.Client", "app.client.Client.get", "app.answer.Answer.close"}


def test_a_step_that_names_nothing_there_is_about_the_whole_file() -> None:
    found = graph(
        {
            "app/net.py": "def fetch(): pass\ndef send(): fetch()\n",
            "tests/test_net.py": "from app.net import send\ndef test_it(): send()\n",
        },
        [Subject(("app/net.py",), (), frozenset())],
    )

    assert reached(found) == ("tests/test_net.py::test_it",)
    assert {edge.target for edge in found.callees_of("app.net.send")} == {"app.net.fetch"}


def test_files_that_say_nothing_of_it_are_not_read() -> None:
    found = graph({"app/net.py": "def fetch(): pass\n"})

    assert {node.path for node in found} == {"app/net.py"}


def test_every_definition_of_a_file_of_the_plan_is_known() -> None:
    found = graph({"app/net.py": "def fetch(): pass\ndef other(): pass\nclass C: pass\n"})

    named = [node.fq_name for node in found.in_file("app/net.py")]
    assert named == ["app.net", "app.net.fetch", "app.net.other", "app.net.C"]


def test_names_that_everybody_has_do_not_crowd_out_the_rare_ones() -> None:
    common = {f"app/get_{n}.py": "def get(x): return x.get\n" * 400 for n in range(200)}
    found = graph(
        {
            **common,
            "app/net.py": "def get(): pass\ndef reconcile(): pass\n",
            "tests/test_net.py": "from app import net\ndef test_it(): net.reconcile()\n",
        },
        [
            Subject(("app/net.py",), ("app.net.get",), frozenset({"get"})),
            Subject(("app/net.py",), ("app.net.reconcile",), frozenset({"reconcile"})),
        ],
    )

    assert reached(found, "app.net.reconcile") == ("tests/test_net.py::test_it",)
