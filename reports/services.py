"""Issuing summaries: the only code that writes them (R1, R2, R12)."""

from __future__ import annotations

from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from feedback_desk.deadlines import services as deadlines
from feedback_desk.notices import outbox
from feedback_desk.people import receivers
from feedback_desk.people.actors import SYSTEM, Actor
from feedback_desk.people.models import Role, User
from feedback_desk.records import history
from feedback_desk.records.items import give_number, open_item
from feedback_desk.records.models import Kind as ItemKind
from reports import figures, periods, queries
from reports.models import Summary
from reports.periods import Kind, Period

READERS = (Role.GENERAL_MANAGER, Role.CS_MANAGER, Role.OFFICE)
"""Who is told that a summary is out."""
LIMIT = {Kind.WEEKLY: "D31", Kind.MONTHLY: "D32"}


def compute(period: Period, at: datetime) -> figures.Figures:
    """The figures with the comparison: the period before as it was issued, else as its rows are now."""
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
    item = open_item(ItemKind.PERIOD, title=title(period), at=at, open=False)
    summary = Summary.objects.create(kind=period.kind, start=period.start, end=period.end, issued_at=at, item=item, figures=found)
    history.record(item, "issued", by=by, at=at, data={"kind": str(period.kind), "start": period.start, "version": summary.version})
    limit = LIMIT[period.kind]
    deadlines.start(item, limit, at=at, facts={"kind": "period"}, start_at=period.bounds(timezone.get_default_timezone())[1])
    deadlines.settle(item, limit, at=at, by=by)
    told = readers(at)
    give_number(item, at=at)
    for reader in told:
        data = {"number": item.number, "title": item.title, "kind": str(period.kind), "start": period.start, "end": period.last_day}
        outbox.tell(key=f"summary:{summary.pk}", cause=f"summary:{summary.pk}", item=item, receiver=reader, template="summary_issued", data=data, at=at)
    return summary


def title(period: Period) -> str:
    """Kept with the item, so in the desk's own language."""
    with override("zh-hans"):
        if period.kind == Kind.WEEKLY:
            return _("Weekly summary %(start)s to %(end)s") % {"start": period.start.isoformat(), "end": period.last_day.isoformat()}
        return _("Monthly summary %(month)s") % {"month": f"{period.start:%Y-%m}"}


def readers(at: datetime) -> list[User]:
    """General manager, customer-service manager and the office; who is away is stood in for (V2)."""
    ids = dict.fromkeys(user.pk for role in READERS for user in receivers.holders(role))
    acting = receivers.standing_in(list(ids), at).values()
    return list({user.pk: user for user in acting if user is not None}.values())


def issue_due(at: datetime) -> list[Summary]:
    """Issue every summary that is owed by now and not there yet, oldest first; nothing before the desk's first own ticket."""
    since = queries.first_registered()
    return [issue(kind=kind, start=period.start, at=at) for kind in Kind for period in _owed(kind, since, at)] if since else []


def _owed(kind: str, since: datetime, at: datetime) -> list[Period]:
    issued = set(Summary.objects.filter(kind=kind).values_list("start", flat=True))
    return periods.periods_owed(kind, since, at, timezone.get_default_timezone(), issued)
