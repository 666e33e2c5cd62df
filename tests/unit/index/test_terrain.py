"""What maps are drawn from is worked out once for the same files."""

import pytest

from selfheal.codegraph.landmarks import outline_of
from selfheal.codegraph.source import LoadedTree
from selfheal.index.store import MemoryStore
from selfheal.index.terrain import terrain_in

FILES = {
    "shop/__init__.py": b"",
    "shop/prices.py": b"class Price(float):\n    def net(self, *, rate=1): pass\n",
    "shop/cart.py": b"from shop.prices import Price\ndef total(): return Price(1)\n",
    "shop/broken.py": b"def f(:\n",
}


class ReadOnce(LoadedTree):
    """Its contents are gone once they have been read."""

    def portions(self, paths):
        yield from super().portions(paths)
        self.portions = None


def test_the_same_files_are_read_once_and_drawn_the_same():
    store, tree = MemoryStore(), ReadOnce(FILES)

    first, second = terrain_in(store, tree), terrain_in(store, tree)

    assert second == first
    assert (
        outline_of(second, tokens=100)
        .text()
        .startswith("shop/prices.py\n    1 class Price(float)\n")
    )
    assert [problem.path for problem in second.problems] == ["shop/broken.py"]


@pytest.mark.parametrize(
    "changed", [{"shop/cart.py": b"def total(): pass\n"}, {"shop/new.py": b"def new(): pass\n"}]
)
def test_other_files_are_another_terrain(changed):
    store = MemoryStore()
    before = terrain_in(store, LoadedTree(FILES))

    after = terrain_in(store, LoadedTree(FILES | changed))

    assert after == terrain_in(MemoryStore(), LoadedTree(FILES | changed))
    assert after != before


def test_what_a_store_has_broken_is_worked_out_again():
    class Broken(MemoryStore):
        def get_many(self, kind, blobs):
            return dict.fromkeys(blobs, b"broken")

    assert terrain_in(Broken(), LoadedTree(FILES)) == terrain_in(MemoryStore(), LoadedTree(FILES))
