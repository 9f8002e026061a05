"""/admin/summaries/: weekly and monthly summaries, rewards and penalties, as issued, recalculated, or so far; the rows behind each number; Excel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from feedback_desk import clock
from feedback_desk.people.models import User
from reports import charts, labels, pages, periods, rewards, rewards_pages, services, sheets
from reports import figures as adding
from reports.figures import Figures
from reports.lists import rows_behind
from reports.models import Summary
from reports.pages import Link, Table
from reports.periods import Kind, Period
from reports.permissions import may_read, may_read_rewards
from reports.queries import Span
from tickets.models import Ticket

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def for_readers(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        rewards_only = kwargs.get("kind") == Kind.REWARDS
        reads = may_read_rewards if rewards_only else may_read
        if not isinstance(request.user, User) or not reads(request.user):
            raise PermissionDenied(
                _("Rewards and penalties are read by the general manager, the customer-service manager and the management office.") if rewards_only
                else _("Summaries are read by management, customer service's supervisors and analysts.")
            )  # fmt: skip
        return view(request, *args, **kwargs)

    return guarded


def _period(kind: str, start: date, at: datetime) -> Period:
    """404 for a day on which no period begins, or one that has not come yet."""
    try:
        period = periods.starting(kind, start)
    except (ValueError, OverflowError) as error:
        raise Http404(str(error)) from error
    if period.bounds(timezone.get_default_timezone())[0] > at:
        raise Http404
    return period


def _url(period: Period, name: str = "summary") -> str:
    return reverse(f"reports:{name}", args=[str(period.kind), period.start])


def link_to(period: Period) -> Link:
    rows = _url(period, "tickets")
    return lambda what: f"{rows}?{urlencode({'what': what})}"


@dataclass
class SummaryPage:
    """What templates/reports/summary.html shows. `figures` are the ones shown, `today` those recalculated now."""

    period: Period
    at: datetime
    summary: Summary | None
    recalculated: bool
    figures: Figures
    differences: list[Any] = field(default_factory=list)

    template = "reports/summary.html"
    definitions = labels.DEFINITIONS
    differing: Callable[[Figures, Figures], list[Any]] = staticmethod(adding.differences)

    @classmethod
    def load(cls, period: Period, at: datetime, *, recalculate: bool) -> SummaryPage:
        summary = services.issued_summary(period)
        today = services.compute(period, at)
        if summary is None:
            return cls(period, at, None, False, today)
        return cls(period, at, summary, recalculate, today if recalculate else summary.figures, cls.differing(summary.figures, today))

    def context(self, user: User) -> dict[str, Any]:
        """For this reader."""
        link = link_to(self.period)
        return {
            "page": self, "title": self.kind_name, "cards": pages.cards(self.figures, link), "remarks": charts.remarks(self.figures, link),
            "tables": pages.tables(self.figures, link), "charts": charts.charts(self.figures, link), "notes": charts.chart_notes(self.figures),
            "definitions": self.definitions, "zone": self.figures["zone"],
            "changes": pages.changes(self.differences, labels.Names.load(), link) if self.recalculated else None,
        }  # fmt: skip

    def sheets(self) -> list[Table]:
        return [pages.key_figures(self.figures), *pages.tables(self.figures, lambda what: "").values()]

    @property
    def kind_name(self) -> str:
        return str(Summary.Kind(self.period.kind).label)

    @property
    def name(self) -> str:
        if self.period.kind != Kind.WEEKLY:
            return date_format(self.period.start, "YEAR_MONTH_FORMAT")
        return f"{date_format(self.period.start, 'DATE_FORMAT')} – {labels.short_day(self.period.last_day)}"

    @property
    def running(self) -> bool:
        return not self.period.over(self.at, timezone.get_default_timezone())

    @property
    def issue_at(self) -> datetime:
        return self.period.issue_at(timezone.get_default_timezone())

    @property
    def overdue(self) -> bool:
        """Over and its day of issue has come: the desk makes up for it within minutes."""
        return self.summary is None and self.issue_at <= self.at

    @property
    def url(self) -> str:
        return _url(self.period)

    @property
    def excel_url(self) -> str:
        return _url(self.period, "excel") + ("?view=today" if self.recalculated else "")

    @property
    def before_url(self) -> str:
        return _url(self.period.before)

    @property
    def after_url(self) -> str:
        """The period after, unless it has not begun."""
        begun = self.period.after.bounds(timezone.get_default_timezone())[0] <= self.at
        return _url(self.period.after) if begun else ""


class RewardsPage(SummaryPage):
    """R3, templates/reports/rewards.html. Leads to tickets where the reader may see them (V3)."""

    template = "reports/rewards.html"
    definitions = rewards_pages.DEFINITIONS
    differing = staticmethod(rewards.differences)

    def context(self, user: User) -> dict[str, Any]:
        ruled, corrected = self.figures["lines"], self.figures["corrections"]
        seen = Ticket.objects.visible_to(user).filter(item__number__in={line["number"] for line in (*ruled, *corrected)})
        visible = set(seen.values_list("item__number", flat=True))
        return {
            "page": self, "title": self.kind_name, "people": rewards_pages.people(self.figures), "lines": rewards_pages.lines(ruled, visible),
            "corrections": rewards_pages.lines(corrected, visible), "definitions": self.definitions, "zone": self.figures["zone"],
            "changes": rewards_pages.changes(self.differences) if self.recalculated else None,
        }  # fmt: skip

    def sheets(self) -> list[Table]:
        return rewards_pages.tables(self.figures)


def _page(request: HttpRequest, kind: str, start: date) -> SummaryPage:
    at = clock.now()
    page = RewardsPage if kind == Kind.REWARDS else SummaryPage
    return page.load(_period(kind, start, at), at, recalculate=request.GET.get("view") == "today")


def _render(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), **context})


@for_readers
def latest(request: HttpRequest, kind: str) -> HttpResponse:
    """The newest issued summary of a kind; before there is one, the last period that is over."""
    newest = Summary.objects.filter(kind=kind).order_by("-start").first()
    zone = timezone.get_default_timezone()
    return redirect(_url(periods.starting(kind, newest.start) if newest else periods.running(kind, clock.now(), zone).before))


@for_readers
def summary(request: HttpRequest, kind: str, start: date) -> HttpResponse:
    assert isinstance(request.user, User)
    page = _page(request, kind, start)
    return _render(request, page.template, page.context(request.user))


@for_readers
def tickets(request: HttpRequest, kind: str, start: date) -> HttpResponse:
    """The rows that make up one number, today; if it was issued with another value, that is said."""
    at = clock.now()
    if kind == Kind.REWARDS:
        raise Http404  # Its lines are the rows themselves.
    period, what = _period(kind, start, at), request.GET.get("what", "")
    assert isinstance(request.user, User)
    try:
        listed = rows_behind(Span.of(period, at), what, request.user, request.GET.get("page"))
        name = labels.Names.load().spoken(what)
    except LookupError as error:
        raise Http404(what) from error
    issued = services.issued_summary(period)
    then = adding.numbers(issued.figures).get(what) if issued else None
    page = SummaryPage(period, at, issued, False, {})
    context = {"page": page, "title": name, "listed": listed, "pager": listed.page, "issued_number": then if then != listed.counted else None}
    return _render(request, "reports/tickets.html", context)


@for_readers
def excel(request: HttpRequest, kind: str, start: date) -> HttpResponse:
    page = _page(request, kind, start)
    response = HttpResponse(sheets.workbook(page.sheets(), about=_about(page)), content_type=EXCEL)
    response["Content-Disposition"] = f'attachment; filename="{kind}-{start.isoformat()}.xlsx"'
    return response


def _about(page: SummaryPage) -> list[str]:
    stands = _("Issued %(when)s") if page.summary and not page.recalculated else _("Not issued: as of %(when)s")
    when = page.summary.issued_at if page.summary and not page.recalculated else page.at
    head = [f"{page.kind_name} {page.name}", stands % {"when": timezone.localtime(when).strftime("%Y-%m-%d %H:%M")}, settings.TIME_ZONE]
    return head + [f"{name}: {words}" for name, words in page.definitions]
