"""CP-8: skeletons are diffs that git applies, and say no more than the text tells."""

from __future__ import annotations

import subprocess
from pathlib import Path
from uuid import UUID

import pytest
from unidiff import PatchSet

from selfheal.code_planning.planner import CodePlanner
from selfheal.codegraph.source import LoadedTree
from selfheal.contracts.plan import Kind, Plan, Step, Symbol, SymbolKind

PRICE = (
    '"""Prices."""\n\n\n'
    "def net(order):\n    return sum(order)\n\n\n"
    'if __name__ == "__main__":\n    print(net([1]))\n'
)
CART = (
    "from shop.price import gross, net\n\n\n"
    "class Cart:\n"
    "    def __init__(self, items):\n        self.items = items\n\n"
    "    def total(self):\n        return gross(self.items, rate=0.2)\n\n"
    "    @property\n    def size(self):\n        return len(self.items)\n\n\n"
    "def bill(items):\n    return gross(items)\n"
)
FILES = {"shop/__init__.py": "", "shop/price.py": PRICE, "shop/cart.py": CART}


def symbol(fq_name: str, kind: SymbolKind = "function") -> Symbol:
    parts = fq_name.split(".")
    return Symbol(fq_name=fq_name, kind=kind, file_path="/".join(parts[:2]) + ".py")


def skeletons(
    kind: Kind, *symbols: Symbol, goal: str = "do it", files: dict[str, str] = FILES
) -> list[str]:
    step = Step(order=1, goal=goal, kind=kind, path=symbols[0].file_path, symbols=symbols)
    plan = Plan(
        id=UUID(int=1),
        parent_request_id=UUID(int=2),
        steps=(step,),
        base_commit_sha="b" * 40,
        planner="by hand",
    )
    tree = LoadedTree({path: text.encode() for path, text in files.items()})
    return [diff for task in CodePlanner(tree).run(plan).tasks for diff in task.skeleton_patch]


def applied(diffs: list[str], folder: Path, files: dict[str, str] = FILES) -> dict[str, str]:
    """The files after git has applied the diffs, each of which unidiff can read too."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    for diff in diffs:
        assert len(PatchSet(diff)) == 1
        subprocess.run(["git", "apply", "-"], input=diff.encode(), cwd=folder, check=True)
    return {
        str(path.relative_to(folder)): path.read_bytes().decode() for path in folder.rglob("*.py")
    }


def test_a_new_function_stands_after_its_neighbours_with_what_its_callers_pass(
    tmp_path: Path,
) -> None:
    diffs = skeletons("ADD", symbol("shop.price.gross"), goal="Add the gross price")

    after = applied(diffs, tmp_path)["shop/price.py"]
    stub = (
        "    return sum(order)\n\n\n"
        "def gross(items, rate=None):\n"
        '    """Add the gross price."""\n'
        "    raise NotImplementedError\n\n\n"
        "if __name__"
    )
    assert stub in after


def test_a_signature_in_the_words_of_the_plan_counts_more_than_the_callers(tmp_path: Path) -> None:
    goal = "Add `gross(order, *, rate: float = 0.2)`; it is called as gross(1, 2)"

    after = applied(skeletons("ADD", symbol("shop.price.gross"), goal=goal), tmp_path)

    assert "def gross(order, *, rate: float = 0.2):" in after["shop/price.py"]


def test_a_new_method_stands_in_its_class(tmp_path: Path) -> None:
    diffs = skeletons("ADD", symbol("shop.cart.Cart.clear", "method"), goal="Add `clear()`")

    after = applied(diffs, tmp_path)["shop/cart.py"]
    assert (
        "        return len(self.items)\n\n"
        "    def clear(self):\n"
        '        """Add `clear()`."""\n'
        "        raise NotImplementedError\n\n\n"
        "def bill"
    ) in after


def test_a_new_class_in_a_new_file(tmp_path: Path) -> None:
    new = symbol("shop.stock.Stock", "class")

    after = applied(skeletons("ADD", new, goal='Count what is "left" \\ there'), tmp_path)

    assert after["shop/stock.py"] == 'class Stock:\n    """Count what is \'left\' / there."""\n'


def test_what_is_removed_goes_with_its_decorators(tmp_path: Path) -> None:
    diffs = skeletons("REMOVE", symbol("shop.cart.Cart.size", "method"), symbol("shop.cart.bill"))

    after = applied(diffs, tmp_path)["shop/cart.py"]
    assert after == CART[: CART.index("\n    @property")]


def test_lines_end_as_they_do_in_the_file(tmp_path: Path) -> None:
    files = {"shop/price.py": PRICE.replace("\n", "\r\n")}

    diffs = skeletons("ADD", symbol("shop.price.gross"), files=files)

    after = applied(diffs, tmp_path, files)["shop/price.py"]
    assert "def gross():\r\n" in after
    assert after.count("\n") == after.count("\r\n")


@pytest.mark.parametrize(
    "files",
    [
        {"shop/price.py": "def broken(:\n"},
        {"shop/price.py": "\ufeffdef net():\n    pass\n"},
    ],
    ids=["a syntax error", "a byte order mark"],
)
def test_a_file_that_no_diff_of_its_text_fits_has_none(files: dict[str, str]) -> None:
    assert skeletons("ADD", symbol("shop.price.gross"), files=files) == []


def test_a_secret_in_the_goal_is_shown_to_nobody() -> None:
    goal = "Add gross with key AKIA" + "IOSFODNN7EXAMPLQ"

    assert skeletons("ADD", symbol("shop.price.gross"), goal=goal) == []


@pytest.mark.parametrize("kind", ["EDIT", "REFACTOR"])
def test_a_change_that_its_text_does_not_show_has_none(kind: Kind) -> None:
    assert skeletons(kind, symbol("shop.price.net")) == []
