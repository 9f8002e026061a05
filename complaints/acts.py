"""What is done with a complaint form beside its moves: records that others sign, read or answer (a handling decision, a progress note …).

A room's services declare an act once, call `demand` first in it, and say in `docs/who-may.toml` under [act] who may do it. Pages draw the
buttons from `open_acts`, as they draw those of moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from django.utils.translation import gettext as _

from complaints.lifecycle import ENDED, State
from feedback_desk.people.access import Changed, NotNow
from feedback_desk.people.actors import Actor
from feedback_desk.records.moves import Condition, check_part, too_late
from feedback_desk.records.spoken import when

if TYPE_CHECKING:
    from complaints.models import ComplaintForm
    from feedback_desk.people.models import User

Done: TypeAlias = "Callable[[Any], tuple[User | None, datetime] | None]"
OPEN = frozenset(State.values) - ENDED


@dataclass(frozen=True)
class Act:
    """`who` names capacities (complaints.permissions), as for a move; `states` those of the form in which it can be done."""

    name: str
    label: Any
    who: frozenset[str]
    states: frozenset[str] = OPEN
    guards: tuple[Condition, ...] = ()
    primary: bool = False
    done: Done | None = None
    """Who did it already and when, where a guard says so."""


ACTS: dict[str, Act] = {}


def declare(
    name: str, *, label: Any, who: Iterable[str], states: Iterable[str] = OPEN, guards: Iterable[Callable[[Any], str | None]] = (), primary: bool = False,
    done: Done | None = None,
) -> Act:  # fmt: skip
    """Called once per act at import."""
    assert name not in ACTS
    ACTS[name] = Act(name, label, frozenset(who), frozenset(states), tuple(guards), primary, done)
    return ACTS[name]


def demand(form: ComplaintForm, act: Act, *, by: Actor) -> None:
    """NotYou unless it is theirs (V1, V3), NotNow when the form is past it (with who and when, as a move) or something is missing.

    The caller holds the form's lock.
    """
    check_part(form, act.name, who=act.who, states=act.states, by=by)
    if form.state not in act.states:
        raise too_late(form)
    if missing := missing_for(form, act):
        if act.done is not None and (by_whom := act.done(form)):
            raise was_done(*by_whom)
        raise NotNow(" ".join(missing), missing=missing)


def was_done(who: User | None, at: datetime) -> NotNow:
    """A colleague was faster with the same act, which is done once."""
    return NotNow(_("This is no longer possible: %(who)s did it %(when)s.") % {"who": who, "when": when(at)}, moved_by=str(who or ""), moved_at=at)


def check_read(row: Any, seen: int, sentence: str) -> None:
    """Changed unless `row` (with `by` and `at`) is the one that was read; `sentence` says %(who)s wrote another one %(when)s."""
    if row.pk != seen:
        raise Changed(sentence % {"who": row.by, "when": when(row.at)}, moved_by=str(row.by), moved_at=row.at)


def missing_for(form: ComplaintForm, act: Act) -> list[str]:
    return [sentence for guard in act.guards if (sentence := guard(form))]


def open_acts(form: ComplaintForm, user: User, names: Iterable[str], capacities: frozenset[str] | None = None) -> list[tuple[Act, list[str]]]:
    """Of these, the acts this person could do now, each with what is still missing; none for a person concerned (V3)."""
    held = form.capacities(user) if capacities is None else capacities
    return [(act, missing_for(form, act)) for name in names if (act := ACTS[name]) and act.who & held and form.state in act.states]
