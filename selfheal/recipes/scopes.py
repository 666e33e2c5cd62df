"""Which scope a name belongs to: Python's rules, exactly, for a few chosen names.

The code graph's own scopes are made for calls; an edit needs comprehensions, captures, `del` and
parameters told apart too (Python Language Reference, 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ScopeKind = Literal["module", "class", "function", "lambda", "comprehension"]


@dataclass(eq=False, slots=True)
class Scope:
    """One scope of a file while it is read. `qualname` is the code graph's, that of the scope
    around it for a comprehension; `key` is its own. Empty is the module's."""

    kind: ScopeKind
    qualname: str
    key: str
    parent: Scope | None = None
    bound: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        return self if self.parent is None else self.parent.module

    def bind(self, name: str) -> None:
        """`name` is bound by a statement of this scope; `global` and `nonlocal` move that."""
        if name in self.globals:
            self.module.bound.add(name)
        elif name not in self.nonlocals:
            self.bound.add(name)

    def declare(self, name: str, *, is_global: bool) -> None:
        """A `global` or `nonlocal` statement names `name`."""
        (self.globals if is_global else self.nonlocals).add(name)
        self.bound.discard(name)
        if is_global:
            self.module.bound.add(name)

    def path_to(self, name: str) -> tuple[Scope, ...]:
        """The scopes that are asked for `name` from here on, the one that binds it last.

        Empty when none binds it. A class is asked only for what its own body uses.
        """
        asked: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            if scope is self or scope.kind != "class":
                asked.append(scope)
                if name in scope.globals:
                    asked.append(scope.module)
                    return tuple(asked)
                if name in scope.bound:
                    return tuple(asked)
            scope = scope.parent
        return ()

    def asked(self) -> tuple[Scope, ...]:
        """Every scope that is asked for a name that none binds."""
        found, scope = [self], self.parent
        while scope is not None:
            if scope.kind != "class":
                found.append(scope)
            scope = scope.parent
        return tuple(found)
