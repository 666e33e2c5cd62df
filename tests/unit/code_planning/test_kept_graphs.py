"""Graphs around plans are linked once for the same tree and the same question."""

from selfheal.code_planning.graphs import Graphs
from selfheal.code_planning.neighbourhood import Subject
from selfheal.code_planning.reading import FileReader
from selfheal.codegraph.graph import CallGraph
from selfheal.codegraph.source import LoadedTree
from selfheal.index.store import MemoryStore

FILES = {
    "shop/prices.py": b"def net(): pass\n",
    "shop/cart.py": b"from shop.prices import net\ndef total(): net()\n",
    "shop/broken.py": b"def f(:\n",
}
NET = Subject(("shop/prices.py",), ("shop.prices.net",), frozenset({"net"}))


def around(store: MemoryStore, files: dict[str, bytes], subject: Subject = NET) -> CallGraph:
    return Graphs(store).around([subject], FileReader(LoadedTree(files)))


class Listing(LoadedTree):
    """Knows its files and not what is in them."""

    def portions(self, paths):
        raise AssertionError(f"read {paths}")


def test_the_second_who_asks_reads_nothing_and_gets_the_same():
    store = MemoryStore()
    first = around(store, FILES)

    second = Graphs(store).around([NET], FileReader(Listing(FILES)))

    assert (second.nodes, second.edges, second.problems) == (
        first.nodes,
        first.edges,
        first.problems,
    )
    assert [edge.source for edge in second.callers_of("shop.prices.net")] == ["shop.cart.total"]
    assert [problem.path for problem in second.problems] == ["shop/broken.py"]


def test_another_tree_has_another_graph():
    store = MemoryStore()
    around(store, FILES)

    changed = around(store, FILES | {"shop/cart.py": b"def total(): pass\n"})

    assert changed.callers_of("shop.prices.net") == ()


def test_what_a_store_has_broken_is_linked_again():
    class Broken(MemoryStore):
        def get_many(self, kind, blobs):
            return dict.fromkeys(blobs, b"broken")

    assert around(Broken(), FILES).edges == around(MemoryStore(), FILES).edges
