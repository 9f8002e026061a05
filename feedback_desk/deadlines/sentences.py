"""What an explanation says, in whole sentences of the reader's language (E4). Pure: everything it says is in the explanation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from feedback_desk.deadlines import wording
from feedback_desk.deadlines.models import WAITS, Clock, DeadlineState
from feedback_desk.records import spoken

if TYPE_CHECKING:
    from feedback_desk.deadlines.course import Course
    from feedback_desk.deadlines.explain import Explanation, Moved, Step, Stop
    from feedback_desk.deadlines.ladder import Rung

FIXED: dict[tuple[str, str], Any] = {
    ("D41", ""): gettext_lazy("in progress since %(start)s, to be carried out by the date fixed in the action"),
    ("D42", ""): gettext_lazy("carried out %(start)s, to be checked by the date fixed in the action"),
    ("D38", "instruction"): gettext_lazy("instructed by the general manager %(start)s"),
    ("D38", "visit"): gettext_lazy("not reached %(start)s, the next attempt is dated"),
}
"""By code and part: dates that were fixed inside the house, not promised to the customer."""
BY_PART = frozenset([*FIXED, *wording.AGAIN])
BY_DATE = (Clock.SAME_DAY, Clock.NEXT_DAY, Clock.FIXED_DATE, Clock.WEEKDAY)


def short(told: Explanation) -> str:
    """How long from what, due when, warned when, how it stands."""
    clauses = [promise(told), _open(told), _unannounced(told), due(told), warned(told), standing(told)]
    return _("%(sentence)s.") % {"sentence": pgettext("between clauses", "; ").join(filter(None, clauses))}


def whole(told: Explanation) -> list[str]:
    """One sentence for each thing that had to do with it, in the order in which they are asked for."""
    happened = [*(paused(stop, told) for stop in told.stops), *(moved(move, told) for move in told.moved), *asking(told), *aside(told)]
    return [short(told), *between(told.course), *otherwise(told), *happened, *reason(told), rule(told)]


def promise(told: Explanation) -> str:
    start, begins = moment(told.start_at, told), _begins(told)
    said = {"start": start, "event": begins or "", "allowance": wording.allowance(dict(told.kept))}
    if told.clock == Clock.PROMISED:
        fixed = FIXED.get((told.code, told.part))
        return str(fixed) % said if fixed else _("promised on %(start)s") % said
    if told.clock in BY_DATE:
        return _("%(event)s (%(start)s), to be done %(allowance)s") % said if begins else _("begun %(start)s, to be done %(allowance)s") % said
    return _("%(allowance)s from %(event)s (%(start)s)") % said if begins else _("%(allowance)s from %(start)s") % said


def _begins(told: Explanation) -> Any:
    """What waits for somebody outside begins with what they were told or asked, in every round."""
    if again := wording.AGAIN.get((told.code, told.part)):
        return again
    return wording.BEGINS.get(told.code) if told.round == 1 or told.code in WAITS else _("the new round")


def due(told: Explanation) -> str:
    """One that stands still in time has the date it had when it stopped; it will have another."""
    stood = told.state == DeadlineState.PAUSED or told.stood_since is not None
    return (_("due %(due)s when it stopped") if stood and not told.late else _("due %(due)s")) % {"due": moment(told.due_at, told, told.start_at, ends=True)}


def _day_due(told: Explanation) -> datetime:
    """In the day that was just said: midnight was its end."""
    return told.due_at - timedelta(microseconds=1)


def warned(told: Explanation) -> str:
    """Of a live limit; nothing where it is not warned of, or nobody knows when."""
    if told.ended_at or told.warn_at >= told.due_at:
        return ""
    at = {"at": moment(told.warn_at, told, _day_due(told))}
    if told.warned:
        return _("warned %(at)s") % at
    return "" if told.state == DeadlineState.PAUSED or told.warn_at <= told.at else _("warning %(at)s") % at


def standing(told: Explanation) -> str:
    time = {"time": wording.spelt(told.seconds), "end": moment(told.ended_at, told, _day_due(told)) if told.ended_at else ""}
    match told.state:
        case "foreseen":
            return ""
        case DeadlineState.VOID:
            return _("void since %(end)s: %(why)s") % {**time, "why": spoken.words(told.why)}
        case DeadlineState.SETTLED:
            return _done(told, time)
        case DeadlineState.PAUSED:
            return _paused_now(told)
    if told.code in WAITS and told.seconds < 0:
        return _("no answer yet")
    return _("overdue by %(time)s") % time if told.late else _("%(time)s left") % time


def _done(told: Explanation, said: dict[str, str]) -> str:
    if told.stood_since is None or told.ended_at is None:
        return (_("done %(end)s, late by %(time)s") if told.late else _("done %(end)s, in time with %(time)s to spare")) % said
    stood = {"stop": moment(told.stood_since, told, _day_due(told)), "end": moment(told.ended_at, told, told.stood_since), "time": said["time"]}
    return (
        _("paused %(stop)s when it was late by %(time)s, done %(end)s") if told.late
        else _("paused %(stop)s with %(time)s to spare, done %(end)s, in time")
    ) % stood  # fmt: skip


def _paused_now(told: Explanation) -> str:
    if told.late or told.left is None:
        return _("paused now, overdue") if told.late else _("paused now")
    return _("paused now, %(time)s left") % {"time": wording.spelt_left(told.left, told.clock)}


def _open(told: Explanation) -> str:
    """Of working days the nights are part, in which it is shut."""
    return _("the desk open all the time") if told.clock == Clock.BUSINESS and told.course and told.course.open_throughout else ""


def between(course: Course | None) -> list[str]:
    """Holidays and weekends by name, make-up working days, breaks and closed hours in sum."""
    if course is None:
        return []
    return [*_free(course), *_made_up(course), *_shut(course)]


def _free(course: Course) -> list[str]:
    named = [_("%(name)s %(days)s") % {"name": wording.holiday(free.names), "days": wording.dates(free.first, free.last)} for free in course.holidays]
    if course.weekend_days:
        named.append(ngettext("%(n)s day of a weekend", "%(n)s days of weekends", course.weekend_days) % {"n": course.weekend_days})
    return [_("In between and not counted: %(days)s.") % {"days": wording.listed(named)}] if named else []


def _made_up(course: Course) -> list[str]:
    if not course.made_up:
        return []
    words = ngettext("%(days)s is a make-up working day and counts.", "%(days)s are make-up working days and count.", len(course.made_up))
    return [words % {"days": wording.listed([wording.weekday_of(day) for day in course.made_up])}]


def _shut(course: Course) -> list[str]:
    time = {"breaks": wording.spelt(course.breaks), "closed": wording.spelt(course.closed)}
    if course.breaks and course.closed:
        return [_("Breaks of %(breaks)s and closed hours of %(closed)s are not counted.") % time]
    if course.breaks:
        return [_("Breaks of %(breaks)s are not counted.") % time]
    return [_("Closed hours of %(closed)s are not counted.") % time] if course.closed else []


def otherwise(told: Explanation) -> list[str]:
    """E5: of one that runs, whose calendar was changed since without being ordered; one that stands still runs on by the calendar as it is then."""
    if told.otherwise is None or told.ended_at or told.state == DeadlineState.PAUSED:
        return []
    return [_("By the calendar as it is now its date would be %(due)s; the date above stays.") % {"due": moment(told.otherwise, told, ends=True)}]


def _unannounced(told: Explanation) -> str:
    years = told.kept.get("unannounced")
    return wording.unannounced(years) if years else ""


def paused(stop: Stop, told: Explanation) -> str:
    said = {"start": moment(stop.from_at, told), "why": spoken.words(stop.why), "end": moment(stop.until_at, told, stop.from_at) if stop.until_at else ""}
    if stop.left is None or stop.left < 0:
        return (_("Paused from %(start)s to %(end)s (%(why)s).") if stop.until_at else _("Paused since %(start)s (%(why)s).")) % said
    said["left"] = wording.spelt_left(stop.left, told.clock)
    if stop.until_at:
        return _("Paused from %(start)s to %(end)s (%(why)s) with %(left)s left.") % said
    return _("Paused since %(start)s (%(why)s) with %(left)s left.") % said


def moved(move: Moved, told: Explanation) -> str:
    said = {
        "at": moment(move.at, told), "due": moment(move.due_at, told, ends=True), "was": moment(move.was, told, ends=True) if move.was else "",
        "who": move.by or _("the desk"), "why": spoken.words(move.why).rstrip("。."), "version": move.version, "calendar": move.calendar,
    }  # fmt: skip
    if move.version is not None:
        return _("Worked out anew %(at)s by %(who)s under version %(version)s of the rule: due %(due)s.") % said
    if move.calendar:
        return _("Worked out anew %(at)s by %(who)s when the calendar %(calendar)s changed: due %(due)s.") % said
    if move.was and move.due_at < move.was:
        return _("Set earlier on assignment, from %(was)s to %(due)s, by %(who)s (%(at)s).") % said
    words = (
        _("Extended from %(was)s to %(due)s by %(who)s (%(at)s): %(why)s.") if move.was and move.why
        else _("Extended from %(was)s to %(due)s (%(at)s).") if move.was and not move.by
        else _("Extended from %(was)s to %(due)s by %(who)s (%(at)s).") if move.was
        else _("Extended to %(due)s by %(who)s (%(at)s): %(why)s.") if move.why
        else _("Extended to %(due)s by %(who)s (%(at)s).")
    )  # fmt: skip
    return words % said


def asking(told: Explanation) -> list[str]:
    if told.asking is None:
        return []
    said = {"who": told.asking.by, "until": moment(told.asking.until, told, ends=True), "why": told.asking.why.rstrip("。.")}
    return [_("%(who)s has asked for more time until %(until)s: %(why)s. Nobody has answered yet.") % said]


def aside(told: Explanation) -> list[str]:
    """E2: set aside, and nobody was told of the step that is due."""
    if told.aside is None:
        return []
    words = _("A step that is due could not be taken (%(at)s): nobody was told of it yet. The desk tries again every ten minutes, and the administrators know.")
    return [words % {"at": moment(told.aside, told)}]


def reason(told: Explanation) -> list[str]:
    """T9: of a late one."""
    return [_("Reason given: %(why)s.") % {"why": spoken.words(told.why).rstrip("。.")}] if told.why and told.late and told.state != DeadlineState.VOID else []


def rule(told: Explanation) -> str:
    return _("Rule %(code)s %(name)s, version %(version)s.") % {"code": told.code, "name": told.name, "version": told.version}


def moment(at: datetime, told: Explanation, after: datetime | None = None, *, ends: bool = False) -> str:
    return wording.moment(at, told.at if told.near else None, after, ends=ends)


def measure(step: Step | Rung, clock: str) -> str:
    """Where on the ladder of a limit with this clock, in words; a repetition says so."""
    said = _measure(step, clock)
    return _("%(measure)s, repeated (%(nth)s)") % {"measure": said, "nth": step.nth} if step.nth else said


def _measure(step: Step | Rung, clock: str) -> str:
    if step.percent is not None:
        return _("%(percent)s%% of the limit") % {"percent": step.percent}
    if step.minutes is not None:
        time = {"time": wording.spelt_minutes(step.minutes, clock)}
        return (_("%(time)s before the limit") if step.minutes < 0 else _("%(time)s after the limit")) % time
    if step.working_days is None:
        return _("step %(n)s") % {"n": step.order}
    return ngettext("%(n)s working day late", "%(n)s working days late", step.working_days) % {"n": step.working_days}
