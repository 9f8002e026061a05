"""Which grade was proposed and why, what it repeats, the batch it is part of (G1, I7)."""

from __future__ import annotations

from django.utils.translation import gettext as _

from complaints.models import ComplaintForm
from complaints.models.grading import GradeProposal
from feedback_desk.workplace.matter import Matter
from feedback_desk.workplace.panels.parts import Panel, aside, named, series
from feedback_desk.workplace.templatetags.desk import exact

SHOWN = 20


def grading(matter: Matter) -> Panel | None:
    form = matter.form
    if form is None:
        return None
    proposals = list(form.proposals.order_by("-at", "-pk"))
    if not proposals and form.batch_id is None and form.repeat_of_id is None:
        return None
    seen = ComplaintForm.objects.visible_to(matter.user).select_related("item", "ticket__item")
    told = {
        "proposals": proposals, "form": form, "batch": form.batch,
        "repeat_of": seen.filter(pk=form.repeat_of_id).first() if form.repeat_of_id else None,
        "others": list(seen.filter(batch=form.batch_id).exclude(pk=form.pk).order_by("-ticket__received_at")[:SHOWN]) if form.batch_id else [],
    }  # fmt: skip
    return Panel("grading", _("Grade and what was proposed"), "bar-chart-steps", "complaints/_grading.html", told)


def sheet(form: ComplaintForm, round: int) -> list[tuple[str, str]]:
    """The last proposal stands on the printed form."""
    last: GradeProposal | None = form.proposals.order_by("-at", "-pk").first()
    if last is None:
        return []
    reasons = series(aside(name, because) for name, because in last.reasons)
    return [(_("Proposed grade"), aside(named(last.get_grade_display(), reasons), exact(last.at)))]
