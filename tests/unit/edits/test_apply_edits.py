from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from selfheal.edits.apply import apply_edits
from selfheal.edits.blocks import Replace
from selfheal.edits.text import Text
from selfheal.edits.whole_file import WholeFile
from selfheal.errors import InvalidEdit

APP = dedent("""\
    import os


    def load(path):
        with open(path) as file:
            return file.read()


    class Store:
        def get(self, key):
            value = self.data[key]
            return value

        def put(self, key, value):
            self.data[key] = value
    """)


def replaced(text: str, old: str, new: str) -> str:
    edit = Replace("app.py", tuple(old.split("\n")), tuple(new.split("\n")))
    return apply_edits([edit], {"app.py": text}).get("app.py", text)


def test_lines_that_stand_there_once_are_replaced() -> None:
    result = replaced(APP, "        return file.read()", "        return file.read().strip()")

    assert result == APP.replace("read()", "read().strip()")


def test_edits_of_one_file_apply_one_after_the_other() -> None:
    edits = [
        Replace("app.py", ("import os",), ("import sys",)),
        Replace("app.py", ("import sys",), ("import sys", "import json")),
        Replace("new.py", (), ("x = 1",)),
        Replace("new.py", ("x = 1",), ("x = 2",)),
    ]

    changed = apply_edits(edits, {"app.py": APP})

    assert changed == {
        "app.py": APP.replace("import os", "import sys\nimport json"),
        "new.py": "x = 2\n",
    }


def test_a_file_that_comes_out_as_it_was_is_not_changed() -> None:
    same = Replace("app.py", ("import os",), ("import os",))

    assert (
        apply_edits([same, WholeFile("app.py", tuple(APP.split("\n")[:-1]))], {"app.py": APP}) == {}
    )


def test_a_shifted_block_is_put_where_it_belongs() -> None:
    expected = APP.replace("value = self.data[key]", "value = self.data.get(key)\n        log(key)")

    for indent in ("", "    ", "            "):
        old = f"{indent}value = self.data[key]\n{indent}return value"
        new = f"{indent}value = self.data.get(key)\n{indent}log(key)\n{indent}return value"

        assert replaced(APP, old, new) == expected


def test_a_shifted_block_keeps_its_inner_indentation() -> None:
    old = "def get(self, key):\n    value = self.data[key]\n    return value"
    new = "def get(self, key):\n    if key:\n\n        return self.data[key]"

    assert (
        "    def get(self, key):\n        if key:\n\n            return self.data[key]\n"
        in replaced(APP, old, new)
    )


def test_a_block_with_another_inner_indentation_does_not_fit() -> None:
    with pytest.raises(InvalidEdit, match="are not in the file"):
        replaced(APP, "def get(self, key):\nvalue = self.data[key]", "x")


def test_missing_and_extra_blank_lines_do_not_matter_and_stay_as_they_are() -> None:
    fewer = "        return file.read()\nclass Store:\n    def get(self, key):"
    more = "        return file.read()\n\n\n\n\nclass Store:\n\n    def get(self, key):"
    expected = APP.replace("class Store", "class Shop")

    for old in (fewer, more):
        assert replaced(APP, old, old.replace("Store", "Shop")) == expected


def test_spaces_at_the_end_of_lines_do_not_matter_and_stay_as_they_are() -> None:
    spaced = APP.replace("self.data[key]\n", "self.data[key]  \n")
    old = "        value = self.data[key]\n        return value"

    result = replaced(spaced, old, old.replace("return value", "return value or None"))

    assert result == spaced.replace("return value\n", "return value or None\n")


def test_spaces_at_the_end_of_a_line_can_be_removed() -> None:
    assert replaced("a\nb  \n", "b  ", "b") == "a\nb\n"


def test_the_lines_keep_their_endings() -> None:
    windows = APP.replace("\n", "\r\n")

    result = replaced(windows, "import os", "import os\nimport sys")

    assert result == APP.replace("import os\n", "import os\nimport sys\n").replace("\n", "\r\n")


def test_mixed_endings_change_only_where_the_edit_is() -> None:
    assert replaced("a\r\nb\nc\r\n", "b", "B\nB") == "a\r\nB\r\nB\r\nc\r\n"
    assert replaced("a\nb\r\nc\n", "a", "A") == "A\nb\r\nc\n"


def test_a_last_line_without_a_line_break_stays_without() -> None:
    assert replaced("a\nb", "b", "B\nC") == "a\nB\nC"
    assert replaced("a\nb", "a", "A") == "A\nb"
    assert replaced("a\nb\n", "b", "B") == "a\nB\n"
    assert replaced("a\nb", "b", "") == "a\n"


def test_a_byte_order_mark_stays() -> None:
    assert replaced("\ufeffa\nb\n", "a", "A") == "\ufeffA\nb\n"
    whole = WholeFile("a", ("x",))
    assert apply_edits([whole], {"a": "\ufeffa\r\n"}) == {"a": "\ufeffx\r\n"}


def test_other_separators_do_not_end_a_line() -> None:
    text = "a\x0c\u2028b\nc\n"

    assert replaced(text, "a\x0c\u2028b", "x") == "x\nc\n"


def test_dots_stand_for_lines_that_stay() -> None:
    old = "class Store:\n    ...\n    def put(self, key, value):"
    new = "class Shop:\n    ...\n    def put(self, key, value, *, ttl=None):"

    assert replaced(APP, old, new) == APP.replace("Store", "Shop").replace(
        "key, value):", "key, value, *, ttl=None):"
    )


def test_dots_at_the_ends_and_in_comments_are_understood() -> None:
    old = "# ...\n        return file.read()\n# ..."
    new = "# ...\n        return file.read(1)\n# ..."

    assert replaced(APP, old, new) == APP.replace("file.read()", "file.read(1)")


def test_dots_that_are_code_are_code() -> None:
    text = "class A(Protocol):\n    def f(self): \n        ...\n"

    assert replaced(text, "        ...", "        return 1") == text.replace("...", "return 1")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class Store:\n...\n        return value", "class Store:", "1 times and REPLACE 0 times"),
        ("def load(path):\n...\n    self.data", "x\n...\ny", "the nearest lines are"),
        ("...\nimport os", "import sys\n...\nimport os", "has no line to put it next to"),
        ("import os\n...\n        value", "import os\n...\nx", "are not in the file"),
    ],
)
def test_dots_that_do_not_line_up_are_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(InvalidEdit) as refusal:
        replaced(APP, old, new)

    assert message in str(refusal.value)


def test_lines_that_stand_there_twice_are_refused_with_their_places() -> None:
    text = "a\nx = 1\nb\nx = 1\nc\nx = 1\n"

    with pytest.raises(InvalidEdit, match=r"in 3 places \(lines 2, 4, 6\); add lines"):
        replaced(text, "x = 1", "x = 2")
    assert replaced(text, "b\nx = 1", "b\nx = 2") == "a\nx = 1\nb\nx = 2\nc\nx = 1\n"


def test_an_exact_place_wins_over_a_shifted_one() -> None:
    assert replaced("x = 1\nif y:\n    x = 1\n", "    x = 1", "    x = 2") == (
        "x = 1\nif y:\n    x = 2\n"
    )


def test_a_miss_shows_the_nearest_lines_with_their_numbers() -> None:
    with pytest.raises(InvalidEdit) as refusal:
        replaced(APP, "    def get(self, name):\n        value = self.data[key]", "x")

    assert str(refusal.value) == dedent("""\
        app.py: the SEARCH lines that begin with 'def get(self, name):' are not in the file; \
the nearest lines are:
         9 | class Store:
        10 |     def get(self, key):
        11 |         value = self.data[key]
        12 |             return value
        copy the lines exactly as they are in the file""").replace(
        "12 |             return", "12 |         return"
    )


def test_a_miss_of_one_line_finds_a_similar_one_or_says_there_is_none() -> None:
    with pytest.raises(InvalidEdit, match=r"5 \|     with open"):
        replaced(APP, "    with open(path, 'rb') as handle:", "x")
    with pytest.raises(InvalidEdit, match="no line of it is similar"):
        replaced(APP, "zzzzzzzzzz", "x")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Replace("none.py", ("x",), ("y",)), "there is no such file to search in"),
        (
            Replace("app.py", (), ("y",)),
            "an empty SEARCH creates a file, but this one has 15 lines",
        ),
        (Replace("app.py", ("", "  "), ("y",)), "an empty SEARCH creates a file"),
        (WholeFile("app.py", ("import os", "# ... rest unchanged")), "a whole file must be whole"),
    ],
)
def test_an_edit_that_cannot_be_meant_so_is_refused(
    edit: Replace | WholeFile, message: str
) -> None:
    with pytest.raises(InvalidEdit, match=message):
        apply_edits([edit], {"app.py": APP})


def test_a_whole_file_keeps_endings_and_the_kind_of_last_line() -> None:
    whole = WholeFile("a", ("x", "y"))

    assert apply_edits([whole], {}) == {"a": "x\ny\n"}
    assert apply_edits([whole], {"a": "1\r\n2\r\n"}) == {"a": "x\r\ny\r\n"}
    assert apply_edits([whole], {"a": "1\n2"}) == {"a": "x\ny"}
    assert apply_edits([WholeFile("a", ())], {"a": "1\n"}) == {"a": ""}


lines = st.text(alphabet="ab \t\r\x0c\u2028é", max_size=4).filter(
    lambda line: not line.endswith("\r")
)
endings = st.sampled_from(["\n", "\r\n"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    body = "".join(draw(lines) + draw(endings) for _ in range(draw(st.integers(0, 8))))
    return draw(st.sampled_from(["", "\ufeff"])) + body + draw(st.sampled_from(["", "end"]))


@given(texts())
def test_a_text_taken_apart_and_put_together_is_the_same(text: str) -> None:
    taken = Text.of(text)

    assert taken.with_lines(taken.lines) == text


@given(texts(), st.data())
def test_an_exact_block_changes_its_lines_and_no_others(text: str, data: st.DataObject) -> None:
    contents = Text.of(text).contents
    assume(contents)
    start = data.draw(st.integers(0, len(contents) - 1))
    end = data.draw(st.integers(start + 1, len(contents)))
    new = data.draw(st.lists(st.sampled_from(["new", "", "a", "    b"]), max_size=4))
    old = contents[start:end]
    expected = [*contents[:start], *new, *contents[end:]]
    assume(any(line.strip() for line in old))
    # An empty last line that nothing ends is no line at all.
    assume(text.endswith("\n") or not expected or expected[-1])

    try:
        result = apply_edits([Replace("f", tuple(old), tuple(new))], {"f": text}).get("f", text)
    except InvalidEdit as refusal:
        assert "places" in str(refusal)
        return

    assert Text.of(result).contents == expected
    assert Text.of(result).bom == Text.of(text).bom


@given(texts(), st.lists(lines, max_size=4), st.lists(lines, max_size=4))
def test_any_edit_applies_or_is_refused_with_a_reason(
    text: str, old: list[str], new: list[str]
) -> None:
    try:
        apply_edits([Replace("f", tuple(old), tuple(new))], {"f": text})
    except InvalidEdit as refusal:
        assert str(refusal).startswith("f: ")
