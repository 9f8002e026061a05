"""The inspector's checks of a form handed over, and who was responsible for the faults (C9)."""

from __future__ import annotations

from django.utils.translation import gettext as _

from complaints.models import ComplaintForm
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.panels.parts import Panel, aside, named, signed


def checks(matter: Matter) -> Panel | None:
    """Only where there are any."""
    rows = list(matter.form.inspections.select_related("by", "finding__user", "finding__department", "finding__by")) if matter.form else []
    return Panel("check", _("Check of the form"), "clipboard-check", "complaints/_checks.html", {"checks": rows}) if rows else None


def sheet(form: ComplaintForm, round: int) -> list[tuple[str, str]]:
    """What of it stands on the printed form beside the last check."""
    returned = form.inspections.filter(round=round, passed=False).select_related("by", "finding__user", "finding__department", "finding__by")
    rows = [(_("Returned by the inspector"), aside(check.faults, signed(check))) for check in returned]
    found = [check.finding for check in returned if hasattr(check, "finding")]
    return [*rows, *((_("Responsible for the faults"), aside(named(row.target, row.words), signed(row))) for row in found)]
