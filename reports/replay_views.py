"""/admin/what-if/: a past period replayed, slice by slice while the page shows how far it is; Excel. Reads only: the database refuses anything else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from feedback_desk import clock
from feedback_desk.deadlines import whatif
from feedback_desk.deadlines.clocks import NeverOpen
from feedback_desk.deadlines.permissions import for_those_who_try
from feedback_desk.deadlines.whatif import Tally
from feedback_desk.records.read_only import read_only
from reports import replays, sheets
from reports.labels import Names
from reports.replay_forms import Question
from reports.views import EXCEL

SALT = "what-if"


@dataclass
class Run:
    """A question on its way: counted so far, out of how many, judged at one instant throughout."""

    question: Question
    query: str
    at: datetime
    tally: Tally
    total: int
    more: bool = True

    def go_on(self) -> None:
        change = self.question.change(self.at)
        with read_only():
            self.more = whatif.next_slice(*self.question.period, change, self.tally, whatif.slice_of(change))

    @property
    def sealed(self) -> str:
        """What is carried to the next request; signed, so that nobody counts for us."""
        return signing.dumps([self.query, self.at.isoformat(), self.total, asdict(self.tally)], salt=SALT, compress=True)

    def context(self) -> dict[str, Any]:
        if self.more:
            return {"run": self}
        tables = replays.tables(self.tally, Names.load())
        return {"run": self, "tables": tables, "charts": {"whatif": replays.chart(tables["rules"])}, "sentences": replays.sentences(self.tally)}


@for_those_who_try
@require_safe
def ask(request: HttpRequest) -> HttpResponse:
    at = clock.now()
    question = Question(request.GET, timezone.localtime(at).date())
    run = _begin(question, request.GET.urlencode(), at) if question.asked and question.is_valid() else None
    told = {"title": _("What if"), "question": question, **(run.context() if run else {})}
    wrong = question.asked and run is None
    return render(request, "reports/what_if.html", {**admin.site.each_context(request), **told}, status=422 if wrong else 200)


def _begin(question: Question, query: str, at: datetime) -> Run | None:
    run = Run(question, query, at, Tally(), whatif.limits_of(*question.period).count())
    try:
        run.go_on()
    except (NeverOpen, OverflowError):
        question.never_opens()
        return None
    return run


@for_those_who_try
@require_POST
def go_on(request: HttpRequest) -> HttpResponse:
    """The next slice, or the result."""
    run = _unsealed(request)
    if run is None:
        return HttpResponseBadRequest(_("This replay cannot go on; ask again."))
    run.go_on()
    page = {"title": _("What if"), "question": run.question, **run.context()}
    if getattr(request, "htmx", False):
        return render(request, "reports/_what_if_run.html", page)
    return render(request, "reports/what_if.html", {**admin.site.each_context(request), **page})


@for_those_who_try
@require_POST
def excel(request: HttpRequest) -> HttpResponse:
    run = _unsealed(request)
    if run is None:
        return HttpResponseBadRequest(_("This replay cannot go on; ask again."))
    about = [_("What if"), *replays.sentences(run.tally), timezone.localtime(run.at).strftime("%Y-%m-%d %H:%M"), f"?{run.query}"]
    response = HttpResponse(sheets.workbook(list(replays.tables(run.tally, Names.load()).values()), about=about), content_type=EXCEL)
    response["Content-Disposition"] = 'attachment; filename="what-if.xlsx"'
    return response


def _unsealed(request: HttpRequest) -> Run | None:
    """None for what we did not seal, or a question that is none any more."""
    try:
        query, at, total, tally = signing.loads(request.POST.get("so_far", ""), salt=SALT, max_age=3600)
    except signing.BadSignature:
        return None
    from django.http import QueryDict

    instant = datetime.fromisoformat(at)
    question = Question(QueryDict(query), timezone.localtime(instant).date())
    return Run(question, query, instant, Tally(**tally), total) if question.is_valid() else None
