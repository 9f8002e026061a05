"""G7: who analyses what, from the table of the back office: the nearest category with a row; product quality without one goes to the quality department."""

from __future__ import annotations

from complaints.models import AnalysisRule, ComplaintForm
from feedback_desk.people.models import Department, Role


def departments_for(form: ComplaintForm) -> list[Department]:
    """The one that leads, and the one beside it where there is one. Empty: chosen by hand."""
    slugs = form.ticket.category.slugs
    rules = AnalysisRule.objects.filter(category__slug__in=slugs).select_related("category", "department__head", "beside__head")
    found = next((rule for slug in slugs for rule in rules if rule.category.slug == slug), None)
    if found is not None and found.department is not None:
        return list(dict.fromkeys([found.department, found.beside or found.department]))
    if not form.ticket.category.quality:
        return []
    return list(Department.objects.filter(active=True, staff__memberships__role=Role.QUALITY).order_by("pk")[:1])
