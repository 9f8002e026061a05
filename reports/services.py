"""Issuing summaries: the only code that writes them (R1, R2, R3, R12)."""

from __future__ import annotations

from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline, Rule
from feedback_desk.notices import outbox
from feedback_desk.people import receivers
from feedback_desk.people.actors import SYSTEM, Actor
from feedback_desk.people.models import Role, User
from feedback_desk.records import history
from feedback_desk.records.items import give_number, open_item
from feedback_desk.records.models import Item
from feedback_desk.records.models import Kind as ItemKind
from reports import figures, periods, queries, rewards
from reports.models import Summary
from reports.periods import Kind, Period
from reports.permissions import ISSUED_TO

FACTS = {"kind": "period"}
LIMIT = {Kind.WEEKLY: "D31", Kind.MONTHLY: "D32", Kind.REWARDS: "D33"}


def compute(period: Period, at: datetime) -> figures.Figures:
    """The figures with the comparison: the period before as it was issued, else as its rows are now. Rewards and penalties compare with nothing."""
    if period.kind == Kind.REWARDS:
        return rewards.compute(period, at)
    return {**figures.compute(period, at), "before": _before(period.before, at)}


def _before(period: Period, at: datetime) -> figures.Figures:
    issued = issued_summary(period)
    return {"start": period.start.isoformat(), "headline": issued.figures["headline"] if issued else figures.headline_of(period, at)}


def issued_summary(period: Period) -> Summary | None:
    return Summary.objects.filter(kind=period.kind, start=period.start).order_by("-version").first()


def issue(*, kind: str, start: date, at: datetime, by: Actor = SYSTEM) -> Summary:
    """Freeze the figures of a period that is over and tell its readers. Again, or by two at once: the one that stands is returned.

    The figures are added up before the transaction; the unique key decides who was first. ValueError: the period is not over.
    """
    period = periods.starting(kind, start)
    if not period.over(at, timezone.get_default_timezone()):
        raise ValueError(f"{period} is not over.")
    if standing := issued_summary(period):
        return standing
    found = compute(period, at)
    try:
        with transaction.atomic():
            return _freeze(period, found, at, by)
    except IntegrityError:
        if standing := issued_summary(period):
            return standing
        raise


def _freeze(period: Period, found: figures.Figures, at: datetime, by: Actor) -> Summary:
    item = _awaited(period, at) or _item(period, at)
    summary = Summary.objects.create(kind=period.kind, start=period.start, end=period.end, issued_at=at, item=item, figures=found)
    history.record(item, "issued", by=by, at=at, data={"kind": str(period.kind), "start": period.start, "version": summary.version})
    deadlines.settle(item, LIMIT[period.kind], at=at, by=by)
    for reader in readers(at):
        data = {"number": item.number, "title": item.title, "kind": str(period.kind), "start": period.start, "end": period.last_day}
        outbox.tell(key=f"summary:{summary.pk}", cause=f"summary:{summary.pk}", item=item, receiver=reader, template="summary_issued", data=data, at=at)
    return summary


def _item(period: Period, at: datetime) -> Item:
    item = open_item(ItemKind.PERIOD, title=title(period), at=at, open=False)
    give_number(item, at=at)
    return item


@transaction.atomic
def _awaited(period: Period, at: datetime) -> Item | None:
    """D31, D32, D33: the limit runs from the end of the period, whether its summary gets issued or not. None when no rule is valid.

    The rule's row is the lock: of two at once the second finds what the first has opened.
    """
    code = LIMIT[period.kind]
    rule = deadlines.fitting_rules([code], FACTS, at).get(code)
    if rule is None:
        return None
    Rule.objects.select_for_update(no_key=True).get(pk=rule.pk)
    if standing := _limits().filter(code=code, part=period.start.isoformat()).select_related("item").first():
        return standing.item
    item = _item(period, at)
    begun = period.bounds(timezone.get_default_timezone())[1]
    deadlines.start(item, code, at=at, facts=FACTS, owner=receivers.pick(Role.OFFICE, at=at), part=period.start.isoformat(), start_at=begun)
    return item


def _limits() -> QuerySet[Deadline]:
    return Deadline.objects.filter(code__in=LIMIT.values(), item__kind=ItemKind.PERIOD)


def kind_and_start(item: Item) -> tuple[str, date] | None:
    """Of which summary an item is the period, issued or awaited."""
    if issued := Summary.objects.filter(item=item).first():
        return issued.kind, issued.start
    code, part = _limits().filter(item=item).values_list("code", "part").first() or ("", "")
    return next(((str(kind), date.fromisoformat(part)) for kind, limit in LIMIT.items() if limit == code and part), None)


def title(period: Period) -> str:
    """Kept with the item, so in the desk's own language."""
    with override("zh-hans"):
        if period.kind == Kind.WEEKLY:
            return _("Weekly summary %(start)s to %(end)s") % {"start": period.start.isoformat(), "end": period.last_day.isoformat()}
        words = _("Rewards and penalties %(month)s") if period.kind == Kind.REWARDS else _("Monthly summary %(month)s")
        return words % {"month": f"{period.start:%Y-%m}"}


def readers(at: datetime) -> list[User]:
    """General manager, customer-service manager and the office; who is away is stood in for (V2)."""
    ids = dict.fromkeys(user.pk for role in ISSUED_TO for user in receivers.holders(role))
    acting = receivers.standing_in(list(ids), at).values()
    return list({user.pk: user for user in acting if user is not None}.values())


def issue_due(at: datetime) -> list[Summary]:
    """Issue every summary that is owed by now and not there yet, oldest first; nothing before the desk's first own ticket.

    Their limits run first, so that a summary that cannot be issued is warned of and told (E1).
    """
    since = queries.first_registered()
    if since is None:
        return []
    await_summaries(since, at)
    return [issue(kind=kind, start=period.start, at=at) for kind in Kind for period in _owed(kind, since, at)]


def await_summaries(since: datetime, at: datetime) -> None:
    """Start the limit of every period that is over, has no summary and waits for none yet."""
    known = {*_limits().values_list("code", "part"), *((LIMIT[Kind(kind)], f"{start}") for kind, start in Summary.objects.values_list("kind", "start"))}
    for kind in Kind:
        for period in periods.periods_over(kind, since, at, timezone.get_default_timezone()):
            if (LIMIT[kind], period.start.isoformat()) not in known:
                _awaited(period, at)


def _owed(kind: str, since: datetime, at: datetime) -> list[Period]:
    issued = set(Summary.objects.filter(kind=kind).values_list("start", flat=True))
    return periods.periods_owed(kind, since, at, timezone.get_default_timezone(), issued)
