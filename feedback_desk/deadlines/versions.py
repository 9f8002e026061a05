"""Changing a rule (E5): the row that deadlines point to stays as it was, a new version takes over for what starts from its moment on."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from feedback_desk.deadlines.models import Rule
from feedback_desk.people.access import NotNow


@transaction.atomic
def replace(changed: Rule, *, at: datetime, valid_from: datetime | None = None) -> Rule:
    """Save `changed` (an edited, unsaved copy of a row) as its next version, valid from `valid_from` (now, when none or past).

    Running deadlines keep the rule and the allowance they started with. Raises NotNow when somebody else replaced the row meanwhile.
    """
    before = Rule.objects.select_for_update(no_key=True).get(pk=changed.pk)
    if Rule.objects.filter(replaces=before).exists():
        raise NotNow(_("Somebody else changed this rule meanwhile. Look at the newest version and decide again."))
    begins = max(valid_from or at, at, before.valid_from)
    before.valid_until = begins
    before.save(update_fields=["valid_until"])
    changed.pk, changed.version, changed.valid_from, changed.valid_until, changed.replaces = None, before.version + 1, begins, None, before
    changed._state.adding = True
    changed.save(force_insert=True)
    return changed


SAYS = (
    "name", "name_en", "when", "clock", "amount", "longer", "at_time", "calendar_id", "owner", "ladder_id", "may_pause", "may_extend", "urgent", "active",
)  # fmt: skip


def differs(changed: Rule) -> bool:
    """Does the edited copy say anything else than its row?"""
    standing = Rule.objects.get(pk=changed.pk)
    return any(getattr(standing, name) != getattr(changed, name) for name in SAYS)


def chain(rule: Rule) -> list[Rule]:
    """All versions of a rule, the newest first."""
    versions = {row.replaces_id: row for row in Rule.objects.filter(code=rule.code).select_related("ladder", "calendar")}
    by_pk = {row.pk: row for row in versions.values()} | {row.pk: row for row in Rule.objects.filter(code=rule.code, replaces=None)}
    oldest = rule
    while oldest.replaces_id:
        oldest = by_pk[oldest.replaces_id]
    found = [by_pk.get(oldest.pk, oldest)]
    while found[-1].pk in versions:
        found.append(versions[found[-1].pk])
    return found[::-1]


def standing(code: str, at: datetime) -> list[Rule]:
    """The rules of a code that hold now or are to come."""
    return list(Rule.objects.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=at), code=code, active=True).order_by("pk"))


def twin(rule: Rule, at: datetime) -> Rule | None:
    """Another rule of the same code with the very same conditions: one too many."""
    return next((other for other in standing(rule.code, at) if other.pk != rule.pk and _plain(other.when) == _plain(rule.when)), None)


def rivals(rule: Rule, at: datetime) -> list[Rule]:
    """Rules of the same code that are equally specific and may fit the same subject; the newer one would apply."""
    mine = {rule.pk, rule.replaces_id}
    others = [other for other in standing(rule.code, at) if other.pk not in mine and len(other.when) == len(rule.when)]
    return [other for other in others if _may_meet(other.when, rule.when)]


def _may_meet(one: Mapping[str, Collection[Any]], other: Mapping[str, Collection[Any]]) -> bool:
    return all(not set(one[fact]).isdisjoint(other[fact]) for fact in one.keys() & other.keys())


def _plain(when: Mapping[str, Collection[Any]]) -> dict[str, list[str]]:
    return {fact: sorted(map(str, values)) for fact, values in when.items()}
