"""G7: who analyses what, from the table of the back office: the nearest category with a row; product quality without one goes to the quality department."""

from __future__ import annotations

from complaints.models import AnalysisRule, ComplaintForm
from feedback_desk.people.models import Department, Role


def department_for(form: ComplaintForm) -> Department | None:
    """None: chosen by hand."""
    slugs = form.ticket.category.slugs
    rules = {r.category.slug: r.department for r in AnalysisRule.objects.filter(category__slug__in=slugs).select_related("category", "department__head")}
    found = next((rules[slug] for slug in slugs if slug in rules), None)
    if found is not None or not form.ticket.category.quality:
        return found
    return Department.objects.filter(active=True, staff__memberships__role=Role.QUALITY).order_by("pk").first()
