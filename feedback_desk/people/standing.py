"""In whose place somebody acts (V2, V3).

A primary who is absent, or named in the matter, is stood in for by the backup, else the next superior, else the office.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from django.db.models import Q

from feedback_desk import clock
from feedback_desk.people.models import Absence, Concern, Department, Membership, Role, User
from feedback_desk.people.one_look import known, looking, remembered, remembered_of_people, remembered_office
from feedback_desk.people.receivers import Staff
from feedback_desk.records.models import Item

Standing = dict[str, User | None]
"""Role held → the person in whose place, or None when it is one's own."""


def out_of_play(item: Item | None, at: datetime) -> set[int]:
    """Ids of people who cannot act now: absent, or named in the matter of `item`."""
    root = (item.root_id or item.pk) if item is not None else None
    return remembered_of_people(("out of play", root), lambda: _out_of_play(root, at))


def _out_of_play(root: int | None, at: datetime) -> set[int]:
    absent = Absence.objects.covering(at).order_by().values_list("user_id", flat=True)
    if root is None:
        return set(absent)
    return set(absent.union(Concern.objects.filter(item_id=root).values_list("user_id", flat=True)))


def look_at_all(user: User, roots: Collection[int], at: datetime) -> None:
    """For a list, inside `one_look`: who is out of play in each matter, and whether the user is named in it (V3), in two queries."""
    absent = set(Absence.objects.covering(at).values_list("user_id", flat=True))
    named: dict[int, set[int]] = {root: set() for root in roots}
    for root, pk in Concern.objects.filter(item_id__in=roots).values_list("item_id", "user_id"):
        named[root].add(pk)
    for root, people in named.items():
        known(("out of play", root), absent | people)
        known(("concerned", user.pk, root), user.pk in people)


def stand_in(primary: User | None, item: Item | None, at: datetime, out: set[int] | None = None) -> User | None:
    """Who acts for `primary`: themselves, else whom people.receivers names as their heir, so that whoever is told may also act."""
    out = out_of_play(item, at) if out is None else out
    if primary is not None and primary.is_active and primary.pk not in out:
        return primary
    staff, root = _staff(item, at, out)
    return staff.people.get((staff.heir(primary.pk, root) if primary is not None else staff.office(root)) or 0)


def _staff(item: Item | None, at: datetime, out: Iterable[int]) -> tuple[Staff, int | None]:
    """Everybody at this instant, with those who are `out` for any reason counted as away."""
    root = (item.root_id or item.pk) if item is not None else None
    staff = remembered_of_people(("staff", root, at), lambda: Staff.at(at, [root] if root else []))
    return replace(staff, absent=staff.absent | set(out)), root


def roles_held(user: User, item: Item | None, at: datetime | None = None, barred: Mapping[str, set[int]] | None = None) -> Standing:
    """The user's own roles, and those of primaries they stand in for now. Two or three queries; more only while a whole role is away.

    `barred`: by role, who may not take its next part although they are here (V8): the stand-in does.
    """
    if not user.is_active:
        return {}
    at = at or clock.now()
    held: Standing = dict.fromkeys(user.roles)
    kept_from = barred or {}
    rows = [m for m in remembered_office(("backed", user.pk), lambda: backed_by(user)) if m.role not in held]
    out = out_of_play(item, at)
    held |= {m.role: m.user for m in rows if (m.user_id in out or m.user_id in kept_from.get(m.role, ())) and m.role != Role.ADMINISTRATOR}
    return held | _inherited(user, item, at, out, kept_from, held)


DECIDING = (Role.SUPERVISOR, Role.CS_MANAGER, Role.OFFICE, Role.GENERAL_MANAGER, Role.INSPECTOR, Role.RETURN_VISIT)
"""Roles with a part in a complaint: when all who hold one are out, its part goes on to the next superior, else the office (V3)."""


AT_HAND = (Role.AGENT, Role.SECOND_LINE)
"""Who else works on every matter, without a part in deciding."""


def _inherited(user: User, item: Item | None, at: datetime, out: set[int], barred: Mapping[str, set[int]], held: Standing) -> Standing:
    """Roles that fall to the user because nobody who holds them, nor a direct backup, can act: the one people.receivers would pick."""
    away = out | {pk for ids in barred.values() for pk in ids}
    if not away:
        return {}
    rows = remembered_office(("deciding", user.pk), lambda: _deciding(user))
    found: Standing = {}
    for role in DECIDING:
        unable = out | barred.get(role, set())
        holders = [m.user for m in rows if m.role == role]
        if role not in held and holders and all(holder.pk in unable for holder in holders):
            staff, root = _staff(item, at, unable)
            if staff.pick(role, None, root) == user.pk:
                found[role] = holders[0]
    return found


def backed_by(user: User) -> list[Membership]:
    loaded: list[Membership] | None = getattr(user, "_backed", None)
    return loaded if loaded is not None else list(Membership.objects.filter(user__backup=user, user__is_active=True).select_related("user"))


def load_roles(user: User) -> None:
    """For a page: own roles, those of people one backs up, and of who works at the desk, in one query; kept on this instance for the request."""
    if hasattr(user, "_backed"):
        return
    mine = Q(user=user) | Q(user__backup=user, user__is_active=True) | Q(role__in=DECIDING + AT_HAND, user__is_active=True)
    rows = list(Membership.objects.filter(mine).select_related("user"))
    own = [m for m in rows if m.user_id == user.pk]
    user._prefetched_objects_cache = {**getattr(user, "_prefetched_objects_cache", {}), "memberships": own}  # type: ignore[attr-defined]
    user._backed = [m for m in rows if m.user.backup_id == user.pk]  # type: ignore[attr-defined]
    user._deciding = [m for m in rows if m.role in DECIDING]  # type: ignore[attr-defined]
    user._colleagues = _named(rows, user)  # type: ignore[attr-defined]


def colleagues(user: User) -> list[User]:
    """Who may be given a next step (F1): oneself, then who works at the desk, by name."""
    loaded: list[User] | None = getattr(user, "_colleagues", None)
    if loaded is None:
        load_roles(user)
        loaded = getattr(user, "_colleagues", [user])
    return loaded


def _named(rows: list[Membership], user: User) -> list[User]:
    found = {m.user_id: m.user for m in rows if m.role in DECIDING + AT_HAND and m.user_id != user.pk}
    return [user, *sorted(found.values(), key=str)]


def _deciding(user: User) -> list[Membership]:
    loaded: list[Membership] | None = getattr(user, "_deciding", None)
    return loaded if loaded is not None else list(Membership.objects.filter(role__in=DECIDING, user__is_active=True).select_related("user"))


def _with_heads(department_ids: set[int]) -> list[Department]:
    """In a look all departments are read once; a service reads those it needs."""
    rows = Department.objects.select_related("head__backup", "head__superior")
    if not looking():
        return remembered_office(("heads", frozenset(department_ids)), lambda: list(rows.filter(pk__in=department_ids)))
    return [d for d in remembered("departments", lambda: list(rows)) if d.pk in department_ids]


def heads(user: User, department_ids: set[int], item: Item, at: datetime, barred: Iterable[int] = ()) -> set[int]:
    """Which of these departments the user heads now: as head, or as stand-in for a head who is absent, concerned or barred (V8)."""
    out = out_of_play(item, at) | set(barred)
    return {
        d.pk for d in _with_heads(department_ids) if d.head_id and user.pk not in barred and (d.head_id == user.pk or _acts_for(d.head, user, item, at, out))
    }


def _acts_for(primary: User | None, user: User, item: Item, at: datetime, out: set[int]) -> bool:
    acting = stand_in(primary, item, at, out)
    return acting is not None and acting.pk == user.pk


def replaced(user: User, primaries: list[User | None], roles: set[str], item: Item, at: datetime) -> User | None:
    """The person in whose place the user acts here, None when they act in their own right; for the history."""
    if any(p is not None and p.pk == user.pk for p in primaries) or roles & user.roles:
        return None
    out = out_of_play(item, at)
    for primary in primaries:
        if primary is not None and _acts_for(primary, user, item, at, out):
            return primary
    return User.objects.filter(Q(backup=user) & Q(pk__in=out) & Q(memberships__role__in=roles)).first()
