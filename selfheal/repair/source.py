"""A Python file as text and tree at once: nodes know their place in the text, edits are splices."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Owner = FunctionNode | ast.ClassDef
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters `start:end` of a file by `text`.

    `unit_old` and `unit_new` are the smallest compilable pieces that show the change, on their
    original line numbers: the outermost function round it, or the statement.
    """

    path: str
    start: int
    end: int
    text: str
    unit_old: str
    unit_new: str
    in_function: bool


class SourceFile:
    """One parsed file. Raises SyntaxError when this interpreter cannot parse it."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.tree = ast.parse(text)
        self.parent: dict[ast.AST, ast.AST] = {}
        self.nodes = tuple(ast.walk(self.tree))
        for node in self.nodes:
            for child in ast.iter_child_nodes(node):
                self.parent[child] = node

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def line_start(self, line: int) -> int:
        """Offset of the first character of a line (1-based); the text's end beyond the last."""
        return self._line_starts[line - 1] if line <= len(self._line_starts) else len(self.text)

    def line_text(self, line: int) -> str:
        return self.text[self.line_start(line) : self.line_start(line + 1)]

    def offset(self, line: int, column: int) -> int:
        """Character offset of a position as `ast` gives it: 1-based line, UTF-8 byte column."""
        text = self.line_text(line)
        if text.isascii():
            return self.line_start(line) + column
        return self.line_start(line) + len(text.encode()[:column].decode(errors="replace"))

    def span(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> tuple[int, int]:
        """Character offsets of a node, without parentheses round it."""
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self.offset(node.lineno, node.col_offset)
        return start, self.offset(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def outer_span(self, node: ast.expr) -> tuple[int, int]:
        """Like `span`, with the parentheses that enclose just this expression."""
        start, end = self.span(node)
        parent = self.parent.get(node)
        low, high = self.span(parent) if isinstance(parent, ast.expr) else (start, end)
        while True:
            before = self.text[low:start].rstrip()
            after = self.text[end:high]
            gap = len(after) - len(after.lstrip())
            if not before.endswith("(") or after[gap : gap + 1] != ")":
                return start, end
            if isinstance(parent, ast.Call) and node is not parent.func:
                return start, end
            start, end = low + len(before) - 1, end + gap + 1

    @cached_property
    def _unreliable(self) -> frozenset[ast.AST]:
        """Nodes inside f-strings whose positions are wrong (interpreters before 3.12)."""
        wrong: set[ast.AST] = set()
        for node in self.nodes:
            if isinstance(node, ast.JoinedStr):
                wrong.update(child for child in ast.walk(node) if not self._is_at_its_place(child))
        return frozenset(wrong)

    def _is_at_its_place(self, node: ast.AST) -> bool:
        if not isinstance(node, ast.expr) or isinstance(node, ast.JoinedStr | ast.FormattedValue):
            return False
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return False
        try:
            found = ast.parse(self.segment(node).strip(), mode="eval").body
        except (SyntaxError, ValueError, IndexError):
            return False
        return ast.dump(found) == ast.dump(node)

    def is_reliable(self, node: ast.AST) -> bool:
        """False where the tree's positions cannot be trusted for a splice."""
        return node not in self._unreliable

    def ancestors(self, node: ast.AST) -> list[ast.AST]:
        """From the node's parent outwards to the module."""
        found = []
        while (step := self.parent.get(node)) is not None:
            found.append(step)
            node = step
        return found

    def statement_of(self, node: ast.AST) -> ast.stmt | None:
        for step in [node, *self.ancestors(node)]:
            if isinstance(step, ast.stmt):
                return step
        return None

    def function_of(self, node: ast.AST) -> FunctionNode | None:
        """The innermost function whose body, header or decorators hold the node."""
        for step in [node, *self.ancestors(node)]:
            if isinstance(step, FunctionNode):
                return step
        return None

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        for step in [node, *self.ancestors(node)]:
            if isinstance(step, ast.ClassDef):
                return step
        return None

    def qualname(self, node: ast.AST) -> str:
        """Dotted name of the function or class the node is in, '' at module level."""
        names = [step.name for step in [node, *self.ancestors(node)] if isinstance(step, Owner)]
        return ".".join(reversed(names))

    def edit(self, node: ast.AST, change: tuple[int, int, str]) -> Edit:
        """The splice as an Edit with its compilable unit; `node` is what the change belongs to."""
        start, end, text = change
        function = next(
            (
                step
                for step in reversed([node, *self.ancestors(node)])
                if isinstance(step, FunctionNode)
            ),
            None,
        )
        unit = function or self.statement_of(node)
        if unit is None:
            whole = self.spliced(change)
            return Edit(self.path, start, end, text, self.text, whole, in_function=False)
        first, last = _first_line(unit), unit.end_lineno or unit.lineno
        low, high = self.line_start(first), self.line_start(last + 1)
        headers = self._headers(unit)
        padding = headers + "\n" * (first - 1 - headers.count("\n"))
        old = padding + self.text[low:high]
        new = padding + self.text[low:start] + text + self.text[end:high]
        return Edit(self.path, start, end, text, old, new, function is not None)

    def spliced(self, change: tuple[int, int, str]) -> str:
        start, end, text = change
        return self.text[:start] + text + self.text[end:]

    def _headers(self, unit: ast.stmt) -> str:
        """Stand-ins for the blocks round a unit, one line each, so that it compiles alone."""
        lines = []
        for step in reversed(self.ancestors(unit)):
            if isinstance(step, ast.stmt):
                text = self.line_text(step.lineno)
                indent = text[: len(text) - len(text.lstrip())]
                name = f"class {step.name}:" if isinstance(step, ast.ClassDef) else "if 1:"
                lines.append(f"{indent}{name}\n")
        return "".join(lines)


def _first_line(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, Owner) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def fingerprint(edit: Edit) -> str | None:
    """The edited unit's normalised tree, or None when it does not compile cleanly.

    A SyntaxWarning counts as an error when the text had none before: `x is 1` is never a fix.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compile(edit.unit_old, edit.path, "exec", dont_inherit=True)
        except (SyntaxError, Warning):
            warnings.simplefilter("ignore")
        try:
            tree = ast.parse(edit.unit_new)
            compile(edit.unit_new, edit.path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, Warning, MemoryError, RecursionError):
            return None
    return ast.dump(tree)


@lru_cache(maxsize=256)
def normalised(unit: str) -> str:
    """The tree of a unit as text: equal for texts that differ in layout only."""
    try:
        return ast.dump(ast.parse(unit))
    except (SyntaxError, ValueError):
        return ""
