"""Remedies (G4, C19): the solutions offered to the customer, each with what it consists of and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from django.utils.translation import gettext as _

from complaints import authority, guards, services
from complaints.forms import remedies as asked
from complaints.lifecycle.remedy import UNDECIDED, UNHEARD
from complaints.models import ComplaintForm, Remedy
from complaints.models.remedies import yuan
from complaints.permissions import capacities_on_remedy
from feedback_desk.people.one_look import known, one_look
from feedback_desk.records import spoken
from feedback_desk.workplace import doors
from feedback_desk.workplace.doors import Button, Door
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.panels.parts import Panel, act_buttons, aside, named
from feedback_desk.workplace.templatetags.desk import exact

DOORS = {"propose_remedy": Door(services.propose_remedy, asked.ProposeRemedyForm)}
PEOPLE = ("proposed_by", "approved_by")


@dataclass(frozen=True)
class Line:
    """One remedy, with what the reader may do with it."""

    remedy: Remedy
    ended: str
    buttons: list[Button]


@dataclass(frozen=True)
class Solution:
    number: int
    lines: list[Line]


def remedies(matter: Matter) -> Panel | None:
    form = matter.form
    if form is None:
        return None
    rows = list(form.remedies.select_related(*PEOPLE).order_by("option", "pk"))
    with one_look():
        known(("concerned", matter.user.pk, matter.ticket.item_id), False)  # found by visible_to, which leaves out one's own matters (V3)
        known(("remedies", form.pk), rows)
        lines = [_line(row, matter, form) for row in rows]
        buttons, total = act_buttons(matter, ["propose_remedy"]), authority.total(form)
    if not rows and not buttons:
        return None
    solutions = [Solution(number, list(found)) for number, found in groupby(lines, key=lambda line: line.remedy.option)]
    alone = len({r.option for r in rows if r.state in UNDECIDED}) == 1
    told = {"solutions": solutions, "alone": asked.TWO if alone else "", "total": yuan(total) if total else ""}
    return Panel("remedies", _("Remedies"), "gift", "complaints/_remedies.html", told, buttons)


def _line(row: Remedy, matter: Matter, form: ComplaintForm) -> Line:
    row.form = form
    held = capacities_on_remedy(row, matter.user, on_form=matter.form_capacities)
    return Line(row, spoken.words(row.ended_words), doors.buttons(row, matter.user, held))


def sheet(form: ComplaintForm, round: int) -> list[tuple[str, str]]:
    """What the customer heard of; never what still waits for approval (G4)."""
    rows = [r for r in guards.remedies(form) if r.round == round and r.state not in UNHEARD and (r.approved_at or r.state != "withdrawn")]
    text = "\n".join(aside(named(f"{r.option}. {r.terms}", r.words), f"{r.get_state_display()}{_when(r)}") for r in rows)
    return [(_("Remedies"), text)] if text else []


def _when(row: Remedy) -> str:
    at = row.fulfilled_at or row.chosen_at
    return f" {exact(at)}" if at else ""
