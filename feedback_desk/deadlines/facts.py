"""What rules choose by: each room registers its facts with their values, so that an administrator picks them and nothing unknown is asked for (E5)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from feedback_desk.people.models import Department

Choices = Callable[[], list[tuple[str, Any]]]
Holds = Callable[[str], list[str]]


@dataclass(frozen=True)
class Fact:
    """`key` is what services pass and rules store; `label` and the labels of `choices()` are in the reader's language.

    `holds(value)`: all that is true of something with this value; a category and those above it.
    """

    key: str
    label: Any
    choices: Choices
    order: int
    holds: Holds

    def said(self, values: Collection[str]) -> list[str]:
        """The values as people call them; one that is not there any more by its code."""
        names = {value: str(name).strip() for value, name in self.choices()}
        return [names.get(str(value), str(value)) for value in values]


_facts: dict[str, Fact] = {}


def _itself(value: str) -> list[str]:
    return [value]


def register(key: str, label: Any, choices: Choices, *, order: int, holds: Holds = _itself) -> None:
    """Called from AppConfig.ready()."""
    _facts[key] = Fact(key, label, choices, order, holds)


def known() -> list[Fact]:
    return sorted(_facts.values(), key=lambda fact: fact.order)


def by_key(key: str) -> Fact | None:
    return _facts.get(key)


def departments() -> list[tuple[str, Any]]:
    """Those that work, by their keys."""
    return [(str(row.pk), row.name) for row in Department.objects.filter(active=True)]
