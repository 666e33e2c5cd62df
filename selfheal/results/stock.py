"""Celery's own parts that this backend stands on, as Celery's sources have them.

celery-types knows a part of the base class only, so the type checker is told nothing about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from celery.utils.functional import _regen  # type: ignore[attr-defined]

if TYPE_CHECKING:
    BaseBackend: TypeAlias = Any
    BackendStoreError: Any
else:
    from celery.backends.base import BaseBackend
    from celery.exceptions import BackendStoreError

__all__ = ["BackendStoreError", "BaseBackend", "is_lazy"]


def is_lazy(header: object) -> bool:
    """Whether the header of a chord is a generator that has not run yet."""
    return isinstance(header, _regen)
