"""Symbols of a file, and which of them an edit touched."""

from hypothesis import given
from hypothesis import strategies as st

from selfheal.codegraph.symbols import symbols_in, touched_symbols

BEFORE = """\
import os

LIMIT = 1


class Job:
    retries = 3

    def run(self):
        return 1

    def stop(self):
        return 2


def start():
    def inner():
        return 3
    return inner
"""


def touched(old: str, new: str) -> tuple[str, ...]:
    assert old in BEFORE
    return touched_symbols(BEFORE, BEFORE.replace(old, new), "src/app/job.py")


def test_symbols_come_in_source_order_with_kind_and_path():
    found = symbols_in(BEFORE, "src/app/job.py")

    assert [(symbol.fq_name, symbol.kind) for symbol in found] == [
        ("app.job", "module"),
        ("app.job.Job", "class"),
        ("app.job.Job.run", "method"),
        ("app.job.Job.stop", "method"),
        ("app.job.start", "function"),
        ("app.job.start.inner", "function"),
    ]
    assert {symbol.file_path for symbol in found} == {"src/app/job.py"}


def test_a_file_that_is_not_python_is_one_symbol():
    assert [s.fq_name for s in symbols_in("# hi", "docs/x.md")] == ["docs/x.md"]
    assert touched_symbols("# hi", "# ho", "docs/x.md") == ("docs/x.md",)


def test_symbols_of_another_language_stand_below_the_path_of_their_file():
    before = "class Cart {\n  total() { return 1 }\n}\nfunction gross() { return 2 }\n"
    after = before.replace("return 1", "return 3")

    names = [symbol.fq_name for symbol in symbols_in(before, "web/cart.js")]

    assert names == [
        "web/cart.js",
        "web/cart.js.Cart",
        "web/cart.js.Cart.total",
        "web/cart.js.gross",
    ]
    assert touched_symbols(before, after, "web/cart.js") == ("web/cart.js.Cart.total",)


def test_an_edited_method_touches_neither_its_class_nor_its_module():
    assert touched("return 1", "return 10") == ("app.job.Job.run",)


def test_each_level_is_told_apart():
    assert touched("LIMIT = 1", "LIMIT = 2") == ("app.job",)
    assert touched("retries = 3", "retries = 4") == ("app.job.Job",)
    assert touched("return 3", "return 4") == ("app.job.start.inner",)
    assert touched("return inner", "return inner()") == ("app.job.start",)


def test_a_decorator_belongs_to_what_it_decorates():
    assert touched("    def stop", "    @final\n    def stop") == ("app.job.Job.stop",)


def test_what_is_added_renamed_or_removed_is_touched():
    assert touched("def start():", "def new():\n    pass\n\n\ndef start():") == ("app.job.new",)
    assert touched("def stop", "def halt") == ("app.job.Job.halt", "app.job.Job.stop")
    assert touched("    def stop(self):\n        return 2\n", "") == ("app.job.Job.stop",)


def test_a_move_and_blank_lines_touch_nothing():
    assert touched("\n\n\ndef start", "\n\n\n\n\n\ndef start") == ()
    assert touched("LIMIT = 1\n", "LIMIT = 1\n\n") == ()


def test_a_body_that_moves_out_of_its_function_touches_it():
    assert "app.job.Job.run" in touched("        return 1", "    return 1")


def test_a_new_and_a_deleted_file_touch_all_they_hold():
    everything = tuple(sorted(symbol.fq_name for symbol in symbols_in(BEFORE, "app/job.py")))

    assert touched_symbols("", BEFORE, "app/job.py") == everything
    assert touched_symbols(BEFORE, "", "app/job.py") == everything


def test_both_definitions_of_one_name_are_looked_at():
    before = "if x:\n    def f(): return 1\nelse:\n    def f(): return 2\n"

    assert touched_symbols(before, before.replace("2", "3"), "m.py") == ("m.f",)


def test_a_file_that_cannot_be_parsed_is_touched_as_a_module():
    assert touched_symbols("x = 1", "(" * 5_000, "m.py") == ("m",)


@given(st.text("defclass():\n xy=1", max_size=60), st.text("defclass():\n xy=1", max_size=60))
def test_touching_is_symmetric_and_equal_texts_touch_nothing(one, other):
    assert touched_symbols(one, one, "m.py") == ()
    assert touched_symbols(one, other, "m.py") == touched_symbols(other, one, "m.py")
