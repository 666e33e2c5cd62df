"""What a change may reach: callers, tests, what a diff touches on either of its sides."""

import pytest

from selfheal.codegraph.impact import Impacts, changed_lines
from selfheal.codegraph.linking import graph_of
from selfheal.codegraph.source import LoadedTree
from selfheal.errors import InvalidInput

BEFORE = {
    "shop.py": (
        b"def price(n):\n    return n\n\ndef total(ns):\n    return sum(price(n) for n in ns)\n"
    ),
    "test_shop.py": b"from shop import total\n\ndef test_total():\n    assert total([1]) == 1\n",
}
AFTER = BEFORE | {
    "shop.py": BEFORE["shop.py"].replace(b"    return n\n", b"    n += 1\n    return n\n")
}
DIFF = """\
--- a/shop.py
+++ b/shop.py
@@ -1,3 +1,4 @@
 def price(n):
+    n += 1
     return n
 
"""


def impacts(files: dict[str, bytes]) -> Impacts:
    tree = LoadedTree(files)
    return Impacts(graph_of(tree, tree.paths()))


def test_callers_and_tests_of_a_symbol():
    found = impacts(BEFORE)

    assert [(e.source, e.path, e.line) for e in found.callers_of("shop.price")] == [
        ("shop.total", "shop.py", 5)
    ]
    assert found.tests_of("shop.price") == ("test_shop.py::test_total",)


def test_a_symbol_that_is_not_there_is_refused_with_those_of_the_same_name():
    with pytest.raises(InvalidInput, match=r"no symbol shop.Cart.price; there is shop.price"):
        impacts(BEFORE).callers_of("shop.Cart.price")


@pytest.mark.parametrize("files", [BEFORE, AFTER], ids=["before", "after"])
def test_a_diff_touches_the_same_symbol_before_and_after_it_was_applied(files):
    found = impacts(files).touched_by(DIFF, LoadedTree(files))

    assert found.symbols == ("shop.price",)
    assert [edge.source for edge in found.calls] == ["shop.total"]
    assert found.tests == ("test_shop.py::test_total",)


def test_a_removed_line_is_looked_for_where_it_was_and_after_it_is_gone_before_that():
    diff = "--- a/m.py\n+++ b/m.py\n@@ -1,3 +1,2 @@\n a\n-b\n c\n"

    assert list(changed_lines(diff, LoadedTree({"m.py": b"a\nb\nc\n"}))) == [("m.py", 2)]
    assert list(changed_lines(diff, LoadedTree({"m.py": b"a\nc\n"}))) == [("m.py", 1)]


@pytest.mark.parametrize("text", ["hello", "--- a/m.py\n+++ b/m.py\n@@ -1,9 +1,9 @@\n-a\n"])
def test_what_is_no_diff_is_refused(text):
    with pytest.raises(InvalidInput, match="expected a unified diff"):
        list(changed_lines(text, LoadedTree({})))


def test_an_empty_diff_touches_nothing():
    assert impacts(BEFORE).touched_by("", LoadedTree(BEFORE)).symbols == ()
