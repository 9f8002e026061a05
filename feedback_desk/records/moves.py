"""Moves of a state machine: django-fsm's transitions that always carry a label, who may make them, and V3 (decision 1).

A lifecycle declares them with `@move`; services run them with `perform`; pages ask `open_moves` for the buttons.
`who` names capacities ("handler", "supervisor", "system" ...) that the room's `capacities()` finds for a person and a subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_fsm import transition

from feedback_desk.people.access import Changed, NotNow, NotYou, may, refuse_if_concerned
from feedback_desk.people.actors import Actor, Bystander
from feedback_desk.people.models import User
from feedback_desk.records import history
from feedback_desk.records.models import Entry, Item
from feedback_desk.records.spoken import when

Condition = Callable[[Any], str | None]
"""A guard: answers None when it holds, else one sentence that says what is missing."""
F = TypeVar("F", bound=Callable[..., Any])


class Subject(Protocol):
    """What has a life: a model with a protected `state` and an `item`. `capacities(actor)` names what the actor is to it.

    Several on one item (measures of a form) name in `part_of_item` the key under which their lines of history carry which one it was.
    """

    state: str
    item: Item

    def capacities(self, actor: Actor) -> frozenset[str]: ...

    def in_place_of(self, user: User, declared: Move) -> User | None:
        """V2: the absent or concerned primary whose part the user takes in this move; None in their own right."""

    def handed_on(self, user: User, who: frozenset[str]) -> Entry | None:
        """The line with which one of these capacities went from this person to somebody else, whatever the state; None if it never was theirs."""


@dataclass(frozen=True)
class Move:
    name: str
    label: Any
    who: frozenset[str]
    sources: frozenset[str]
    target: str | None
    guards: tuple[Condition, ...] = ()
    reason: bool = False
    """Marked *r* in the book: needs words."""
    eyes: str = ""
    """V8: propose, review, rule or inspect; nobody does two of them on one form."""
    primary: bool = False
    grave: bool = False
    by_hand: bool = True
    """Offered as a button; False for moves that another move or the machinery makes."""


def move(
    *, label: Any, who: Iterable[str], source: str | Sequence[str], target: str | None,
    guards: Sequence[Condition] = (), reason: bool = False, eyes: str = "", primary: bool = False, grave: bool = False, by_hand: bool = True,
) -> Callable[[F], F]:  # fmt: skip
    """Declare a move on a model whose protected FSMField is called `state`. `target=None` leaves the state as it is."""
    sources = [source] if isinstance(source, str) else list(source)

    def declare(method: F) -> F:
        declared = Move(
            name=method.__name__, label=label, who=frozenset(who), sources=frozenset(sources), target=target,
            guards=tuple(guards), reason=reason, eyes=eyes, primary=primary, grave=grave, by_hand=by_hand,
        )  # fmt: skip
        wrapped = transition(field="state", source=sources, target=target, custom={"move": declared})(method)
        wrapped.move = declared
        return wrapped  # type: ignore[no-any-return]

    return declare


def moves_of(model: type[models.Model]) -> dict[str, Move]:
    """Every move of a machine by name, in the order of declaration."""
    found: dict[str, Move] = {}
    for cls in reversed(model.__mro__):
        for name, value in vars(cls).items():
            declared = getattr(value, "move", None)
            if isinstance(declared, Move):
                found[name] = declared
    return found


def missing_for(subject: Any, declared: Move) -> list[str]:
    """What still stands against the move, a sentence each."""
    return [sentence for guard in declared.guards if (sentence := guard(subject))]


def open_moves(subject: Any, actor: Actor, capacities: frozenset[str] | None = None) -> list[tuple[Move, list[str]]]:
    """The moves this actor could make from here, each with what is still missing; none for a concerned person."""
    held = subject.capacities(actor) if capacities is None else capacities
    return [
        (m, missing_for(subject, m))
        for m in moves_of(type(subject)).values()
        if m.by_hand and subject.state in m.sources and m.who & held and not _eyes_taken(subject, m, actor)
    ]


def perform(subject: Any, name: str, *, by: Actor, seen_version: int | None = None, standing: str = "") -> Move:
    """Check who (NotYou), then whether now (NotNow), then run the move in memory. The caller holds the lock and saves.

    `seen_version`: the version of the text that the person saw; a newer one asks them to look again.
    `standing`: the capacity that a move of the other machine lends in the same transaction ("ticket", "form"); V3 holds all the same.
    """
    declared = moves_of(type(subject))[name]
    _check_who(subject, declared, by, standing)
    if subject.state not in declared.sources:
        raise too_late(subject)
    if seen_version is not None and seen_version != subject.version:
        raise changed_meanwhile(subject)
    if missing := missing_for(subject, declared):
        raise NotNow(" ".join(missing), missing=missing)
    getattr(subject, name)()
    return declared


def make(
    subject: Any, name: str, *, by: Actor, at: datetime, reason: str = "", seen_version: int | None = None, standing: str = "",
    save: Iterable[str] = (), data: dict[str, Any] | None = None,
) -> Entry:  # fmt: skip
    """Perform a move, save it with the fields named in `save`, and write its line of history. The services' way to move anything."""
    source, reason = subject.state, reason.strip()
    if moves_of(type(subject))[name].reason and not reason:
        raise ValidationError({"reason": _("Say why: this step needs a reason.")})
    perform(subject, name, by=by, seen_version=seen_version, standing=standing)
    subject.version += 1
    if subject.state != source:
        subject.state_since = at
    subject.save(update_fields=["state", "state_since", "version", *save])
    place = subject.in_place_of(by, moves_of(type(subject))[name]) if isinstance(by, User) and not standing else None
    return history.record(subject.item, name, by=by, at=at, reason=reason, source=source, target=subject.state, data=data, in_place_of=place)


def may_perform(subject: Any, name: str, actor: Actor) -> bool:
    """Who only: is the move this actor's to make, whatever the state? V3 and V8 included."""
    declared = moves_of(type(subject))[name]
    return bool(declared.who & subject.capacities(actor)) and not _eyes_taken(subject, declared, actor)


def _check_who(subject: Any, declared: Move, by: Actor, standing: str) -> None:
    if standing in declared.who:
        refuse_if_concerned(by, declared.name, subject.item)
        return
    check_part(subject, declared.name, who=declared.who, states=declared.sources, by=by)
    if _eyes_taken(subject, declared, by):
        sentence = _("You already took part in another decision on this form; someone else has to take this one.")
        raise NotYou(sentence, user=by if isinstance(by, User) else None, item=subject.item, verb=declared.name)


def check_part(subject: Any, name: str, *, who: frozenset[str], states: frozenset[str], by: Actor) -> None:
    """NotYou unless one of the capacities in `who` is theirs, V3 first; NotNow, with who and when, where it was until somebody was faster."""
    if who & subject.capacities(by):
        return
    refuse_if_concerned(by, name, subject.item)  # A person concerned has no capacity at all (V3); the sentence says which it is.
    user = by if isinstance(by, User) else None
    if user is not None and may(user, "see", subject.item):
        if subject.state not in states and (last := _last_move(subject)) and last.source in states:
            raise too_late(subject)
        if entry := subject.handed_on(user, who):
            raise NotNow(_("This is no longer possible: %(change)s.") % {"change": _given(entry)}, **_by_whom(entry))
    raise NotYou(_("This step is not yours to take: it is for others."), user=user, item=subject.item, verb=name)


def too_late(subject: Any) -> NotNow:
    """Somebody moved it on: who, where to and when."""
    return NotNow(_moved_sentence(subject), **_by_whom(_last_move(subject)))


def _eyes_taken(subject: Any, declared: Move, actor: Actor) -> bool:
    """V8: the subject's `other_eyes(kind, user)` says whether this person holds another of the four parts."""
    return bool(declared.eyes) and not isinstance(actor, Bystander) and bool(subject.other_eyes(declared.eyes, actor))


ALSO_CHANGES = ("correct", "determine", "answer", "revise")
"""What raises a subject's version beside its moves."""


def changed_meanwhile(subject: Any, last: Entry | None = None) -> Changed:
    """The version somebody saw is not the current one: say who changed it and when. `last`: the change, where it is known."""
    last = last or _last_change(subject)
    if last is not None and GIVEN_TO in last.data:
        return Changed(_("Meanwhile %(change)s. Look at it and decide again.") % {"change": _given(last)}, **_by_whom(last))
    who = _who(last) if last else _("the desk")
    sentence = _("%(who)s changed this %(when)s, after you opened it. Look at what changed and decide again.") % {
        "who": who,
        "when": when(last.at) if last else "",
    }
    return Changed(sentence, moved_by=who, moved_at=last.at if last else None)


def _last_change(subject: Any) -> Entry | None:
    """Of what raises the version; whoever wrote a record beside it has changed nothing of that."""
    lines = _lines_of(subject).exclude(verb__in=history.OF_LIMITS).order_by("-at", "-pk")
    return lines.filter(verb__in=[*moves_of(type(subject)), *ALSO_CHANGES]).first() or lines.first()


GIVEN_TO = "assignee"
"""In the data of a line: the key of whoever has the item from then on, None for nobody; `name` is how they are called."""


def _given(entry: Entry) -> str:
    """ "the desk gave it to Qin today 11:00", as a part of a sentence."""
    said = {"who": _who(entry), "name": entry.data.get("name", ""), "when": when(entry.at)}
    if entry.verb == "take" or (entry.by is not None and entry.data.get(GIVEN_TO) == entry.by_id):
        return _("%(who)s took it over %(when)s") % said
    return (_("%(who)s gave it to %(name)s %(when)s") if said["name"] else _("%(who)s put it back into the queue %(when)s")) % said


def _who(entry: Entry) -> str:
    return str(entry.by) if entry.by else _("the desk")


def _lines_of(subject: Any) -> QuerySet[Entry]:
    lines = Entry.objects.filter(item=subject.item).select_related("by")
    part = getattr(subject, "part_of_item", "")
    return lines.filter(**{f"data__{part}": subject.pk}) if part else lines


def _last_move(subject: Any) -> Entry | None:
    return _lines_of(subject).filter(target=subject.state).exclude(source=subject.state).order_by("-at", "-pk").first()


def _by_whom(entry: Entry | None) -> dict[str, Any]:
    return {"moved_by": str(entry.by) if entry and entry.by else "", "moved_at": entry.at if entry else None}


def _moved_sentence(subject: Any) -> str:
    entry = _last_move(subject)
    state = subject.get_state_display()
    if entry is None:
        return _("This is no longer possible: it is now “%(state)s”.") % {"state": state}
    who = _who(entry)
    return _("This is no longer possible: %(who)s moved it to “%(state)s” %(when)s.") % {"who": who, "state": state, "when": when(entry.at)}
