"""Determination of responsibility on the form's page: the draft as editable rows, or the text as it stands; similar cases beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count, Max, Min, Q, Subquery
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from complaints import texts
from complaints.forms.way import CaseSummaryForm, FindingsForm, MeasureFormSet, ResponsibilityFormSet
from complaints.lifecycle import State
from complaints.models import ComplaintForm, Disposition, DispositionKind, Responsibility
from feedback_desk.people.models import Department, User
from feedback_desk.records.models import Entry
from feedback_desk.workplace.matter import Matter, measure_lines
from feedback_desk.workplace.words import SAID, number_of

MANAGER = "cs_manager"
YEAR = timedelta(days=365)


def may_determine(form: ComplaintForm, user: User) -> bool:
    """C3: the customer-service manager, while responsibility is being determined."""
    return form.state == State.DETERMINING and MANAGER in form.capacities(user)


class Sheet:
    """The three forms of one determination, empty, from the rows, or as they were sent."""

    def __init__(self, form: ComplaintForm, user: User, data: QueryDict | None = None) -> None:
        self.form = form
        people = User.objects.filter(is_active=True).exclude(pk=user.pk).select_related("department").order_by("department__name", "name")
        choices = {"people": people, "departments": Department.objects.filter(active=True)}
        self.findings = FindingsForm(data, form=form)
        self.responsible = ResponsibilityFormSet(data, prefix="who", initial=[_row(r, ("share", "because")) for r in self.rows], form_kwargs=choices)
        self.measures = MeasureFormSet(data, prefix="what", initial=[_row(m, ("kind", "amount", "clause", "reason")) for m in self.drafts], form_kwargs=choices)

    @cached_property
    def rows(self) -> list[Responsibility]:
        return list(self.form.responsibilities.filter(round=self.form.round))

    @cached_property
    def drafts(self) -> list[Disposition]:
        return list(self.form.dispositions.filter(round=self.form.round, state="draft"))

    @property
    def total(self) -> int:
        return sum(r.share for r in self.rows)

    def is_valid(self) -> bool:
        return all([self.findings.is_valid(), self.responsible.is_valid(), self.measures.is_valid()])

    def facts(self) -> dict[str, Any]:
        return {**self.findings.cleaned_data, "responsibilities": self.responsible.rows(), "measures": self.measures.rows()}  # type: ignore[attr-defined]  # of RowFormSet


def _row(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {"user": row.user_id, "department": row.department_id, **{name: getattr(row, name) for name in names}}


AFTER_THE_SOLUTION = (State.AWAITING_CHECK, State.VISITING)
"""C20: there is something to sum up, and closing still needs it."""


def told(matter: Matter, *, sheet: Sheet | None = None, summary: CaseSummaryForm | None = None, changes: Sequence[object] = ()) -> dict[str, Any]:
    """All that templates/workplace/_determination.html reads; `sheet` and `summary` as they were sent and came back, `changes` since."""
    form = matter.form
    if form is None:
        return {}
    if sheet is None and may_determine(form, matter.user):
        sheet = Sheet(form, matter.user)
    if summary is None and matter.may_write and form.state in AFTER_THE_SOLUTION:
        summary = CaseSummaryForm(initial={"text": form.case_summary, "seen": texts.summary_now(form)})
    measures = measure_lines(matter.measures)
    shown = {"sheet": sheet, "summary": summary, "changes": changes, "back": came_back(form)}
    return {**shown, "similar": similar(form, matter.at), "responsible": responsible(form), "measures": measures}


@dataclass(frozen=True)
class Back:
    """Why responsibility is determined again, in whose words."""

    what: str
    words: str
    by: str
    at: datetime


def came_back(form: ComplaintForm) -> Back | None:
    """C5, C10, C15: sent back by the general manager, resumed, or a new round; None for the first time."""
    if form.state != State.DETERMINING:
        return None
    lines = Entry.objects.filter(item_id=form.item_id, target=State.DETERMINING).exclude(source=State.DETERMINING).select_related("by", "words")
    last = lines.order_by("pk").last()
    if last is None or last.verb == "begin_determination":
        return None
    return Back(str(SAID[last.verb]), last.words.text if hasattr(last, "words") else "", str(last.by or ""), last.at)


def responsible(form: ComplaintForm) -> list[Responsibility]:
    return list(form.responsibilities.filter(round=form.round).select_related("user", "department"))


@dataclass(frozen=True)
class Similar:
    """What cases of the same category and grade got in the last twelve months."""

    count_text: str
    kinds_text: str


def similar(form: ComplaintForm, at: datetime) -> Similar | None:
    """One query: complaints of the same category and grade with a measure that was ruled, by kind; one with three measures is one case."""
    ruled = Disposition.objects.filter(
        ruled_at__gte=at - YEAR, form__ticket__category_id=form.ticket.category_id, form__grade=form.grade, state__in=("ruled", "executed")
    ).exclude(form=form)
    cases = Count("form", distinct=True)
    total = ruled.order_by().values("form__grade").annotate(n=cases).values("n")
    by_kind = ruled.order_by().values("kind").annotate(n=cases, least=Min("amount", filter=Q(amount__gt=0)), most=Max("amount"), total=Subquery(total))
    found = sorted(by_kind, key=lambda row: (-row["n"], row["kind"]))
    if not found:
        return None
    kinds = _(" · ").join(
        ngettext("%(kind)s in %(n)d case", "%(kind)s in %(n)d cases", row["n"]) % {"kind": DispositionKind(row["kind"]).label, "n": row["n"]} for row in found
    )
    spans = [_span(row) for row in found if row["least"] is not None]
    total_text = ngettext("%(n)d case in the last 12 months", "%(n)d cases in the last 12 months", found[0]["total"]) % {"n": found[0]["total"]}
    return Similar(total_text, _("; ").join([kinds, *spans]))


def _span(row: dict[str, Any]) -> str:
    unit = " %" if row["kind"] == DispositionKind.DEDUCT_SHARE else _(" yuan")
    least, most = number_of(row["least"]), number_of(row["most"])
    return f"{least}{unit}" if least == most else f"{least}{unit}–{most}{unit}"
