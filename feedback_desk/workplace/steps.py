"""The way an item takes, as the stepper shows it: of its complaint form, else of the ticket itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints import lifecycle as form_life
from complaints.models import ComplaintForm
from feedback_desk.deadlines.chips import Chip, chip_of
from feedback_desk.deadlines.models import Deadline
from feedback_desk.records.models import Entry
from feedback_desk.records.spoken import when
from tickets import lifecycle as ticket_life
from tickets.models import Ticket

F, T = form_life.State, ticket_life.State
TICKET_WAY = (T.PENDING, T.PROCESSING, T.CONFIRMING, T.COMPLETED, T.CLOSED)
LIMITS_OF: dict[str, tuple[str, ...]] = {
    F.REGISTERED: ("D12", "D11", "D14"),
    F.GRADED: ("D09", "D10", "D14"),
    F.DETERMINING: ("D40", "D14"),
    F.IN_REVIEW: ("D15",),
    F.NEGOTIATING: ("D15",),
    F.AWAITING_RULING: ("D16",),
    F.EXECUTING: ("D37", "D17", "D18"),
    F.AWAITING_CHECK: ("D21", "D19", "D20"),
    F.VISITING: ("D21", "D19", "D20", "D38"),
    F.OUTSTANDING: ("D28",),
    T.PENDING: ("D02", "D06", "D07", "D03", "D04", "D05"),
    T.PROCESSING: ("D08", "D26"),
    T.WAITING: ("D26",),
    T.CONFIRMING: ("D26",),
}
"""Which limits a state waits for; the nearest is shown under it."""
TAKEN_WHEN: dict[str, Any] = {F.NEGOTIATING: gettext_lazy("only after an objection"), T.WAITING: gettext_lazy("only with a question")}


@dataclass(frozen=True)
class Step:
    """What parts/_step.html draws. kind: done, now, next, optional."""

    name: str
    kind: str
    at: str = ""
    note: str = ""
    chip: Chip | None = None


def of_form(form: ComplaintForm, entries: Iterable[Entry], deadlines: Sequence[Deadline], at: datetime) -> list[Step]:
    way = _with_aside(list(form_life.WAY), form.state, F.NEGOTIATING, after=F.IN_REVIEW, shown_in=(F.IN_REVIEW,))
    reached = _reached(e for e in entries if e.item_id == form.item_id)
    reached.setdefault(F.REGISTERED, form.opened_at)
    return _steps(way, form.state, dict(F.choices), reached, {F.NEGOTIATING}, deadlines, at)


def of_ticket(ticket: Ticket, entries: Iterable[Entry], deadlines: Sequence[Deadline], at: datetime) -> list[Step]:
    way = _with_aside(list(TICKET_WAY), ticket.state, T.WAITING, after=T.PROCESSING)
    reached = _reached(e for e in entries if e.item_id == ticket.item_id)
    reached.setdefault(T.PENDING, ticket.registered_at)
    return _steps(way, ticket.state, dict(T.choices), reached, {T.WAITING}, deadlines, at)


def round_line(form: ComplaintForm | None, ticket: Ticket) -> str:
    number = form.round if form else ticket.round
    return _("Round %(n)s; what was before stands in the story.") % {"n": number} if number > 1 else ""


def _with_aside(way: list[Any], state: str, aside: str, *, after: str, shown_in: tuple[str, ...] = ()) -> list[Any]:
    """An optional state stands in the way where it is taken or may come next; an end aside stands last."""
    if state == aside or state in shown_in:
        way.insert(way.index(after) + 1, aside)
    if state not in way:
        way.append(state)
    return way


def _reached(entries: Iterable[Entry]) -> dict[str, datetime]:
    """When each state was last entered."""
    return {e.target: e.at for e in entries if e.target and e.target != e.source}


def _steps(
    way: Sequence[str],
    state: str,
    names: Mapping[Any, Any],
    reached: dict[str, datetime],
    optional: set[Any],
    deadlines: Sequence[Deadline],
    at: datetime,
) -> list[Step]:
    here, ended = way.index(state), state in form_life.ENDED or state in (T.CLOSED, T.INVALID, T.MERGED)
    return [_step(s, n - here, str(names[s]), reached, s in optional, ended, deadlines, at) for n, s in enumerate(way)]


def _step(
    state: str,
    ahead: int,
    name: str,
    reached: dict[str, datetime],
    optional: bool,
    ended: bool,
    deadlines: Sequence[Deadline],
    at: datetime,
) -> Step:
    if ahead == 0:
        return Step(name, "done" if ended else "now", when(reached[state]) if state in reached else "", chip=None if ended else _chip(state, deadlines, at))
    if ahead < 0:
        return Step(name, "done", when(reached[state])) if state in reached else Step(name, "optional", note=_("left out"))
    return Step(name, "optional", note=str(TAKEN_WHEN[state])) if optional else Step(name, "next")


def _chip(state: str, deadlines: Sequence[Deadline], at: datetime) -> Chip | None:
    mine = [d for d in deadlines if d.live and d.code in LIMITS_OF.get(state, ())]
    nearest = min(mine, key=lambda d: (d.state != "running", d.due_at), default=None)
    return chip_of(nearest, at) if nearest else None
