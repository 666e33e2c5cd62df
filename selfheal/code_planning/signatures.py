"""The parameters of a function that is not there yet, by the plan's words and by its callers."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from selfheal.code_planning.reading import FileReader
from selfheal.contracts.plan import Step, Symbol

_MOST_PARAMETERS = 12
_MOST_FILES = 40
"""Files with the name that are looked at: by then it is known how most of them call."""


def signature_of(symbol: Symbol, step: Step, reader: FileReader) -> str:
    """What stands between its brackets; a method's begins with `self`."""
    name = symbol.fq_name.rpartition(".")[2]
    told = _told(name, (step.goal, *step.hints))
    own = told if told is not None else _passed(name, reader)
    if symbol.kind != "method" or re.match(r"(self|cls)\b", own):
        return own
    return f"self, {own}" if own else "self"


def _told(name: str, texts: Iterable[str]) -> str | None:
    """As the text writes it: `name(order, *, rate=0.2)`; None where it writes no such thing."""
    for text in texts:
        for written in re.findall(rf"\b{re.escape(name)}\(([^()\n]*)\)", text):
            if _is_signature(written):
                return " ".join(written.split())
    return None


def _is_signature(written: str) -> bool:
    """Whether it can be declared; `2, "a"` cannot. Empty brackets mostly only mark a function."""
    if not written.strip():
        return False
    try:
        ast.parse(f"def _({written}): pass")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _passed(name: str, reader: FileReader) -> str:
    """Positions by the name that most callers use for what they pass, then keywords by name.

    What some caller leaves out has None as its default.
    """
    calls = [
        call for path in reader.calling(name, most=_MOST_FILES) for call in _calls(reader, path)
    ]
    own = [call for call in calls if _name_of(call.func) == name and not _spreads(call)]
    names: dict[int | str, Counter[str]] = defaultdict(Counter)
    for call in own:
        for position, value in enumerate(call.args):
            names[position][_name_of(value)] += 1
        for keyword in call.keywords:
            names[keyword.arg or ""][keyword.arg or ""] += 1
    return ", ".join(_declared(names, calls=len(own)))


def _declared(names: Mapping[int | str, Counter[str]], *, calls: int) -> Iterator[str]:
    used = set[str]()
    is_optional = False
    positions = sorted(key for key in names if isinstance(key, int))
    keywords = sorted(key for key in names if isinstance(key, str))
    shown: list[int | str] = [*positions, *keywords]
    for key in shown[:_MOST_PARAMETERS]:
        commonest = key if isinstance(key, str) else _commonest(names[key]) or f"arg{key + 1}"
        name = f"{commonest}_{len(used) + 1}" if commonest in used else commonest
        used.add(name)
        # After one that may be left out, all may.
        is_optional = is_optional or names[key].total() < calls
        yield f"{name}=None" if is_optional else name


def _calls(reader: FileReader, path: str) -> Iterator[ast.Call]:
    try:
        with warnings.catch_warnings():
            # A doubtful escape in the source of others is no warning about ours.
            warnings.simplefilter("ignore")
            tree = ast.parse(reader.text(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _spreads(call: ast.Call) -> bool:
    """Whether it passes `*these` or `**those`: then its arguments cannot be counted."""
    starred = any(isinstance(value, ast.Starred) for value in call.args)
    return starred or any(keyword.arg is None for keyword in call.keywords)


def _name_of(value: ast.expr) -> str:
    """The last name of `order` or `self.order`; empty for what is no name."""
    if isinstance(value, ast.Attribute):
        return value.attr
    return value.id if isinstance(value, ast.Name) and value.id != "self" else ""


def _commonest(names: Counter[str]) -> str:
    known = {name: count for name, count in names.items() if name}
    return min(known, key=lambda name: (-known[name], name), default="")
