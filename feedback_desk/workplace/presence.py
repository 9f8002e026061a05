"""Who is at work: one query for the strip of a supervisor, the list of holders and of those who may be assigned."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils.translation import ngettext

from feedback_desk.people.models import Department, Membership, Presence, Role, User
from tickets import candidates

IN_STRIP = frozenset({Role.AGENT, Role.SECOND_LINE})

SHOWN = ("username", "name", "on_duty", "on_break", "presence_since", "department__name", "department__name_en", "backup__username", "backup__name")


def people(at: datetime) -> Any:
    """People who can hold a ticket, as `candidates.handlers` tells of them, with `in_strip`, department and backup."""
    in_strip = Exists(Membership.objects.filter(user=OuterRef("pk"), role__in=IN_STRIP))
    return candidates.handlers(at).annotate(in_strip=in_strip).select_related("department", "backup").only(*SHOWN).order_by("name")


def departments_of(found: list[Any]) -> list[Department]:
    return sorted({p.department for p in found if p.department}, key=lambda d: d.name)


class Strip:
    """The strip: who of the team is on duty with how much, who is absent and who stands in."""

    def __init__(self, found: list[Any], of: User) -> None:
        team = [p for p in found if p.in_strip and (of.department_id is None or p.department_id == of.department_id)]
        self.here = [p for p in team if p.on_duty and not p.away]
        self.away = [p for p in team if p.away or not p.on_duty]
        for one in self.here:
            one.waits = max(0, one.load - one.in_hand)


def assignable(found: list[Any]) -> list[Any]:
    """T6: only people on duty get work."""
    return [p for p in found if p.on_duty and not p.away]


def named(person: Any) -> str:
    """For a choice: "Lin · on a break · 3 in hand"."""
    load = ngettext("%(n)d in hand", "%(n)d in hand", person.in_hand) % {"n": person.in_hand}
    return " · ".join(filter(None, [str(person), str(Presence.BREAK.label) if person.on_break else "", load]))
