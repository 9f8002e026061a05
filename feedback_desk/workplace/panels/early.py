"""Verification and first plan, handling decision, analysis and cause, police: four panels (C1, C16, C18, G2, G5, G7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from complaints import guards, services
from complaints.forms import early as asked
from complaints.models import ComplaintForm, DecisionSide, HandlingDecision
from complaints.models.early import SIDES
from feedback_desk.people.models import User
from feedback_desk.workplace.doors import Door
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.panels.parts import Panel, act_buttons, aside, named, series, signed
from feedback_desk.workplace.templatetags.desk import exact

DOORS = {
    "check_facts": Door(services.check_facts, asked.CheckFactsForm),
    "write_first_plan": Door(services.write_first_plan, asked.FirstPlanForm),
    "decide_handling": Door(services.decide_handling, asked.DecideHandlingForm),
    "sign_decision": Door(services.sign_decision, asked.SignDecisionForm),
    "write_first_analysis": Door(services.write_first_analysis, asked.FirstAnalysisForm),
    "write_cause": Door(services.write_cause, asked.WriteCauseForm),
    "approve_cause": Door(services.approve_cause, asked.ApproveCauseForm),
    "name_analysing": Door(services.name_analysing, asked.NameAnalysingForm),
    "change_quality_class": Door(services.change_quality_class, asked.QualityClassForm),
    "report_to_police": Door(services.report_to_police, asked.PoliceForm),
}


def verification(matter: Matter) -> Panel | None:
    form = matter.form
    if form is None:
        return None
    told = {
        "checks": list(form.factscheck_rows.select_related("by", "colleague")), "plans": list(form.firstplan_rows.select_related("by")),
        "spoken": guards.spoken_with_customer(form),
    }  # fmt: skip
    return Panel(
        "verification", _("Verification and first plan"), "search", "complaints/_verification.html", told,
        act_buttons(matter, ["check_facts", "write_first_plan"]),
    )  # fmt: skip


def decision(matter: Matter) -> Panel | None:
    form = matter.form
    if form is None or not form.grade:
        return None
    row = guards.decision_of(form)
    told = {"decision": row, "sides": sides_of(form, row)}
    buttons = act_buttons(matter, ["decide_handling", *(["sign_decision"] if row and free_side(row, matter.user, matter.form_capacities) else [])])
    return Panel("decision", _("Handling decision"), "signpost-split", "complaints/_decision.html", told, buttons)


def free_side(decision: HandlingDecision, user: User, held: frozenset[str]) -> bool:
    """G2: a side that is this person's and has not signed; nobody signs for two."""
    signed = {s.side: s.by_id for s in decision.signatures.all()}
    return user.pk not in signed.values() and any(side in held and side not in signed for side in SIDES[decision.grade])


@dataclass(frozen=True)
class Side:
    label: str
    by: str
    at: datetime | None


def sides_of(form: ComplaintForm, decision: HandlingDecision | None) -> list[Side]:
    signed = {s.side: s for s in decision.signatures.all()} if decision else {}
    given = [(str(DecisionSide(side).label), signed.get(side)) for side in SIDES.get(form.grade, ())]
    return [Side(label, str(row.by) if row else "", row.at if row else None) for label, row in given]


def cause(matter: Matter) -> Panel | None:
    form = matter.form
    if form is None:
        return None
    told = {
        "form": form, "analyses": list(form.firstanalysis_rows.select_related("by")),
        "causes": list(form.writtencause_rows.select_related("by", "approval__by")), "serious": guards.is_serious(form),
        "class_missing": guards.class_missing(form),
    }  # fmt: skip
    names = ["write_first_analysis", "write_cause", "approve_cause", "name_analysing", *(["change_quality_class"] if form.grade else [])]
    buttons = [b for b in act_buttons(matter, names) if not (b.name in ("approve_cause", "change_quality_class") and b.missing)]
    return Panel("cause", _("Cause and analysis"), "clipboard-pulse", "complaints/_cause.html", told, buttons)


def police(matter: Matter) -> Panel | None:
    form = matter.form
    if form is None:
        return None
    reports = list(form.policereport_rows.select_related("by"))
    buttons = act_buttons(matter, ["report_to_police"])
    return Panel("police", _("Police report"), "shield-exclamation", "complaints/_police.html", {"reports": reports}, buttons) if reports or buttons else None


def sheet(form: ComplaintForm, round: int) -> list[tuple[str, str]]:
    """What of it stands on the printed form."""
    checks = form.factscheck_rows.filter(round=round).select_related("by", "colleague")
    on_site = {True: _("An inspection on site is needed."), False: ""}
    rows = [(_("Verification"), aside("\n".join(filter(None, [c.found, on_site[c.on_site]])), c.colleague, signed(c))) for c in checks]
    rows += [(_("First plan"), aside(p.text, signed(p))) for p in form.firstplan_rows.filter(round=round).select_related("by")]
    if row := form.handlingdecision_rows.filter(round=round).select_related("lead").prefetch_related("signatures__by", "departments").last():
        departments = "、".join(department.name for department in row.departments.all())
        terms = series([named(_("Lead"), row.lead), named(_("Departments"), departments) if departments else "", row.reply, row.measures])
        rows.append((_("Handling decision"), f"{terms}\n{series(signed(s) for s in row.signatures.all())}"))
    analyses = form.firstanalysis_rows.filter(round=round).select_related("by")
    rows += [(_("First analysis"), aside(f"{a.what}\n{a.cause}\n{a.solution}", signed(a))) for a in analyses]
    causes = form.writtencause_rows.filter(round=round).select_related("by")
    rows += [(_("Cause in writing"), aside("\n".join(filter(None, [c.cause, c.evidence])), signed(c))) for c in causes]
    reports = form.policereport_rows.filter(round=round)
    rows += [(_("Police report"), " ".join(filter(None, [r.suspicion, r.station, r.number, exact(r.reported_at)]))) for r in reports]
    return rows
