"""What the index answers, when it reads and when it need not, and what hard input does to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import pytest

from selfheal.codegraph.parse import facts_of
from selfheal.codegraph.source import LoadedTree
from selfheal.errors import InvalidInput
from selfheal.index.facts import facts_kind, packed, unpacked
from selfheal.index.filling import BATCH_FILES
from selfheal.index.index import Index, Tally
from selfheal.index.store import MemoryStore
from selfheal.index.words import WantedWords, words_of


class CountingTree(LoadedTree):
    """Counts which files it is asked for."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(files)
        self.asked: Counter[str] = Counter()

    def portions(self, paths: Iterable[str]) -> Iterator[Mapping[str, bytes]]:
        for portion in super().portions(paths):
            self.asked.update(portion.keys())
            yield portion


TREE = {
    "shop/price.py": b"def net(order):\n    return sum(order)\n",
    "shop/cart.py": b"from shop.price import net\n\nclass Cart:\n    def total(self): net(self)\n",
    "web/cart.ts": b"export class Cart { total() { return net(this) } }\n",
    "README.md": b"net\n",
}


def test_facts_are_those_that_parsing_gives_for_every_language() -> None:
    tree = LoadedTree(TREE)

    found = Index().facts(tree, tree.paths())

    assert found == {path: facts_of(TREE[path], path) for path in TREE if not path.endswith(".md")}


def test_what_is_known_is_not_read_again_by_an_index_on_the_same_store() -> None:
    tree, store = CountingTree(TREE), MemoryStore()
    first = Index(store).facts(tree, tree.paths())
    tree.asked.clear()

    index = Index(store)
    second = index.facts(tree, tree.paths())

    assert second == first
    assert not tree.asked
    assert index.tally == Tally(hits=3, misses=0)
    assert index.tally.hit_rate == 1.0


def test_a_new_commit_costs_what_changed_in_it() -> None:
    store = MemoryStore()
    Index(store).fill(LoadedTree(TREE))
    changed = CountingTree({**TREE, "shop/price.py": b"def gross(order): pass\n"})

    index = Index(store)
    index.fill(changed)

    assert set(changed.asked) == {"shop/price.py"}
    assert index.tally == Tally(hits=4, misses=2)


def test_one_blob_at_two_paths_is_read_once_and_known_by_each() -> None:
    tree = CountingTree({"a.py": b"def f(): pass\n", "b.py": b"def f(): pass\n"})

    found = Index().facts(tree, ["a.py", "b.py"])

    assert sum(tree.asked.values()) == 1
    assert [facts.path for facts in found.values()] == ["a.py", "b.py"]


def test_words_tell_who_speaks_of_a_name() -> None:
    tree = LoadedTree({**TREE, "other.py": b"network = 1\n", "umlaut.py": "grün = 1".encode()})

    kept = Index().words(tree, tree.paths())

    spoken = {path: len(WantedWords(["net", "Cart", ""]).found_in(kept[path])) for path in kept}
    assert spoken == {
        "other.py": 0,
        "shop/cart.py": 2,
        "shop/price.py": 1,
        "umlaut.py": 0,
        "web/cart.ts": 2,
    }
    assert WantedWords(["grün"]).found_in(kept["umlaut.py"]) == {"grün"}
    assert not WantedWords([""]).found_in(kept["umlaut.py"])


def test_facts_that_a_store_has_lost_or_broken_are_read_again() -> None:
    tree, store = LoadedTree(TREE), MemoryStore()
    blob = tree.blob("shop/price.py")
    broken = packed(facts_of(TREE["shop/cart.py"], ""))[:-20]
    store.put_many(facts_kind("python"), {blob: broken})

    found = Index(store).facts(tree, ["shop/price.py"])

    assert found["shop/price.py"] == facts_of(TREE["shop/price.py"], "shop/price.py")


@pytest.mark.parametrize(
    "kept", [b"", b"x", packed(facts_of(b"", ""))[:-1], words_of(b"a b"), b"\x80\x04N."]
)
def test_what_is_no_packed_facts_is_refused(kept: bytes) -> None:
    with pytest.raises(InvalidInput, match="expected packed facts"):
        unpacked(kept, "a.py")


def test_two_that_fill_in_turn_share_the_work_batch_by_batch() -> None:
    files = {f"m{n}.py": b"x = %d\n" % n for n in range(BATCH_FILES * 3)}
    store = MemoryStore()

    class Interrupted(CountingTree):
        """Another process fills in everything while this one reads its first batch."""

        def portions(self, paths: Iterable[str]) -> Iterator[Mapping[str, bytes]]:
            Index(store).fill(LoadedTree(files))
            return super().portions(paths)

    tree = Interrupted(files)

    Index(store, processes=1).fill(tree)

    assert sum(tree.asked.values()) == BATCH_FILES


DEEP = b"(" * 10_000
HARD = {
    "syntax.py": b"def f(:\n    pass\n\nclass C: pass\n",
    "latin.py": b"# -*- coding: latin-1 -*-\ndef caf\xe9(): pass\n",
    "mixed.py": b"x = '\xff\xfe'\n",
    "bom.py": b"\xef\xbb\xbfdef f(): pass\n",
    "crlf.py": b"def f():\r\n    pass\r\n",
    "null.py": b"x = 1\0\n",
    "utf16.py": "def f(): pass\n".encode("utf-16"),
    "huge.py": b"x = 1\n" * (10_000_000 // 6),
    "deep.py": DEEP,
    "empty.py": b"",
    "syntax.js": b"function f( { class C {}",
    "latin.js": b"const caf\xe9 = () => 1\n",
    "bom.ts": b"\xef\xbb\xbfclass C {}\n",
    "utf16.java": "class C {}\n".encode("utf-16"),
    "null.go": b"package p\0\n",
    "huge.rs": b"// x\n" * 2_100_000,
    "deep.tsx": DEEP,
    "chain.js": b"a" + b".b()" * 50_000,
    "crlf.java": b"class C {\r\n  void f() {}\r\n}\r\n",
}


def test_hard_input_gives_facts_or_a_reason_and_never_an_error() -> None:
    tree = LoadedTree(HARD)

    found = Index().facts(tree, tree.paths())

    problems = {path for path, facts in found.items() if facts.problem}
    assert found.keys() == HARD.keys()
    assert problems == {
        *("syntax.py", "mixed.py", "null.py", "utf16.py", "huge.py", "deep.py"),
        *("syntax.js", "null.go", "huge.rs", "deep.tsx", "chain.js"),
    }
    assert [one.qualname for one in found["latin.py"].definitions] == ["café"]
    assert [one.qualname for one in found["utf16.java"].definitions] == ["C"]
    assert found["crlf.py"].lines == 3


def test_files_too_large_to_parse_are_not_even_read() -> None:
    tree = CountingTree(HARD)

    Index().fill(tree)

    assert not tree.asked.keys() & {"huge.py", "huge.rs"}


def test_an_empty_repository_is_an_empty_answer() -> None:
    tree = LoadedTree({})

    index = Index()
    index.fill(tree)

    assert index.facts(tree, ["gone.py"]) == {}
    assert index.tally.hit_rate == 1.0
