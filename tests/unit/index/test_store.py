"""What every store of derived data promises."""

from __future__ import annotations

from selfheal.index.store import MemoryStore


def test_what_was_put_is_had_again_by_its_kind_and_blob() -> None:
    store = MemoryStore()

    store.put_many("facts/python/1", {"aa": b"one", "bb": b"two"})
    store.put_many("tokens/1", {"aa": b"other"})

    assert store.get_many("facts/python/1", ["aa", "bb", "cc"]) == {"aa": b"one", "bb": b"two"}
    assert store.get_many("facts/python/2", ["aa"]) == {}
