"""Runs programs and says who called whom: the truth that a call map is held to.

    python traced.py cases FOLDER               every folder in it, each with a main.py
    python traced.py suite CODE ANSWER [...]    a library's code under its tests, run by pytest

The first prints one JSON object, edges by the name of the folder. The second writes one into the
file ANSWER: edges, and the lines that ran by the path of each file; what follows goes to pytest.

A trace function sees every call of a function, by whatever protocol. It sees a generator run, but
not who made it: for that each call in the text notes what it is about to call.
"""

from __future__ import annotations

import ast
import json
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import FileFinder, SourceFileLoader
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

_RESUMED = CO_ASYNC_GENERATOR | CO_COROUTINE | CO_GENERATOR
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
_TESTS = {"test", "tests"}


class Tracer:
    """Collects the calls between functions whose code it knows, and the lines that they run."""

    def __init__(self) -> None:
        self._names: dict[CodeType, str] = {}
        self._made: set[CodeType] = set()
        self.edges: set[tuple[str, str]] = set()
        self.lines: dict[str, set[int]] = defaultdict(set)

    def know(self, code: CodeType, name: str, caller: str) -> None:
        """Names a code object, and the code in it; what it calls is called by `caller`."""
        self._names[code] = caller
        lambdas = 0
        for inner in (const for const in code.co_consts if isinstance(const, CodeType)):
            if inner.co_name == "<lambda>":
                lambdas += 1
                inside = f"{name}.<lambda{lambdas}>"
                self.know(inner, inside, inside)
            elif inner.co_name in _COMPREHENSIONS:
                self.know(inner, name, caller)
            else:
                inside = f"{name}.{inner.co_name}"
                self.know(inner, inside, inside if inner.co_flags & CO_OPTIMIZED else caller)

    def trace(self, frame: FrameType, _event: str, _: object) -> Callable[..., Any] | None:
        """What `sys.settrace` calls when a frame is entered."""
        code = frame.f_code
        if code not in self._names:
            return None
        is_function = code.co_flags & CO_OPTIMIZED and code.co_name not in _COMPREHENSIONS
        # A generator that no call in the text has made: some protocol has, and runs it at once.
        if is_function and code not in self._made:
            self._note(frame.f_back, code)
        return self._in_frame

    def _in_frame(self, frame: FrameType, event: str, _: object) -> Callable[..., Any]:
        if event == "line":
            self.lines[frame.f_code.co_filename].add(frame.f_lineno)
        return self._in_frame

    def calling(self, called: Any) -> Any:
        """What each call in the text is made through.

        It notes the making of a generator, and what a decorator from outside has wrapped: its
        wrapper is no code that is known, so it is passed over.
        """
        function = called.__func__ if isinstance(called, MethodType) else called
        wrapped = self._wrapped(function)
        code = getattr(wrapped, "__code__", None)
        if not isinstance(code, CodeType):
            return called
        is_made = bool(code.co_flags & _RESUMED)
        if is_made:
            self._made.add(code)
        if is_made or wrapped is not function:
            self._note(sys._getframe(1), code)
        return called

    def _wrapped(self, function: Any) -> Any:
        while isinstance(function, FunctionType) and function.__code__ not in self._names:
            if not hasattr(function, "__wrapped__"):
                break
            function = function.__wrapped__
        return function

    def _note(self, frame: FrameType | None, callee: CodeType) -> None:
        if frame is not None and frame.f_code in self._names and callee in self._names:
            self.edges.add((self._names[frame.f_code], self._names[callee]))


class _Calls(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        node.func = ast.copy_location(
            ast.Call(ast.Name("__calling__", ast.Load()), [node.func], []), node.func
        )
        return ast.fix_missing_locations(node)


@contextmanager
def tracing(code: Path, *, root: Path) -> Iterator[Tracer]:
    """Whatever is imported of `code`, a folder or a file, by way of `root` is traced."""
    tracer = Tracer()

    class Loader(SourceFileLoader):
        def get_code(self, fullname: str) -> CodeType | None:
            if not _is_own(Path(self.path), code):
                return super().get_code(fullname)
            tree = _Calls().visit(ast.parse(self.get_data(self.path)))
            known = compile(tree, self.path, "exec", dont_inherit=True)
            tracer.know(known, fullname, fullname)
            return known

    def hook(path: str) -> FileFinder:
        if not Path(path).is_relative_to(root):
            raise ImportError(path)
        return FileFinder(path, (Loader, [".py"]))

    sys.path_hooks.insert(0, hook)
    sys.path.insert(0, str(root))
    sys.path_importer_cache.clear()
    vars(sys.modules["builtins"])["__calling__"] = tracer.calling
    threading.settrace(tracer.trace)
    sys.settrace(tracer.trace)
    try:
        yield tracer
    finally:
        sys.settrace(None)
        sys.path_hooks.remove(hook)
        sys.path.remove(str(root))
        sys.path_importer_cache.clear()


def _is_own(path: Path, code: Path) -> bool:
    """Whether a file is of the code that is looked at, and not of tests that lie in it."""
    return path.is_relative_to(code) and _TESTS.isdisjoint(path.relative_to(code).parts)


def edges_of(folder: Path) -> Iterator[tuple[str, str]]:
    """The calls that happen when `main.py` of the folder is imported."""
    before = set(sys.modules)
    with tracing(folder, root=folder) as tracer:
        __import__("main")
    for name in set(sys.modules) - before:
        del sys.modules[name]
    yield from sorted(tracer.edges)


def run_suite(code: Path, answer: Path, arguments: list[str]) -> int:
    """The exit status of pytest; `answer` says what ran of `code` meanwhile."""
    with tracing(code, root=code.parent) as tracer:
        import pytest

        status = pytest.main(arguments)
    lines = {path: sorted(tracer.lines[path]) for path in sorted(tracer.lines)}
    answer.write_text(json.dumps({"edges": sorted(tracer.edges), "lines": lines}))
    return int(status)


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "suite":
        sys.exit(run_suite(Path(words[0]), Path(words[1]), words[2:]))
    cases = sorted(Path(words[0]).iterdir())
    print(json.dumps({case.name: list(edges_of(case)) for case in cases}))
