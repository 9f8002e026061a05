"""What the words kept in columns are called. The workplace, which knows every room, teaches it; the back office asks.

Verbs and states stand in the database as readable words of the code; people read them by their names, in their language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Namer = Callable[[str, str, Mapping[str, Any]], str]
"""(kind of item, word, what the line of history keeps beside it) → its name, in the reader's language; empty for an unknown word."""
Finder = Callable[[Namer, str, str], list[str]]
"""(namer, kind of item, what was typed) → the words in whose name it stands."""
_namers: dict[str, Namer] = {}
_finders: list[Finder] = []


def teach(finder: Finder, **namers: Namer) -> None:
    """`happened`: what a line of history says; `attempt`: what somebody wanted to do; `state`: the state of what the line is about."""
    _finders[:] = [finder]
    _namers.update(namers)


def called(what: str, kind: str, typed: str) -> list[str]:
    """The words of the code that are called so, in the reader's language; `what` as it was taught."""
    return [word for finder in _finders for word in finder(_namers[what], kind, typed)]


def happened(kind: str, verb: str, data: Mapping[str, Any]) -> str:
    return _named("happened", kind, verb, data)


def attempt(kind: str, verb: str) -> str:
    return _named("attempt", kind, verb, {})


def state(kind: str, word: str, data: Mapping[str, Any]) -> str:
    return _named("state", kind, word, data)


def _named(what: str, kind: str, word: str, data: Mapping[str, Any]) -> str:
    namer = _namers.get(what)
    return (namer(kind, word, data) if namer and word else "") or word
