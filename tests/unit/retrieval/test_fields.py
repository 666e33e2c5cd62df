"""A text about code, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.retrieval.fields import Frame, fields_of

ISSUE = """Cart.total is wrong for `empty_cart`
<!-- please search first -->
With `from shop import cart as c` this fails, see
https://example.org/a/shop/blob/0123abc/shop/cart.py#L10 and "price of nothing at all":

```python
import shop.tax as t
t.RateTable(3)
```

```
Traceback (most recent call last):
  File "/home/ann/run.py", line 3, in <module>
  File "/usr/lib/python3/site-packages/shop/cart.py", line 12, in total
ValueError: no price for 'pear' in this cart
```

### Versions
numpy: 1.2.3
"""


def test_names_paths_frames_and_messages_are_told_apart() -> None:
    fields = fields_of(ISSUE)

    assert fields.names["empty_cart"] == 1.0
    assert fields.dotted["shop.tax.RateTable"] > 0
    assert fields.paths["shop/cart.py"] == 1.0
    assert fields.frames[-1] == Frame("/usr/lib/python3/site-packages/shop/cart.py", 12, "total")
    assert "no price for 'pear' in this cart" in fields.messages
    assert "price of nothing at all" in fields.messages


def test_words_of_the_title_weigh_most_and_versions_least() -> None:
    words = fields_of(ISSUE).words

    assert words["wrong"] > words["fail"]
    assert words["numpy"] < words["wrong"] / 2


def test_words_of_the_title_are_spoken_as_they_are_written() -> None:
    spoken = fields_of("Loading orders\nand InvalidOrders").spoken

    assert spoken == {"loading": 1.0, "orders": 1.0, "and": 0.3, "invalidorders": 0.3}


def test_comments_of_a_template_are_not_read() -> None:
    assert "please" not in fields_of(ISSUE).words


def test_a_long_log_is_read_at_both_ends() -> None:
    fields = fields_of("first_name\n" + "noise\n" * 100_000 + "last_name")

    assert {"first_name", "last_name"} <= fields.names.keys()


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<!--",
            "```\n",
            "a/",
            "a.",
            "'",
            '"',
            "#",
            "(",
            "`",
            "    ",
            "x.y(",
            "\\",
            "-",
            "[",
            "<",
        ),
        *('File "', "# version 1.1\n", "from a import ", ">>> ", "a.py:1: "),
    ],
)
def test_a_hostile_text_is_read_as_any_other(piece: str) -> None:
    assert fields_of(f"title_word\n{piece * 100_000}").names["title_word"] == 1.0


@given(st.text(max_size=300))
def test_any_text_has_fields(text: str) -> None:
    assert all(weight > 0 for weight in fields_of(text).words.values())


def test_an_empty_text_says_nothing() -> None:
    assert not fields_of("").words
