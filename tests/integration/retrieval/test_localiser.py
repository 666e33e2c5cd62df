"""Which files and functions of a commit a text is about."""

from __future__ import annotations

import pytest
from shop_origin import Shop

from selfheal.index.store import MemoryStore
from selfheal.retrieval.digest import KIND
from selfheal.retrieval.locate import Localiser, Located
from selfheal.workspace.repository import commit_at


def located(shop: Shop, text: str) -> Located:
    objects, sha = commit_at(shop.folder)
    return Localiser.at(objects, sha, MemoryStore()).locate(text)


@pytest.mark.parametrize(
    ("text", "path", "function"),
    [
        ("The cheapest price is wrong", "shop/cart.py", "cheapest_price"),
        ("cheapestPrice() fails for an empty list", "shop/cart.py", "cheapest_price"),
        ("`shop.cart.Cart.total` is wrong", "shop/cart.py", "Cart.total"),
        ("customers never get what was sent", "shop/orders.py", "Order.send"),
        ("ValueError: no price for 7 in this cart", "shop/cart.py", "cheapest_price"),
        (
            'File "/site-packages/shop/tax.py", line 9, in rate_of\nKeyError',
            "shop/tax.py",
            "rate_of",
        ),
        (
            "A sum is wrong\n```\nfrom shop import Cart\nCart().total()\n```",
            "shop/cart.py",
            "Cart.total",
        ),
    ],
)
def test_what_a_text_is_about_comes_first(shop: Shop, text: str, path: str, function: str) -> None:
    found = located(shop, text)

    assert found.files[0].path == path
    assert found.functions[0].qualname == function
    assert found.files[0].why


def test_tests_are_named_apart_and_lead_to_what_they_test(shop: Shop) -> None:
    found = located(shop, "nothing has a cheapest price")

    assert [test.path for test in found.tests] == ["tests/test_cart.py"]
    assert found.files[0].path == "shop/cart.py"
    assert "tested" in found.files[0].why


def test_the_reason_names_what_the_text_named(shop: Shop) -> None:
    (first, *_) = located(shop, "`cheapest_price` is wrong").files

    assert "defines cheapest_price" in first.why


def test_a_file_whose_whole_name_is_in_the_title_is_meant(shop: Shop) -> None:
    shop.commit({"shop/exporting.py": "parcel = 1\n", "shop/other.py": "parcel = exporter = 1\n"})

    found = located(shop, "Exporting loses a parcel").files

    assert found[0].path == "shop/exporting.py"
    assert "spoken 0.40" in found[0].why


def test_what_an_inner_function_is_about_is_said_around_it(shop: Shop) -> None:
    shop.commit(
        {
            "shop/parcels.py": (
                "def packed(parcels):\n    weight = 1\n\n    def inner(one):\n        return one\n"
                "    return inner(weight)\n\n\ndef loaded(lorry):\n    return lorry\n"
            )
        }
    )

    found = located(shop, "the weight of parcels is wrong").functions

    assert [one.qualname for one in found] == ["packed", "packed.inner", "loaded"]


def test_a_method_is_meant_where_its_class_is_and_where_it_speaks_of_what_is_meant(
    shop: Shop,
) -> None:
    shop.commit(
        {
            "shop/parcels.py": (
                'class Parcel:\n    """Goods to be weighed."""\n\n'
                "    def first(self):\n        return 1\n\n\n"
                "class Lorry:\n    def empty(self):\n        return 1\n\n"
                "    def then(self):\n        return stamp_of(self)\n\n\n"
                "def stamp_of(parcel):\n    return parcel\n"
            )
        }
    )

    found = located(shop, "`stamp_of` goods to be weighed").functions
    whys = {one.qualname: one.why for one in found}

    assert "class 0.30" in whys["Parcel.first"]
    assert "class" not in whys["Lorry.empty"]
    assert "calling" in whys["Lorry.then"]
    assert "calling" not in whys["Lorry.empty"]


def test_nothing_is_named_where_nothing_is_shared(shop: Shop) -> None:
    found = located(shop, "please help us")

    assert (found.files, found.functions, found.tests) == ((), (), ())
    assert located(shop, "").files == ()


def test_the_same_text_gives_the_same_answer(shop: Shop) -> None:
    first, second = located(shop, "cheapest cart"), located(shop, "cheapest cart")

    assert (first.files, first.functions) == (second.files, second.functions)


def test_a_new_commit_costs_only_what_changed(shop: Shop) -> None:
    class Counting(MemoryStore):
        made: list[int]

        def put_many(self, kind: str, derived: dict[str, bytes]) -> None:  # type: ignore[override]
            if kind == KIND:
                self.made = [*getattr(self, "made", []), len(derived)]
            super().put_many(kind, derived)

    store = Counting()
    objects, _ = commit_at(shop.folder)
    Localiser.at(objects, shop.head, store)

    later = shop.commit({"shop/tax.py": "def rate_of(country):\n    return 8\n"})
    Localiser.at(objects, later, store)

    assert store.made[-1] == 1


def test_what_a_store_keeps_broken_is_made_again(shop: Shop) -> None:
    class Broken(MemoryStore):
        def get_many(self, kind: str, blobs: object) -> dict[str, bytes]:  # type: ignore[override]
            return dict.fromkeys(blobs, b"[]")  # type: ignore[call-overload]

    objects, sha = commit_at(shop.folder)

    found = Localiser.at(objects, sha, Broken()).locate("cheapest price")

    assert found.files[0].path == "shop/cart.py"
