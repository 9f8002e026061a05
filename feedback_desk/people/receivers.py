"""Who gets work, notices and escalations: absence, backup (V2) and concern (V3) are applied here and nowhere else (decision 6).

`Staff` is a picture of everybody at one instant, read in three statements whatever the number of questions; the functions below ask it.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

from django.db.models import Exists, F, OuterRef

from feedback_desk.people.models import RANK, Absence, Concern, Department, Role, User
from feedback_desk.people.one_look import remembered_of_people
from feedback_desk.records.models import Item

K = TypeVar("K", bound=Hashable)
OWNER, SUPERIOR, DEPARTMENT_HEAD = "owner", "superior", "department_head"
BESIDE_THE_LINE = frozenset(role for role, rank in RANK.items() if rank < RANK[Role.SUPERVISOR])
"""Roles that stand above nobody: a step that names one means it, whoever the owner is."""
BESIDE = "+"
"""Before a role: told with the owner, whatever the rank of either: two decide together, or one reports to the other (G2, C5)."""


class Ask(NamedTuple):
    """One step's question: who is told? `receivers` is the step's receiver and, should nobody be left, those of the steps above it."""

    receivers: tuple[str, ...]
    owner_id: int | None
    department_id: int | None
    root_id: int


@dataclass(frozen=True)
class Answer:
    """People to tell; `nobody_left`: V3 left nobody for the step itself, the administrators are told too."""

    user_ids: tuple[int, ...] = ()
    nobody_left: bool = False


@dataclass
class Staff:
    """Everybody at one instant."""

    people: dict[int, User]
    roles: dict[int, set[str]]
    members: Sequence[tuple[int, str, int | None]]
    heads: Mapping[int, int | None]
    absent: set[int]
    concerned: dict[int, set[int]] = field(default_factory=dict)

    @classmethod
    def at(cls, at: datetime, roots: Iterable[int] = ()) -> "Staff":
        seen = User.objects.only("pk", "name", "username", "backup", "superior", "department", "on_duty", "language", "is_active").annotate(
            role=F("memberships__role"), role_in=F("memberships__department_id"), away=Exists(Absence.objects.covering(at).filter(user=OuterRef("pk")))
        )  # fmt: skip
        rows = list(seen.order_by("pk"))
        members = [(row.pk, row.role, row.role_in) for row in rows if row.role]
        roles: dict[int, set[str]] = {}
        for user_id, role, _department in members:
            roles.setdefault(user_id, set()).add(role)
        heads = dict(Department.objects.values_list("pk", "head_id"))
        concerned: dict[int, set[int]] = {}
        for root_id, user_id in Concern.objects.filter(item_id__in=set(roots)).values_list("item_id", "user_id"):
            concerned.setdefault(root_id, set()).add(user_id)
        return cls({row.pk: row for row in rows}, roles, members, heads, {row.pk for row in rows if row.away}, concerned)

    def rank(self, user_id: int | None) -> int:
        return max((RANK.get(role, 0) for role in self.roles.get(user_id or 0, ())), default=0)

    def can(self, user_id: int | None, root_id: int | None = None) -> bool:
        """Works here, is not away, is not named in the matter."""
        return self.works_here(user_id) and user_id not in self.absent and user_id not in self.concerned.get(root_id or 0, ())

    def works_here(self, user_id: int | None) -> bool:
        user = self.people.get(user_id or 0)
        return user is not None and user.is_active

    def acting(self, user_id: int | None, root_id: int | None = None) -> int | None:
        """The person, or the first along the chain of backups who can; None at its end or in a circle."""
        seen: set[int] = set()
        while user_id is not None and user_id not in seen:
            if self.can(user_id, root_id):
                return user_id
            seen.add(user_id)
            user_id = self._next(user_id, "backup_id")
        return None

    def above(self, user_id: int | None, root_id: int | None = None) -> int | None:
        """The next superior of higher rank who can act, or whoever acts for them."""
        seen, floor = {user_id}, self.rank(user_id)
        boss = self._superior(user_id)
        while boss is not None and boss not in seen:
            acting = self.acting(boss, root_id) if self.rank(boss) > floor else None
            if acting is not None and acting != user_id:
                return acting
            seen.add(boss)
            boss = self._superior(boss)
        return None

    def _next(self, user_id: int | None, attribute: str) -> int | None:
        user = self.people.get(user_id or 0)
        found: int | None = getattr(user, attribute) if user else None
        return found

    def _superior(self, user_id: int | None) -> int | None:
        """The recorded superior, else the head of the person's department."""
        head = self.heads.get(self._next(user_id, "department_id") or 0)
        return self._next(user_id, "superior_id") or (head if head != user_id else None)

    def holders(self, role: str, department_id: int | None = None) -> list[int]:
        """Active people with the role; those of the department if it has any, on duty first."""
        everybody = [(user_id, where) for user_id, held, where in self.members if held == role and self.works_here(user_id)]
        here = [user_id for user_id, where in everybody if where == department_id] if department_id else []
        found = list(dict.fromkeys(here or [user_id for user_id, _where in everybody]))
        return sorted(found, key=lambda user_id: (not self.people[user_id].on_duty, user_id in self.absent, user_id))

    def pick(self, role: str, department_id: int | None = None, root_id: int | None = None) -> int | None:
        """One person for a role: a holder who can, on duty first; else who acts for a holder, else a superior, else the office (V2, V3)."""
        holders = self.holders(role, department_id)
        ready = (user_id for user_id in holders if self.can(user_id, root_id))
        acting = (self.acting(user_id, root_id) for user_id in holders)
        above = (self.above(user_id, root_id) for user_id in holders)
        return first(ready) or first(acting) or first(above) or self.office(root_id)

    def head_of(self, department_id: int | None, root_id: int | None = None) -> int | None:
        """The head of a department, or their backup, next superior, the office (V3)."""
        head = self.heads.get(department_id or 0)
        if head is None:
            there = (user_id for user_id, role, where in self.members if role == Role.DEPARTMENT_HEAD and where == department_id)
            return first(self.acting(user_id, root_id) for user_id in there) or self.office(root_id)
        return self.acting(head, root_id) or self.above(head, root_id) or self.office(root_id)

    def heir(self, user_id: int, root_id: int | None) -> int | None:
        """Who takes over from somebody who may not go on: backup, next superior, office."""
        return self.acting(self._next(user_id, "backup_id"), root_id) or self.above(user_id, root_id) or self.office(root_id)

    def office(self, root_id: int | None) -> int | None:
        return first(self.acting(user_id, root_id) for user_id in self.holders(Role.OFFICE))

    def answer(self, ask: Ask) -> Answer:
        """Who is told of a step (E1). Receivers at or below the owner's rank are passed over, with no word to anybody."""
        for position, receiver in enumerate(ask.receivers):
            if receiver != OWNER and self._not_above_owner(receiver, ask):
                if position == 0:
                    return Answer()
                continue
            if found := self._people_for(receiver, ask):
                return Answer(found, nobody_left=position > 0)
        return Answer(nobody_left=True)

    def _people_for(self, receiver: str, ask: Ask) -> tuple[int, ...]:
        receiver = receiver.removeprefix(BESIDE)
        if receiver == OWNER:
            return self._owner_and_backup(ask)
        if receiver == SUPERIOR and ask.owner_id is None:
            found = self.head_of(ask.department_id, ask.root_id)
        elif receiver == SUPERIOR:
            found = self.above(ask.owner_id, ask.root_id) or self.pick(Role.SUPERVISOR, None, ask.root_id)
        elif receiver == DEPARTMENT_HEAD:
            found = self.head_of(self._department(ask), ask.root_id)
        else:
            found = self.pick(receiver, self._department(ask), ask.root_id)
        return (found,) if found and found != ask.owner_id else ()

    def _owner_and_backup(self, ask: Ask) -> tuple[int, ...]:
        """The owner and their backup; without an owner whoever could give the work to somebody."""
        if ask.owner_id is None:
            found = self.pick(Role.SUPERVISOR, ask.department_id, ask.root_id) or self.head_of(ask.department_id, ask.root_id)
            return (found,) if found else ()
        if not self.can(ask.owner_id, ask.root_id):
            found = self.acting(ask.owner_id, ask.root_id) or self.heir(ask.owner_id, ask.root_id)
            return (found,) if found else ()
        backup = self._next(ask.owner_id, "backup_id")
        return (ask.owner_id, backup) if backup and self.can(backup, ask.root_id) else (ask.owner_id,)

    def _not_above_owner(self, receiver: str, ask: Ask) -> bool:
        """E1 by the rank of the place, not of whoever stands in for it. Without an owner nobody is passed over."""
        if ask.owner_id is None:
            return False
        if receiver.startswith(BESIDE):
            return not self._people_for(receiver, ask)
        rank = self.rank(ask.owner_id)
        if receiver == SUPERIOR:
            return rank >= RANK[Role.SUPERVISOR] and not self._has_superior(ask.owner_id)
        if receiver in BESIDE_THE_LINE:
            return False
        named = self.heads.get(self._department(ask) or 0) if receiver == DEPARTMENT_HEAD else None
        return named == ask.owner_id or RANK.get(receiver, 0) <= rank

    def _has_superior(self, user_id: int | None) -> bool:
        """Somebody of higher rank up the line, here or not."""
        seen, floor, boss = {user_id}, self.rank(user_id), self._superior(user_id)
        while boss is not None and boss not in seen:
            if self.rank(boss) > floor:
                return True
            seen.add(boss)
            boss = self._superior(boss)
        return False

    def _department(self, ask: Ask) -> int | None:
        return ask.department_id or self._next(ask.owner_id, "department_id")

    def administrators(self, root_id: int) -> list[int]:
        """Without those named in the matter (V3)."""
        return [user_id for user_id in self.holders(Role.ADMINISTRATOR) if user_id not in self.concerned.get(root_id, ())]


def first(found: Iterable[int | None]) -> int | None:
    return next((user_id for user_id in found if user_id is not None), None)


def for_steps(asks: Mapping[K, Ask], at: datetime) -> tuple[dict[K, Answer], Staff]:
    """Who is told of each of many steps, in three statements; with the picture they were found in. Those that ask alike are answered once."""
    staff = Staff.at(at, {ask.root_id for ask in asks.values()})
    known: dict[Ask, Answer] = {}
    answers: dict[K, Answer] = {}
    for key, ask in asks.items():
        alike = ask if ask.root_id in staff.concerned else ask._replace(root_id=0)
        answers[key] = known.get(alike) or known.setdefault(alike, staff.answer(alike))
    return answers, staff


def standing_in(user_ids: Collection[int], at: datetime) -> dict[int, User | None]:
    """Who acts for each: themselves, or along the chain of backups the first who is not away; None when nobody is left (V2)."""
    staff = Staff.at(at)
    return {user_id: staff.people.get(staff.acting(user_id) or 0) for user_id in user_ids}


def pick(role: str, *, department: Department | None = None, root: Item | None = None, at: datetime) -> User | None:
    """One person for a role in a matter: on duty, here and not concerned; else backup, next superior, the office, None."""
    staff = _staff(root, at)
    return staff.people.get(staff.pick(role, department.pk if department else None, _root_id(root)) or 0)


def heads_of(department: Department, root: Item | None, at: datetime) -> list[User]:
    """Who reviews for a department in a matter (C4): the head and, here as well, their backup; if the head is concerned, whoever stands in (V3)."""
    staff, root_id = _staff(root, at), _root_id(root)
    head = staff.heads.get(department.pk)
    found = [staff.head_of(department.pk, root_id)]
    if head is not None and found[0] == head:
        found.append(staff.acting(staff.people[head].backup_id, root_id))
    return [staff.people[user_id] for user_id in dict.fromkeys(found) if user_id is not None]


def heir(user: User, *, root: Item | None, at: datetime) -> User | None:
    """Who takes a person's work in a matter when that person may not go on (V3)."""
    staff, root_id = _staff(root, at), _root_id(root)
    return staff.people.get(staff.heir(user.pk, root_id) or 0)


def holders(role: str, department: Department | None = None) -> list[User]:
    """Active people with a role, in a department or everywhere; on duty first."""
    rows = User.objects.filter(is_active=True, memberships__role=role)
    if department is not None:
        rows = rows.filter(memberships__role=role, memberships__department=department)
    return list(rows.distinct().order_by("-on_duty", "pk"))


def _root_id(root: Item | None) -> int | None:
    return (root.root_id or root.pk) if root else None


def _staff(root: Item | None, at: datetime) -> Staff:
    root_id = _root_id(root)
    return remembered_of_people(("staff", root_id, at), lambda: Staff.at(at, [root_id] if root_id else []))
