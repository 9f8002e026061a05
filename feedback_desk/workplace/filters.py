"""Filters of a list: they stand in the address, show as chips, and narrow what a person may see. Unknown values are passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.lifecycle import ENDED
from complaints.lifecycle import State as FormState
from complaints.models import Grade
from feedback_desk.people.models import Department, User
from tickets.lifecycle import State
from tickets.models import Type, Urgency

OVER = {"closed", "invalid", "merged"}
Choices = list[tuple[str, str]]


@dataclass(frozen=True)
class Filter:
    """One question a list can be asked: its name in the address, its word, and the condition for a value."""

    name: str
    label: Any
    condition: Callable[[str, datetime], Q]


def _state(value: str, at: datetime) -> Q:
    return Q(state=value) | Q(form__state=value)


def _holder(value: str, at: datetime) -> Q:
    return Q(assignee=None, state=State.PENDING) if value == "none" else Q(assignee_id=int(value))


FILTERS = {f.name: f for f in (
    Filter("type", gettext_lazy("Type"), lambda value, at: Q(type=value)),
    Filter("state", gettext_lazy("State"), _state),
    Filter("grade", gettext_lazy("Grade"), lambda value, at: Q(form__grade="" if value == "none" else value) & Q(type=Type.COMPLAINT)),
    Filter("urgency", gettext_lazy("Urgency"), lambda value, at: Q(urgency=value)),
    Filter("department", gettext_lazy("Department"), lambda value, at: Q(item__department_id=int(value))),
    Filter("holder", gettext_lazy("Holder"), _holder),
    Filter("late", gettext_lazy("Limit"), lambda value, at: Q(item__next_limit_at__lt=at)),
)}  # fmt: skip


@dataclass
class Asked:
    """A filter with what may be chosen and what is chosen now."""

    filter: Filter
    choices: Choices
    value: str = ""
    without: str = ""
    """The page's address with this filter taken away."""

    @property
    def name(self) -> str:
        return self.filter.name

    @property
    def label(self) -> Any:
        return self.filter.label

    @property
    def said(self) -> str:
        return next((label for value, label in self.choices if value == self.value), "")


@dataclass
class Filters:
    """All filters of one page."""

    asked: list[Asked]
    people: list[Any] = field(default_factory=list)

    @property
    def chosen(self) -> list[Asked]:
        return [a for a in self.asked if a.value]

    @property
    def left(self) -> list[Asked]:
        return [a for a in self.asked if not a.value and a.choices]

    def narrow(self, tickets: Any, at: datetime) -> Any:
        for asked in self.chosen:
            tickets = tickets.filter(asked.filter.condition(asked.value, at))
        return tickets


def read(query: QueryDict, people: Iterable[User], departments: Iterable[Department]) -> Filters:
    """What the address asks for, of what can be asked."""
    people = list(people)
    found = Filters([Asked(f, _choices(f.name, people, departments)) for f in FILTERS.values()], people)
    for asked in found.asked:
        value = query.get(asked.name, "")
        asked.value = value if value in dict(asked.choices) else ""
        asked.without = _without(query, asked.name)
    return found


def _without(query: QueryDict, name: str) -> str:
    rest = query.copy()
    for taken in (name, "page"):
        rest.pop(taken, None)
    return "?" + rest.urlencode()


def _choices(name: str, people: list[User], departments: Iterable[Department]) -> Choices:
    match name:
        case "type":
            return [(value, str(label)) for value, label in Type.choices]
        case "state":
            return _states()
        case "grade":
            return [(value, str(label)) for value, label in Grade.choices] + [("none", _("not graded yet"))]
        case "urgency":
            return [(value, str(label)) for value, label in Urgency.choices]
        case "late":
            return [("1", _("is late"))]
        case "holder":
            return [("none", _("nobody, to be taken")), *((str(p.pk), str(p)) for p in people)]
    return [(str(d.pk), _name(d)) for d in departments]


def _states() -> Choices:
    """Open states of tickets, then of forms; words that both have stand once."""
    found = {value: str(label) for value, label in State.choices if value not in OVER}
    return list((found | {value: str(label) for value, label in FormState.choices if value not in ENDED}).items())


def _name(department: Department) -> str:
    return department.spoken
