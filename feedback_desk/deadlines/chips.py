"""The deadline chip: icon, words, colour, always the three; the server decides which. Drawn by templates/parts/_chip.html."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.translation import gettext as _

from feedback_desk.deadlines import clocks, wording
from feedback_desk.deadlines.models import WAITS, Clock, Deadline, DeadlineState
from feedback_desk.records.models import Item

FAR = timedelta(hours=24)
"""Further away than this, the date says more than the hours."""


@dataclass(frozen=True)
class Chip:
    kind: str
    """ok, soon, late, paused, met, missed; void ones have no chip."""
    text: str
    code_name: str = ""
    due_iso: str = ""
    warn_iso: str = ""
    due_spoken: str = ""
    fixed: bool = False
    """The text is a date and does not tick before it is warned of."""


def chip_for(
    due: datetime | None, warn: datetime | None, at: datetime, *, paused: bool = False, left: int | None = None, clock: str = Clock.CALENDAR, name: str = "",
) -> Chip:  # fmt: skip
    """A live limit at `at`. `left` is what a paused one has left, in seconds of its clock."""
    if paused or due is None:
        return Chip("paused", _paused(left, clock), name)
    kind = "late" if at > due else "soon" if warn and at >= warn else "ok"
    fixed = due - at > FAR or wording.ends_a_day(due)
    return Chip(kind, _running(due, at, kind), name, iso(due), iso(warn or due), wording.exact(due), fixed)


def _running(due: datetime, at: datetime, kind: str) -> str:
    """Far limits, and those at the end of a day until they are warned of, are said by their date."""
    if due - at > FAR or (kind == "ok" and wording.ends_a_day(due)):
        return wording.exact(due)
    time = {"time": wording.length((due - at).total_seconds())}
    return _("%(time)s late") % time if kind == "late" else _("%(time)s left") % time


def _paused(left: int | None, clock: str) -> str:
    if left is None:
        return _("Paused")
    if left < 0:
        return _("Paused, overdue")
    return _("Paused · %(time)s left") % {"time": wording.left_over(left, clock)}


def chip_of_ended(deadline: Deadline) -> Chip:
    """Met, with the time it took while it ran, or missed, by how much when it ended or stopped (E3). Reads `pauses`: fetch them with the row."""
    ended = deadline.ended_at or deadline.due_at
    stops = [(pause.from_at, pause.until_at) for pause in deadline.pauses.all()]
    if deadline.late:
        over = (clocks.stood_since(ended, stops) or ended) - deadline.due_at
        text = _("Late by %(time)s") % {"time": wording.length(over.total_seconds())}
    else:
        text = _("In time, took %(time)s") % {"time": wording.length(clocks.ran(deadline.start_at, ended, stops))}
    return Chip("missed" if deadline.late else "met", text, deadline.rule.spoken, iso(deadline.due_at), iso(deadline.warn_at), wording.exact(deadline.due_at))


def chip_of(deadline: Deadline, at: datetime) -> Chip | None:
    """The chip of a deadline row (reads its rule, of a settled one its pauses); None for a void one."""
    if deadline.state == DeadlineState.VOID:
        return None
    if deadline.state == DeadlineState.SETTLED:
        return chip_of_ended(deadline)
    if deadline.code in WAITS:
        return _waiting(deadline, at)
    paused, clock = deadline.state == DeadlineState.PAUSED, deadline.allowance.get("clock", deadline.rule.clock)
    return chip_for(deadline.due_at, deadline.warn_at, at, paused=paused, left=deadline.left_seconds, clock=clock, name=deadline.rule.spoken)


def _waiting(deadline: Deadline, at: datetime) -> Chip:
    """Somebody outside is waited for: until when, and never late."""
    until = wording.exact(deadline.due_at)
    return Chip("paused", until if at <= deadline.due_at else _("No answer yet"), deadline.rule.spoken, iso(deadline.due_at), iso(deadline.warn_at), until)


def chip_of_item(item: Item, at: datetime, names: dict[str, str] | None = None) -> Chip | None:
    """The nearest limit as the item itself knows it: no query. `names`: the rules' names by code."""
    if not item.next_limit_code:
        return None
    return chip_for(item.next_limit_at, item.next_warn_at, at, paused=item.next_paused, name=(names or {}).get(item.next_limit_code, item.next_limit_code))


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
