"""What is read from each language: one small program that we wrote, in every one of them."""

from __future__ import annotations

import pytest
from tree_sitter import Parser, QueryCursor

from selfheal.codegraph.grammar import (
    LANGUAGES,
    bundled_grammar,
    grammar,
    language_of,
    query_for,
)
from selfheal.codegraph.parse import facts_of, syntax_of
from selfheal.errors import UnsupportedLanguage

ECMASCRIPT = b"""
import { rate } from "./rates.js";
export { rate } from "./rates.js";
const fs = require("fs");

class Cart extends Base {
  constructor(items) { super(items); this.items = items; }
  total() { return this.items.reduce((sum, item) => sum + item.net() * rate(item), 0); }
}
function gross(cart) { return cart ? new Money(cart.total()) : undefined; }
const net = (cart) => { for (const item of cart.items) { log.line(item); } };
exports.later = function () { setTimeout(net, 10); };
"""
TYPED = b"""
interface Priced { total(): number }
enum Kind { A, B }
type Prices = Map<string, number>;
abstract class Shop<T> extends Base<T> implements Priced {
  total = (): number => this.sum<T>(1);
  abstract open(): void;
}
namespace deep.down { export function found(): void {} }
"""
ELEMENT = b"""
const Row = (props) => <div><Cell value={props.value} /><Lib.Button>x</Lib.Button></div>;
"""
GO = b"""package shop

import (
\t"fmt"
\tmoney "example.org/money"
)

type Cart[T any] struct{ Items []T }
type Priced interface{ Total() int }

func (c *Cart[T]) Total() int {
\tfor _, item := range c.Items {
\t\tif ok := money.Check(item); ok && true {
\t\t\tfmt.Println(item)
\t\t}
\t}
\treturn sum(c.Items)
}

func New() *Cart[int] { return &Cart[int]{} }
"""
JAVA = b"""package shop;

import java.util.List;
import static java.lang.Math.*;

public class Cart<T> extends Base<T> implements Priced, Other {
    private final List<T> items;
    public Cart(List<T> items) { this.items = items; }
    public int total() {
        for (T item : items) { if (item != null && check(item)) { Log.line(item); } }
        return new Money(items.stream().map(T::net).count()).whole();
    }
    interface Inner { void run(); }
    record Pair(int a, int b) {}
    enum Kind { A, B }
}
"""
RUST = b"""use std::collections::HashMap;
mod rates;

pub struct Cart<T> { items: Vec<T> }
pub trait Priced { fn total(&self) -> i64; }

impl<T: Priced> Priced for Cart<T> {
    fn total(&self) -> i64 {
        for item in &self.items { if item.total() > 0 && true { println!("{}", item.total()); } }
        self.items.iter().map(|item| rates::net(item)).sum::<i64>()
    }
}

mod deep {
    pub fn found() -> Option<i64> { Some(super::helper()?.abs()) }
}
"""
PYTHON = (
    b"import os\n\nclass Cart(Base):\n    def total(self):\n        return os.sep.join(self.a)\n"
)
PROGRAMS = {
    "python": PYTHON,
    "javascript": ECMASCRIPT,
    "typescript": ECMASCRIPT + TYPED,
    "tsx": ECMASCRIPT + TYPED + ELEMENT,
    "go": GO,
    "java": JAVA,
    "rust": RUST,
}


def defined(language: str) -> list[tuple[str, str]]:
    facts = facts_of(PROGRAMS[language], "", language=language)
    return [(one.kind, one.qualname) for one in facts.definitions]


def called(language: str) -> list[str]:
    facts = facts_of(PROGRAMS[language], "", language=language)
    return ["".join(call.target) for call in facts.calls if call.kind == "written"]


def imported(language: str) -> list[str]:
    return [one.module for one in facts_of(PROGRAMS[language], "", language=language).imports]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_program_parses_without_an_error(language: str) -> None:
    facts = facts_of(PROGRAMS[language], "", language=language)

    assert facts.problem == ""
    assert facts.lines == PROGRAMS[language].count(b"\n") + 1


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "python"])
def test_the_library_that_has_all_grammars_reads_the_same(language: str) -> None:
    pytest.importorskip("tree_sitter_languages", reason="it has no wheel for this Python")

    counts = []
    for found in (grammar(language), bundled_grammar(language)):
        root = Parser(found).parse(PROGRAMS[language]).root_node
        matches = QueryCursor(query_for(found, language)).matches(root)
        counts.append((root.has_error, len(matches)))

    assert counts[0] == counts[1]
    assert not counts[0][0]


def test_the_older_python_grammar_of_the_library_is_refused_with_a_reason() -> None:
    pytest.importorskip("tree_sitter_languages", reason="it has no wheel for this Python")

    with pytest.raises(UnsupportedLanguage, match="its grammar is another one"):
        query_for(bundled_grammar("python"), "python")


def test_definitions_have_their_place_and_kind() -> None:
    assert defined("javascript") == [
        ("class", "Cart"),
        ("method", "Cart.constructor"),
        ("method", "Cart.total"),
        ("function", "gross"),
        ("function", "net"),
        ("function", "later"),
    ]
    assert defined("typescript")[6:] == [
        ("class", "Priced"),
        ("method", "Priced.total"),
        ("class", "Kind"),
        ("class", "Prices"),
        ("class", "Shop"),
        ("method", "Shop.total"),
        ("method", "Shop.open"),
        ("function", "deep.down.found"),
    ]
    assert defined("tsx")[-1] == ("function", "Row")
    assert defined("go") == [
        ("class", "Cart"),
        ("class", "Priced"),
        ("method", "Priced.Total"),
        ("method", "Cart.Total"),
        ("function", "New"),
    ]
    assert defined("java") == [
        ("class", "Cart"),
        ("method", "Cart.Cart"),
        ("method", "Cart.total"),
        ("class", "Cart.Inner"),
        ("method", "Cart.Inner.run"),
        ("class", "Cart.Pair"),
        ("class", "Cart.Kind"),
    ]
    assert defined("rust") == [
        ("class", "Cart"),
        ("class", "Priced"),
        ("method", "Priced.total"),
        ("method", "Cart.total"),
        ("function", "deep.found"),
    ]


def test_calls_are_known_by_name_those_on_values_too() -> None:
    assert {"super", "rate", "this.items.reduce", "Money", "cart.total"} <= set(
        called("javascript")
    )
    assert {"Cell", "Lib.Button"} <= set(called("tsx")) and "div" not in called("tsx")
    assert called("go") == ["money.Check", "fmt.Println", "sum"]
    assert {"check", "Log.line", "Money", ".whole"} <= set(called("java"))
    assert {"println", "item.total", "rates.net", ".sum", "super.helper"} <= set(called("rust"))


def test_imports_are_known_by_module() -> None:
    assert imported("javascript") == ["./rates.js", "./rates.js", "fs"]
    assert imported("go") == ["fmt", "example.org/money"]
    assert imported("java") == ["java.util.List", "java.lang.Math"]
    assert imported("rust") == ["std::collections::HashMap", "rates"]


def test_bases_and_decisions_are_known() -> None:
    java = {one.qualname: one for one in facts_of(JAVA, "Cart.java").definitions}
    go = {one.qualname: one for one in facts_of(GO, "cart.go").definitions}
    shop = {one.qualname: one for one in facts_of(TYPED, "shop.ts").definitions}["Shop"]

    assert java["Cart"].bases == (("Base",), ("Priced",), ("Other",))
    assert shop.bases == (("Base",), ("Priced",))
    assert java["Cart.total"].branches == 3
    assert go["Cart.Total"].branches == 3


def test_the_end_of_a_name_tells_the_language() -> None:
    ends = {"a.py": "python", "a.mjs": "javascript", "a.d.ts": "typescript", "a.tsx": "tsx"}

    assert {path: language_of(path) for path in ends} == ends
    assert language_of("README") == language_of("a.txt") == ""


def test_a_language_without_a_query_is_no_facts_with_a_reason() -> None:
    facts = facts_of(b"puts 1", "a.rb")

    assert facts.problem.startswith("no facts are read from such files: known are python")
    with pytest.raises(UnsupportedLanguage, match="ruby"):
        syntax_of(b"puts 1", language="ruby")


def test_a_grammar_that_nobody_ships_is_an_error_that_names_it() -> None:
    with pytest.raises(UnsupportedLanguage, match="klingon"):
        bundled_grammar("klingon")
