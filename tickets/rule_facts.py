"""What deadline rules know of a ticket (section 8): its type, category and those above, urgency, channel, and the customer's level."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from feedback_desk.deadlines import facts
from tickets.models import Category, Channel, Level, Type, Urgency

ORDERS = (("T", _("T: confirmed before 17:00")), ("N", _("N: confirmed from 17:00 on")))
"""S2. No ticket has one yet: for the rules D29 and D39, which wait for orders."""


def install() -> None:
    facts.register("kind", _("type of ticket"), lambda: list(Type.choices), order=10)
    facts.register("category", _("category"), categories, order=20, holds=lambda slug: Category.objects.get(slug=slug).slugs)
    facts.register("urgency", _("urgency"), lambda: list(Urgency.choices), order=40)
    facts.register("level", _("customer level"), lambda: list(Level.choices), order=50)
    facts.register("channel", _("channel"), lambda: list(Channel.choices), order=60)
    facts.register("order", _("kind of order"), lambda: list(ORDERS), order=65)


def categories() -> list[tuple[str, Any]]:
    """The tree, each below the one that it is part of and moved in."""
    rows = list(Category.objects.filter(active=True))
    below: dict[int | None, list[Category]] = {}
    for row in rows:
        below.setdefault(row.parent_id, []).append(row)
    standing = {row.pk for row in rows}
    tops = [row for row in rows if row.parent_id not in standing]
    return [line for row in tops for line in _branch(row, below, 0)]


def _branch(row: Category, below: dict[int | None, list[Category]], depth: int) -> list[tuple[str, Any]]:
    return [(row.slug, "\u3000" * depth + row.spoken), *(line for child in below.get(row.pk, []) for line in _branch(child, below, depth + 1))]
