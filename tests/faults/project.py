"""A shop with four defects, as small as a run of the whole farm allows.

Two of them stand alone; of the other two one calls the other, so its CodingTask waits. Each has a
test that fails for it alone.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from selfheal.workspace.git import Git, Identity
from selfheal.workspace.worktree import commit_environment

DEFECTS: Mapping[str, tuple[str, str]] = {
    "shop/stock.py": ("stock - sold", "stock + sold"),
    "shop/boxes.py": ("items <= size", "items < size"),
    "shop/price.py": ("net + net // 5", "net - net // 5"),
    "shop/cart.py": ("3 * parcels", "3 - parcels"),
}
"""Path -> what is right, and what stands there instead."""

_FILES: Mapping[str, str] = {
    "shop/__init__.py": "",
    "shop/stock.py": "def left(stock: int, sold: int) -> int:\n    return stock - sold\n",
    "shop/boxes.py": "def fits(items: int, size: int) -> bool:\n    return items <= size\n",
    "shop/price.py": "def gross(net: int) -> int:\n    return net + net // 5\n",
    "shop/cart.py": (
        "from shop.price import gross\n\n\n"
        "def bill(net: int, parcels: int) -> int:\n"
        "    shipping = 3 * parcels\n"
        "    if net == 0:\n        return shipping\n    return gross(net) + shipping\n"
    ),
    "tests/test_stock.py": (
        "from shop.stock import left\n\n\n"
        "def test_some_are_left():\n    assert left(5, 2) == 3\n\n\n"
        "def test_all_are_left():\n    assert left(5, 0) == 5\n"
    ),
    "tests/test_boxes.py": (
        "from shop.boxes import fits\n\n\n"
        "def test_a_full_box():\n    assert fits(4, 4)\n\n\n"
        "def test_too_many():\n    assert not fits(5, 4)\n\n\n"
        "def test_room():\n    assert fits(1, 4)\n"
    ),
    "tests/test_price.py": (
        "from shop.price import gross\n\n\n"
        "def test_gross():\n    assert gross(100) == 120\n\n\n"
        "def test_nothing():\n    assert gross(0) == 0\n"
    ),
    "tests/test_cart.py": (
        "from shop.cart import bill\n\n\n"
        "def test_parcels():\n    assert bill(0, 2) == 6\n\n\n"
        "def test_no_parcels():\n    assert bill(0, 0) == 0\n"
    ),
}


def plant(folder: Path, *, broken: Collection[str] = tuple(DEFECTS)) -> Path:
    """The shop with these modules broken, as the one commit on `main` of a bare repository."""
    origin, copy = folder / "shop.git", folder / "shop"
    for path, text in _FILES.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(text.replace(*DEFECTS[path]) if path in broken else text)
    origin.mkdir()
    Git(origin).run("init", "--bare", "--quiet", "--template=", "--initial-branch=main")
    git = Git(origin, copy)
    git.run("add", "--all", ".")
    author = Identity("Test", "test@localhost")
    commit = git.run(
        "commit-tree",
        "-m",
        "A shop",
        git.text("write-tree"),
        environment=commit_environment(author, author, datetime.now(UTC)),
    )
    git.run("update-ref", "refs/heads/main", commit.line)
    return origin


@contextmanager
def checkout(origin: Path, branch: str) -> Iterator[Path]:
    """The files of a branch, in a folder for as long as the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        clone = ("git", "clone", "--quiet", "--branch", branch, str(origin), folder)
        subprocess.run(clone, check=True, capture_output=True)
        yield Path(folder)
