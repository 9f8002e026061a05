"""客户信息反馈处理单 as a sheet of paper: its rows once, drawn by the page to be printed and by the PDF."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from complaints.guards import NEW_ROUND
from complaints.models import ComplaintForm, Disposition, Responsibility
from feedback_desk.records.models import Entry
from feedback_desk.workplace import panels
from feedback_desk.workplace import paper_course as course
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.panels import checks
from feedback_desk.workplace.panels.parts import aside, named, series
from feedback_desk.workplace.paper_course import by, together
from feedback_desk.workplace.templatetags.desk import exact
from feedback_desk.workplace.words import terms_of
from tickets.models import Contact, Ticket

DECIDED = ("agree", "object", "sign", "negotiate", "report_split", "submit", "rule", "confirm_no_fault", "hand_over")
SAID = ("determine", "no_fault_found", "no_fault_major", "settle_matter", "handle_on_the_spot", "write_case_summary", "offer_result")
FELL = {"send_back": DECIDED, "restore": course.ENDS}
"""With these lines what was written before them in the same round holds no more: signatures, how it ended."""


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


@dataclass(frozen=True)
class Told:
    """What stands in the fields of the form while a round is its last; of an earlier one (C15) it is read from the history."""

    findings: str
    no_fault: str
    on_the_spot: str
    ruling: str
    words: str
    result: str
    summary: str


def sheet(matter: Matter, round: int | None = None) -> Sheet:
    """Of the last round unless said otherwise. In the reader's language; as many queries at one measure as at twenty."""
    form, ticket = matter.form, matter.ticket
    assert form is not None
    round = round or form.round
    measures = list(form.dispositions.filter(round=round).exclude(state="draft").select_related("user", "department", "executed_by"))
    acts = _acts(form, ticket, round)
    told = _now(form, ticket, acts) if round == form.round else _then(form, acts)
    numbers = [(_("Form"), form.item.number), (_("Ticket"), ticket.item.number), (_("Round"), str(round))]
    rows = [*_beginning(ticket, form, course.state(form, round, acts)), *_handled(form, round), *_inside(form, round, told, measures, acts)]
    rows += [*_aside(acts), *_end(form, round, told), Row(_("How it ended"), course.ended(acts))]
    return Sheet(_("Customer feedback handling form"), numbers, rows)


def _acts(form: ComplaintForm, ticket: Ticket, round: int) -> list[Entry]:
    """What was decided and said in that round, and what ended it; left out is what fell in it."""
    verbs = (*DECIDED, *SAID, *course.ASIDE, *course.ABNORMAL, *course.ENDS, *NEW_ROUND, *FELL)
    lines = Entry.objects.filter(item__in=(form.item_id, ticket.item_id), verb__in=verbs).select_related("by", "words").order_by("pk")
    now, found = 1, list[Entry]()
    for line in lines:
        if line.item_id != form.item_id and line.verb in (*NEW_ROUND, *course.ENDS, "restore"):
            continue
        if line.verb in NEW_ROUND:
            found += [line] if now == round else []
            now = line.data["round"]
        elif now == round and line.verb in FELL:
            found = [e for e in found if e.verb not in FELL[line.verb]]
        elif now == round and not (line.verb == "rule" and "measure" in line.data):
            found.append(line)
    return found


def _words(acts: list[Entry], *verbs: str) -> str:
    """Of the last of these acts."""
    last = next((e for e in reversed(acts) if e.verb in verbs), None)
    return course.words(last) if last is not None else ""


def _now(form: ComplaintForm, ticket: Ticket, acts: list[Entry]) -> Told:
    determined = any(e.verb == "determine" for e in acts)
    no_fault = form.no_fault_reason if form.no_fault else ""
    ruling = str(form.get_ruling_display() or "")
    return Told(form.findings if determined else "", no_fault, form.on_the_spot, ruling, form.ruling_words, ticket.result, form.case_summary)


def _then(form: ComplaintForm, acts: list[Entry]) -> Told:
    ruled = next((e for e in reversed(acts) if e.verb in ("rule", "confirm_no_fault")), None)
    ruling = "" if ruled is None else dict(form._meta.get_field("ruling").flatchoices).get(ruled.data.get("ruling", "confirm"), "")
    no_fault = _words(acts, "no_fault_found", "no_fault_major", "settle_matter")
    words = _words(acts, "rule", "confirm_no_fault")
    on_the_spot, result, summary = (_words(acts, verb) for verb in ("handle_on_the_spot", "offer_result", "write_case_summary"))
    return Told(_words(acts, "determine"), no_fault, on_the_spot, str(ruling), words, result, summary)


def _beginning(ticket: Ticket, form: ComplaintForm, state: tuple[str, datetime | None]) -> list[Row]:
    customer = ticket.customer
    product = together([ticket.order_number, ticket.product, ticket.model, ticket.batch], " ")
    quality = str(form.get_quality_class_display() or "–")
    return [
        Row(_("State"), state[0], (_("Closed on"), exact(state[1]) or "–")),
        Row(_("Customer"), aside(customer.masked_name, customer.number), (_("Level"), str(customer.get_level_display()))),
        Row(_("Channel"), str(ticket.get_channel_display()), (_("Received"), exact(ticket.received_at))),
        Row(_("Category"), str(ticket.category), (_("Grade"), str(form.get_grade_display() or "–"))),
        Row(_("Order, product"), product, (_("Quality class"), quality)),
        Row(_("What happened"), ticket.what_happened),
        Row(_("Expects"), ticket.expectation),
    ]


def _handled(form: ComplaintForm, round: int) -> list[Row]:
    return [Row(label, text) for rows in panels.SHEETS for label, text in rows(form, round)]


def _inside(form: ComplaintForm, round: int, told: Told, measures: list[Disposition], acts: list[Entry]) -> list[Row]:
    found = together([told.findings, named(_("Nobody is at fault"), told.no_fault) if told.no_fault else "", told.on_the_spot])
    responsible = Responsibility.objects.filter(form=form, round=round).select_related("user", "department").order_by("-share")
    ruled = [e for e in acts if e.verb in ("rule", "confirm_no_fault")][-1:]
    return [
        Row(_("What was found"), found, sign=_signed(e for e in acts if e.verb == "submit")),
        Row(_("Who is responsible"), together(_responsible(row) for row in responsible)),
        Row(_("Accountability measures"), together(_measure(m) for m in measures)),
        Row(_("Answer of the person concerned"), together(named(m.target, m.answer) for m in measures if m.answer)),
        Row(_("Department's opinion"), together([*(_opinion(m, acts) for m in measures), course.split(acts)]), sign=_signed(_last_of_each(acts, measures))),
        Row(_("General manager's ruling"), together([told.ruling, told.words]), sign=_signed(ruled)),
        Row(_("Carried out"), together(_carried_out(m) for m in measures if m.executed_at), sign=_signed(e for e in acts if e.verb == "hand_over")),
    ]


def _aside(acts: list[Entry]) -> list[Row]:
    """Of most complaints there is neither."""
    rows = (Row(_("Outstanding matter"), course.set_aside(acts)), Row(_("Abnormal closing"), course.abnormal(acts)))
    return [row for row in rows if row.text]


def _end(form: ComplaintForm, round: int, told: Told) -> list[Row]:
    last = form.inspections.filter(round=round).select_related("by").last()
    visit = Contact.objects.filter(visit__form=form, visit__round=round, reached=True).select_related("by", "visit").order_by("at", "pk").last()
    said = together([str(visit.visit.get_mood_display()), visit.said, visit.customer_says]) if visit else ""
    mark = "" if last is None else together([_("in time") if last.timely else _("late"), str(last.get_severity_display()), last.faults], " · ")
    return [
        *(Row(label, text) for label, text in checks.sheet(form, round)),
        Row(_("Check"), mark, sign="" if last is None else by(last.by, last.at)),
        Row(_("Result for the customer"), told.result),
        Row(_("Visit"), said, sign=by(visit.by, visit.at) if visit else ""),
        Row(_("Case summary"), told.summary),
    ]


def _responsible(row: Responsibility) -> str:
    return named(f"{together([str(row.user or ''), str(row.department)], ' · ')} {row.share} %", row.because)


def _measure(measure: Disposition) -> str:
    terms = series([terms_of(measure.kind, measure.amount), measure.clause, measure.reason])
    return aside(named(measure.target, terms), measure.get_state_display())


def _opinion(measure: Disposition, acts: list[Entry]) -> str:
    words = {"agree": _("Agreed"), "negotiate": _("Agreed in negotiation")}
    verb = next((e.verb for e in reversed(acts) if e.data.get("measure") == measure.pk and e.verb in words), "")
    said = series([f"{_('Objection:')} {measure.objection}" if measure.objection else "", words.get(verb, "")])
    return named(measure.target, said) if said else ""


def _carried_out(measure: Disposition) -> str:
    day = measure.talk_on.isoformat() if measure.talk_on else ""
    return named(measure.target, aside(together([day, measure.talk_words], " "), by(measure.executed_by, measure.executed_at)))


def _last_of_each(acts: list[Entry], measures: list[Disposition]) -> list[Entry]:
    """Who agreed, objected or signed last, apiece."""
    ours = {m.pk for m in measures}
    found = {(e.data.get("measure"), e.by_id): e for e in acts if e.verb in ("agree", "object", "sign") and e.data.get("measure") in ours}
    return list(found.values())


def _signed(entries: Iterable[Entry]) -> str:
    return series(dict.fromkeys(by(e.by, e.at) for e in entries))
