"""客户信息反馈处理单 as a sheet of paper: its rows once, drawn by the page to be printed and by the PDF."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from complaints.models import ComplaintForm, Disposition, Responsibility
from feedback_desk.records.models import Entry
from feedback_desk.workplace import panels
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.templatetags.desk import exact
from feedback_desk.workplace.words import terms_of
from tickets.models import Contact, Ticket

DECIDED = ("agree", "object", "sign", "submit", "rule", "confirm_no_fault", "hand_over")


@dataclass(frozen=True)
class Row:
    """One line of the sheet. `beside`: a second label and text on the same line; `sign`: who signed and when, at the foot of the cell."""

    label: str
    text: str = ""
    beside: tuple[str, str] | None = None
    sign: str | None = None


@dataclass(frozen=True)
class Sheet:
    title: str
    numbers: list[tuple[str, str]]
    rows: list[Row]


def sheet(matter: Matter) -> Sheet:
    """In the reader's language; as many queries at one measure as at twenty."""
    form, ticket = matter.form, matter.ticket
    assert form is not None
    measures = list(form.dispositions.filter(round=form.round).exclude(state="draft").select_related("user", "department", "executed_by"))
    acts = list(Entry.objects.filter(item=form.item, verb__in=DECIDED).select_related("by").order_by("at", "pk"))
    numbers = [(_("Form"), form.item.number), (_("Ticket"), ticket.item.number), (_("Round"), str(form.round))]
    rows = [*_beginning(ticket, form), *_handled(form), *_inside(form, measures, acts), *_end(form, ticket)]
    return Sheet(_("Customer feedback handling form"), numbers, rows)


def _beginning(ticket: Ticket, form: ComplaintForm) -> list[Row]:
    customer = ticket.customer
    product = _lines([ticket.order_number, ticket.product, ticket.model, ticket.batch], " ")
    quality = str(form.get_quality_class_display() or "–")
    return [
        Row(_("Customer"), f"{customer.masked_name}（{customer.number}）", (_("Level"), str(customer.get_level_display()))),
        Row(_("Channel"), str(ticket.get_channel_display()), (_("Received"), exact(ticket.received_at))),
        Row(_("Category"), str(ticket.category), (_("Grade"), str(form.get_grade_display() or "–"))),
        Row(_("Order, product"), product, (_("Quality class"), quality)),
        Row(_("What happened"), ticket.what_happened),
        Row(_("Expects"), ticket.expectation),
    ]


def _handled(form: ComplaintForm) -> list[Row]:
    return [Row(label, text) for rows in panels.SHEETS for label, text in rows(form)]


def _inside(form: ComplaintForm, measures: list[Disposition], acts: list[Entry]) -> list[Row]:
    found = _lines([form.findings, f"{_('Nobody is at fault')}: {form.no_fault_reason}" if form.no_fault else "", form.on_the_spot])
    responsible = Responsibility.objects.filter(form=form, round=form.round).select_related("user", "department").order_by("-share")
    ruled = [e for e in acts if e.verb in ("rule", "confirm_no_fault") and form.ruled_at and e.at >= form.ruled_at]
    return [
        Row(_("What was found"), found, sign=_signed(e for e in acts if e.verb == "submit")),
        Row(_("Who is responsible"), _lines(_responsible(row) for row in responsible)),
        Row(_("Accountability measures"), _lines(_measure(m) for m in measures)),
        Row(_("Answer of the person concerned"), _lines(f"{m.target}：{m.answer}" for m in measures if m.answer)),
        Row(_("Department's opinion"), _lines(_opinion(m, acts) for m in measures), sign=_signed(_last_of_each(acts, measures))),
        Row(_("General manager's ruling"), _lines([str(form.get_ruling_display() or ""), form.ruling_words]), sign=_signed(ruled)),
        Row(_("Carried out"), _lines(_carried_out(m) for m in measures if m.executed_at), sign=_signed(e for e in acts if e.verb == "hand_over")),
    ]


def _end(form: ComplaintForm, ticket: Ticket) -> list[Row]:
    last = form.inspections.select_related("by").last()
    visit = Contact.objects.filter(item=ticket.item, purpose="visit", reached=True).select_related("by").order_by("at").last()
    mark = "" if last is None else _lines([_("in time") if last.timely else _("late"), str(last.get_severity_display()), last.faults], " · ")
    return [
        Row(_("Check"), mark, sign="" if last is None else _by(last.by, last.at)),
        Row(_("Result for the customer"), ticket.result),
        Row(_("Visit"), _lines([visit.said, visit.customer_says]) if visit else "", sign=_by(visit.by, visit.at) if visit else ""),
        Row(_("Case summary"), form.case_summary),
    ]


def _responsible(row: Responsibility) -> str:
    return f"{_lines([str(row.user or ''), str(row.department)], ' · ')} {row.share} %：{row.because}"


def _measure(measure: Disposition) -> str:
    return f"{measure.target}：{terms_of(measure.kind, measure.amount)}；{measure.clause}；{measure.reason}（{measure.get_state_display()}）"


def _opinion(measure: Disposition, acts: list[Entry]) -> str:
    words = {"agree": _("Agreed"), "sign": _("Agreed in negotiation")}
    if measure.objection:
        return f"{measure.target}：{_('Objection:')} {measure.objection}"
    verb = next((e.verb for e in reversed(acts) if e.data.get("measure") == measure.pk and e.verb in words), "")
    return f"{measure.target}：{words[verb]}" if verb else ""


def _carried_out(measure: Disposition) -> str:
    day = measure.talk_on.isoformat() if measure.talk_on else ""
    return f"{measure.target}：{_lines([day, measure.talk_words], ' ')}（{_by(measure.executed_by, measure.executed_at)}）"


def _last_of_each(acts: list[Entry], measures: list[Disposition]) -> list[Entry]:
    """Who agreed, objected or signed last, apiece."""
    ours = {m.pk for m in measures}
    found = {(e.data.get("measure"), e.by_id): e for e in acts if e.verb in ("agree", "object", "sign") and e.data.get("measure") in ours}
    return list(found.values())


def _signed(entries: Iterable[Entry]) -> str:
    return _lines(dict.fromkeys(_by(e.by, e.at) for e in entries), "；")


def _by(user: Any, at: datetime | None) -> str:
    return _lines([str(user or ""), exact(at)], " ")


def _lines(parts: Iterable[str], between: str = "\n") -> str:
    return between.join(part for part in parts if part)
