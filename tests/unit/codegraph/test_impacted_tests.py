"""CP-10: the tests that reach a symbol."""

from selfheal.codegraph.linking import graph_of
from selfheal.codegraph.source import LoadedTree
from selfheal.codegraph.tests_impact import TestIndex, is_test_file


def impacted(symbol: str, **tests: str) -> tuple[str, ...]:
    files = {"app.py": b"LIMIT = 1\ndef low(): pass\ndef high(): low()\ndef other(): pass\n"}
    files |= {name.replace("__", "/") + ".py": text.encode() for name, text in tests.items()}
    tree = LoadedTree(files)
    return TestIndex(graph_of(tree, tree.paths())).reaching([symbol])


def test_direct_and_indirect_calls_are_found_and_others_are_not():
    found = impacted(
        "app.low",
        test_app=(
            "import app\n"
            "def test_low(): app.low()\n"
            "def test_high(): app.high()\n"
            "def test_other(): app.other()\n"
        ),
    )

    assert found == ("test_app.py::test_high", "test_app.py::test_low")


def test_methods_and_nested_classes_have_their_full_node_id():
    found = impacted(
        "app.low",
        test_app=(
            "import app\n"
            "class TestApp:\n"
            "    def test_one(self): app.low()\n"
            "    class TestInner:\n"
            "        def test_two(self): app.low()\n"
        ),
    )

    assert found == ("test_app.py::TestApp::TestInner::test_two", "test_app.py::TestApp::test_one")


def test_only_what_pytest_collects_is_named():
    source = (
        "import app, unittest\n"
        "class Mixin:\n    def test_a(self): app.low()\n"
        "class TestBuilt:\n"
        "    def __init__(self): pass\n"
        "    def test_b(self): app.low()\n"
        "class Checks(unittest.TestCase):\n    def test_c(self): app.low()\n"
        "class TestMixed(Mixin): pass\n"
        "def outer():\n    def test_d(): app.low()\n"
        "def check(): app.low()\n"
    )

    assert impacted("app.low", test_app=source, support=source) == (
        "test_app.py::Checks::test_c",
        "test_app.py::TestMixed::test_a",
    )


def test_fixtures_and_set_up_count_for_the_tests_that_use_them():
    found = impacted(
        "app.low",
        tests__conftest=(
            "import pytest, app\n"
            "@pytest.fixture\n"
            "def ready(): app.low()\n"
            "@pytest.fixture\n"
            "def client(ready): return Client()\n"
            "class Client:\n    def get(self): app.other()\n"
        ),
        tests__unit__test_app=(
            "import app\n"
            "def test_client(client): client.get()\n"
            "def test_none(): pass\n"
            "class TestApp:\n"
            "    def setup_method(self): app.low()\n"
            "    def test_one(self): pass\n"
        ),
        test_far="def test_client(client): pass\n",
    )

    assert found == (
        "tests/unit/test_app.py::TestApp::test_one",
        "tests/unit/test_app.py::test_client",
    )


def test_what_a_fixture_gives_has_its_type():
    found = impacted(
        "app.other",
        test_app=(
            "import pytest, app\n"
            "class Client:\n    def get(self): app.other()\n"
            "@pytest.fixture\n"
            "def client(): yield Client()\n"
            "def test_get(client): client.get()\n"
            "def test_held(client): pass\n"
        ),
    )

    assert found == ("test_app.py::test_get",)


def test_what_a_test_module_runs_on_import_counts_for_all_of_its_tests():
    found = impacted("app.low", test_app="import app\nX = app.high()\ndef test_x(): pass\n")

    assert found == ("test_app.py::test_x",)


def test_a_changed_module_impacts_the_tests_that_import_it():
    found = impacted(
        "app", test_app="from app import LIMIT\ndef test_x(): pass\n", test_b="def test_y(): pass\n"
    )

    assert found == ("test_app.py::test_x",)


def test_test_files_are_known_by_name():
    names = ["test_a.py", "a_test.py", "x/tests.py", "conftest.py", "testing.py", "test_a.txt"]

    assert [is_test_file(name) for name in names] == [True, True, True, False, False, False]
