"""What a rule says, in sentences: for whom, from what until when, who is warned and told, what it allows (E4, E5)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk.deadlines import clocks, facts, ladder, sentences, wording
from feedback_desk.deadlines.explain import receiver_label
from feedback_desk.deadlines.ladder import Rung
from feedback_desk.deadlines.models import Calendar, Clock, Rule


def says(rule: Rule, owner: str) -> list[str]:
    """Of a saved rule or one being written; `owner` is the label of its capacity. Reads the ladder's steps and the calendar."""
    return [_applies(rule), _promise(rule, owner), *_longer(rule), *_calendar(rule), *_told(rule), _allows(rule)]


OF_LATER = {"order": gettext_lazy("kind of order")}
"""What rules ask for already that no room can tell yet (S2)."""


def conditions(rule: Rule) -> str:
    """ "urgency: urgent or normal; customer level: VIP", or that there are none."""
    parts = [_one(key, values) for key, values in rule.when.items() if values]
    return _("; ").join(parts) or _("every case")


def _one(key: str, values: list[str]) -> str:
    fact = facts.by_key(key)
    said = fact.said(values) if fact else [str(value) for value in values]
    return _("%(fact)s: %(values)s") % {"fact": fact.label if fact else OF_LATER.get(key, key), "values": _(" or ").join(said)}


def _applies(rule: Rule) -> str:
    if not rule.active:
        return _("This rule is switched off: nothing starts by it.")
    return _("For %(conditions)s.") % {"conditions": conditions(rule)} if rule.when else _("For every case that no more specific rule takes.")


def _promise(rule: Rule, owner: str) -> str:
    told = {"name": rule.spoken, "owner": owner, "event": wording.BEGINS.get(rule.code, ""), "allowance": allowance(rule)}
    if rule.clock == Clock.PROMISED:
        if (rule.code, "") in sentences.FIXED:
            return _("%(name)s is due at the end of the day fixed in the action; %(owner)s answers for it.") % told
        return _("%(name)s is due at the time that was promised; %(owner)s answers for it.") % told
    if not told["event"]:
        return _("%(name)s: %(allowance)s; %(owner)s answers for it.") % told
    if rule.clock in sentences.BY_DATE:
        return _("%(name)s: %(allowance)s, after %(event)s; %(owner)s answers for it.") % told
    return _("%(name)s: %(allowance)s, counted from %(event)s; %(owner)s answers for it.") % told


def allowance(rule: Rule) -> str:
    at = rule.at_time.isoformat() if rule.at_time else None
    return wording.allowance({"clock": rule.clock, "amount": rule.amount, "at": at, "least": ladder.LEAST.get(rule.code)})


def _longer(rule: Rule) -> list[str]:
    if not rule.longer:
        return []
    longer = wording.allowance({"clock": rule.clock, "amount": rule.longer})
    return [_("If the customer could not be reached it becomes %(allowance)s.") % {"allowance": longer}]


def _calendar(rule: Rule) -> list[str]:
    if not clocks.by_windows(rule.clock):
        return []
    if rule.calendar_id and rule.calendar:
        return [_("Counted on the calendar %(calendar)s.") % {"calendar": rule.calendar}]
    desk = Calendar.objects.filter(is_default=True).first()
    return [_("Counted on the department's own calendar, or on %(calendar)s where it has none.") % {"calendar": desk or _("the desk's own")}]


def _told(rule: Rule) -> list[str]:
    rungs = ladder.rungs_of(rule)
    steps = [_step(rung, list(takewhile(lambda other: other.nth, rungs[place:])), rule.clock) for place, rung in enumerate(rungs, 1) if not rung.nth]
    return [_("Told: %(steps)s.") % {"steps": _("; ").join(steps)}] if steps else [_("Nobody is told by itself.")]


def _step(rung: Rung, again: Sequence[Rung], clock: str) -> str:
    """`again`: its repetitions."""
    said = {"measure": sentences.measure(rung, clock), "receiver": receiver_label(rung.receiver)}
    if not again:
        return _("%(measure)s: %(receiver)s") % said
    every = again[0].every
    said |= {"every": wording.working_days(every) if again[0].unit == "d" else wording.in_hours(every * 3600), "n": str(len(again))}
    return _("%(measure)s: %(receiver)s, again every %(every)s, at most %(n)s times more") % said


def _allows(rule: Rule) -> str:
    pauses = _("It stands still while the customer is waited for") if rule.may_pause else _("It never stands still")
    longer = _("more time may be granted") if rule.may_extend else _("no more time can be granted")
    return _("%(pauses)s; %(longer)s.") % {"pauses": pauses, "longer": longer}
