"""One look at one matter: what permissions and guards ask again and again while a page is drawn is asked once.

Only for pages, which read. A service asks afresh under its lock: nothing is remembered outside `one_look()`, but for who works here, is away or named
while one process alone writes (`people_at_rest`, for the demonstration).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_seen: ContextVar[dict[Hashable, Any] | None] = ContextVar("one_look", default=None)
_people: ContextVar[dict[Hashable, Any] | None] = ContextVar("people_at_rest", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    token = _seen.set({})
    try:
        yield
    finally:
        _seen.reset(token)


def remembered(key: Hashable, ask: Callable[[], T]) -> T:
    """The answer given in this look; outside of one, always the fresh answer."""
    seen = _seen.get()
    if seen is None:
        return ask()
    if key not in seen:
        seen[key] = ask()
    answer: T = seen[key]
    return answer


@contextmanager
def people_at_rest() -> Iterator[None]:
    """One instant in which nobody else writes: what is asked about people is asked once, until `people_changed`."""
    token = _people.set({})
    try:
        yield
    finally:
        _people.reset(token)


def people_changed() -> None:
    """Somebody was named in a matter, or went on leave: ask again."""
    if seen := _people.get():
        seen.clear()


def remembered_of_people(key: Hashable, ask: Callable[[], T]) -> T:
    """As `remembered`, and while people are at rest."""
    seen = _people.get()
    if seen is None or looking():
        return remembered(key, ask)
    if key not in seen:
        seen[key] = ask()
    answer: T = seen[key]
    return answer


def looking() -> bool:
    return _seen.get() is not None


def known(key: Hashable, answer: Any) -> None:
    """The page has read this already, with other rows."""
    seen = _seen.get()
    if seen is not None:
        seen[key] = answer
