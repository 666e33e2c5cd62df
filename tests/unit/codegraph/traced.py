"""Runs programs and says who called whom: the truth that a call map is held to.

Run as a program with a folder of folders, each with a `main.py`; prints one JSON object, edges by
the name of the folder. A profiler sees every call of a function, by whatever protocol. It sees a
generator run, but not who made it: for that each call in the text notes what it is about to call.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from importlib.machinery import FileFinder, SourceFileLoader
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_OPTIMIZED
from pathlib import Path
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any

_RESUMED = CO_ASYNC_GENERATOR | CO_COROUTINE | CO_GENERATOR
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


class Tracer:
    """Collects the calls between functions whose code it knows."""

    def __init__(self) -> None:
        self._names: dict[CodeType, str] = {}
        self._made: set[CodeType] = set()
        self.edges: set[tuple[str, str]] = set()

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

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        """What `sys.setprofile` calls."""
        code = frame.f_code
        is_function = code.co_flags & CO_OPTIMIZED and code.co_name not in _COMPREHENSIONS
        # A generator that no call in the text has made: some protocol has, and runs it at once.
        if event == "call" and is_function and code not in self._made:
            self._note(frame.f_back, code)

    def calling(self, called: Any) -> Any:
        """What each call in the text is made through: notes the making of a generator."""
        function = called.__func__ if isinstance(called, MethodType) else called
        if isinstance(function, FunctionType) and function.__code__.co_flags & _RESUMED:
            self._made.add(function.__code__)
            self._note(sys._getframe(1), function.__code__)
        return called

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


def edges_of(folder: Path) -> Iterator[tuple[str, str]]:
    """The calls that happen when `main.py` of the folder is imported."""
    tracer = Tracer()

    class Loader(SourceFileLoader):
        def get_code(self, fullname: str) -> CodeType:
            tree = _Calls().visit(ast.parse(self.get_data(self.path)))
            code = compile(tree, self.path, "exec", dont_inherit=True)
            tracer.know(code, fullname, fullname)
            return code

    def hook(path: str) -> FileFinder:
        if not Path(path).is_relative_to(folder):
            raise ImportError(path)
        return FileFinder(path, (Loader, [".py"]))

    sys.path_hooks.insert(0, hook)
    sys.path.insert(0, str(folder))
    vars(sys.modules["builtins"])["__calling__"] = tracer.calling
    before = set(sys.modules)
    sys.setprofile(tracer.profile)
    try:
        __import__("main")
    finally:
        sys.setprofile(None)
        sys.path_hooks.remove(hook)
        sys.path.remove(str(folder))
        sys.path_importer_cache.clear()
        for name in set(sys.modules) - before:
            del sys.modules[name]
    yield from sorted(tracer.edges)


if __name__ == "__main__":
    cases = sorted(Path(sys.argv[1]).iterdir())
    print(json.dumps({case.name: list(edges_of(case)) for case in cases}))
