"""One look at one matter: what permissions and guards ask again and again while a page is drawn is asked once.

Only for pages, which read. A service asks afresh under its lock: nothing is remembered outside `one_look()`, but while one process alone writes (the
demonstration): who works here, is away or named (`people_at_rest`), and what the administrator has set (`settings_at_rest`). Decision 48.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_seen: ContextVar[dict[Hashable, Any] | None] = ContextVar("one_look", default=None)
_people: ContextVar[dict[Hashable, Any] | None] = ContextVar("people_at_rest", default=None)
_settings: ContextVar[dict[Hashable, Any] | None] = ContextVar("settings_at_rest", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    with _remembering(_seen):
        yield


@contextmanager
def _remembering(memory: ContextVar[dict[Hashable, Any] | None]) -> Iterator[None]:
    token = memory.set({})
    try:
        yield
    finally:
        memory.reset(token)


def remembered(key: Hashable, ask: Callable[[], T]) -> T:
    """The answer given in this look; outside of one, always the fresh answer."""
    return _asked_once(_seen.get(), key, ask)


def _asked_once(seen: dict[Hashable, Any] | None, key: Hashable, ask: Callable[[], T]) -> T:
    if seen is None:
        return ask()
    if key not in seen:
        seen[key] = ask()
    answer: T = seen[key]
    return answer


@contextmanager
def settings_at_rest() -> Iterator[None]:
    """Nobody changes rules of limits, their ladders, calendars, roles or departments meanwhile: each is read once."""
    with _remembering(_settings):
        yield


def remembered_setting(key: Hashable, ask: Callable[[], T]) -> T:
    """The answer given while the settings are at rest; else always the fresh answer."""
    return _asked_once(_settings.get(), key, ask)


@contextmanager
def people_at_rest() -> Iterator[None]:
    """One instant in which nobody else writes: what is asked about people is asked once, until `people_changed`."""
    with _remembering(_people):
        yield


def people_changed() -> None:
    """Somebody was named in a matter, or went on leave: ask again."""
    if seen := _people.get():
        seen.clear()


def remembered_of_people(key: Hashable, ask: Callable[[], T]) -> T:
    """As `remembered`, and while people are at rest."""
    return _asked_once(_seen.get() if looking() else _people.get(), key, ask)


def remembered_office(key: Hashable, ask: Callable[[], T]) -> T:
    """Who holds which office: remembered in a look, and while the settings are at rest."""
    return remembered(key, lambda: remembered_setting(key, ask))


def looking() -> bool:
    return _seen.get() is not None


def known(key: Hashable, answer: Any) -> None:
    """The page has read this already, with other rows."""
    seen = _seen.get()
    if seen is not None:
        seen[key] = answer
