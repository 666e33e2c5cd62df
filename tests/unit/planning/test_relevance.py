"""Which files a text speaks of."""

from __future__ import annotations

from selfheal.codegraph.source import LoadedTree
from selfheal.planning.relevance import outline, relevant_files

TREE = LoadedTree(
    {
        "shop/invoice.py": b"def render(order):\n    return order\n",
        "shop/order.py": b"def load(order):\n    return order\n",
        "shop/vat.py": b"RATE = 20\n",
        "docs/invoice.md": b"render the invoice",
    }
)


def test_a_word_counts_most_where_it_is_defined() -> None:
    found = relevant_files(TREE, "render() fails for an order", most=5)

    assert [one.path for one in found] == ["shop/invoice.py", "shop/order.py"]


def test_a_name_in_the_path_counts_where_the_text_has_no_such_word() -> None:
    assert [one.path for one in relevant_files(TREE, "vat is wrong", most=5)] == ["shop/vat.py"]


def test_a_text_without_a_known_word_speaks_of_no_file() -> None:
    assert relevant_files(TREE, "nothing of this", most=5) == ()


def test_only_so_many_files_are_named() -> None:
    assert len(relevant_files(TREE, "order", most=1)) == 1


def test_an_outline_has_the_lines_that_begin_definitions() -> None:
    source = "import os\n\nclass A:\n    x = 1\n\n    async def f(self):\n        pass\n"

    assert outline(source) == "class A:\n    async def f(self):"
