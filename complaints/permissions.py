"""What a person is to a form, a disposition or an action; who may see what of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from complaints import guards
from complaints.lifecycle import RUNNING_ACTIONS
from feedback_desk import clock
from feedback_desk.people import access, standing
from feedback_desk.people.actors import Actor, Bystander
from feedback_desk.people.models import Department, Role, User
from feedback_desk.records.models import Item, Kind
from feedback_desk.records.moves import Move
from tickets import permissions as ticket_permissions

if TYPE_CHECKING:
    from complaints.models import ComplaintForm, CorrectiveAction, Disposition, Remedy

BY_ROLE = (Role.SUPERVISOR, Role.CS_MANAGER, Role.OFFICE, Role.GENERAL_MANAGER, Role.INSPECTOR, Role.RETURN_VISIT)


def capacities_on_form(form: ComplaintForm, actor: Actor) -> frozenset[str]:
    """Names used in `who` of the form's moves. Empty for a concerned person (V3)."""
    if isinstance(actor, Bystander):
        return frozenset({actor.value})
    at = clock.now()
    if access.concerned(actor, form.item):
        return frozenset()
    roles = standing.roles_held(actor, form.item, at, barred_by_eyes(form))
    found = {str(role) for role in BY_ROLE if role in roles}
    if "handler" in ticket_permissions.capacities(form.ticket, actor):
        found.add("handler")
    if standing.heads(actor, departments_of(form), form.item, at):
        found.add("head_concerned")
    found |= _in_the_first_hours(form, actor, roles, at)
    if form.abnormal_asked_by_id == actor.pk:
        found.discard("cs_manager")  # V8: nobody rules on what they asked for themselves.
    return frozenset(found)


def _in_the_first_hours(form: ComplaintForm, actor: User, roles: standing.Standing, at: datetime) -> set[str]:
    """C1, G2, G5, G7: the business colleague and the head of the department that has it, the quality department, whoever analyses."""
    found: set[str] = set()
    line, analysing = form.ticket.item.department_id, guards.analysing(form)
    led = standing.heads(actor, analysing | ({line} if line else set()), form.item, at)
    if line in led:
        found.add("line_head")
    if Role.BUSINESS in roles and line and actor.department_id == line:
        found.add("business")
    if Role.QUALITY in roles and form.quality_class is not None:
        found.add("quality")
    if analysing & led:
        found.add("analysing_head")
    return found


EYES: dict[str, tuple[str, str]] = {
    "determining": ("propose", Role.CS_MANAGER), "awaiting_ruling": ("rule", Role.GENERAL_MANAGER), "awaiting_check": ("inspect", Role.INSPECTOR),
}  # fmt: skip
"""Per state the part of V8 that is awaited, and whose role it is."""


def barred_by_eyes(form: ComplaintForm) -> dict[str, set[int]]:
    """V8: whoever took another part may not take the awaited one, nor rule on what they asked for: by role, who is stood in for though here."""
    barred: dict[str, set[int]] = {}
    if form.state in EYES:
        kind, role = EYES[form.state]
        barred[role] = {user_id for done, user_id in form.parts_taken() if done != kind}
    if form.abnormal_asked_by_id is not None:
        barred.setdefault(Role.CS_MANAGER, set()).add(form.abnormal_asked_by_id)
    return barred


def capacities_on_disposition(disposition: Disposition, actor: Actor) -> frozenset[str]:
    """As on its form, but the head is the head of this target's department.

    Who proposed cannot also review or sign for the department (V8), so the stand-in does.
    """
    found = capacities_on_form(disposition.form, actor)
    if isinstance(actor, Bystander) or not found:
        return found
    found -= {"head_concerned"}
    barred = {user_id for kind, user_id in disposition.form.parts_taken() if kind != "review"} if disposition.state in ("proposed", "objected") else set()
    if standing.heads(actor, {disposition.department_id}, disposition.form.item, clock.now(), barred=barred):
        found |= {"head_concerned"}
    return found


def capacities_on_remedy(remedy: Remedy, actor: Actor, on_form: frozenset[str] | None = None) -> frozenset[str]:
    """As on its form; and by one's limit (G4): giver or asker of what one would propose, approver of what somebody else did (V8)."""
    from complaints import authority
    from complaints.lifecycle.remedy import CARES

    form = remedy.form
    found = capacities_on_form(form, actor) if on_form is None else on_form
    if isinstance(actor, Bystander) or not found or not form.grade:
        return found
    roles, more = standing.roles_held(actor, form.item, clock.now()), set[str]()
    total = authority.total(form, remedy)
    if found & set(CARES):
        more.add("giver" if not remedy.value or total <= authority.limit_of(form.grade, roles) else "asker")
    if actor.pk != remedy.proposed_by_id and authority.APPROVERS & roles.keys() and total <= authority.limit_of(form.grade, authority.APPROVERS & roles.keys()):
        more.add("approver")
    return found | more


def in_place_on_remedy(remedy: Remedy, user: User, declared: Move) -> User | None:
    """V2: by whose limit the user approves or offers, else whose part they take."""
    from complaints import authority

    if "approver" in declared.who:
        held = standing.roles_held(user, remedy.form.item, clock.now())
        total = authority.total(remedy.form, remedy)
        covering = [primary for role, primary in held.items() if role in authority.APPROVERS and authority.limit_of(remedy.form.grade, {role}) >= total]
        return None if None in covering else next(iter(covering), None)
    if user.roles & {Role.SUPERVISOR, Role.CS_MANAGER}:
        return None
    return standing.replaced(user, [remedy.form.ticket.assignee], {Role.SUPERVISOR, Role.CS_MANAGER}, remedy.form.item, clock.now())


def in_place_of(form: ComplaintForm, *, departments: set[int] | None, user: User, declared: Move) -> User | None:
    """V2: whose part the user takes."""
    if declared.who & user.roles:
        return None
    primaries: list[User | None] = [form.ticket.assignee] if "handler" in declared.who else []
    if "head_concerned" in declared.who:
        primaries += [d.head for d in Department.objects.filter(pk__in=departments or departments_of(form)).select_related("head__backup", "head__superior")]
    return standing.replaced(user, primaries, set(declared.who), form.item, clock.now())


def departments_of(form: ComplaintForm) -> set[int]:
    """The departments the determination names; before there is one, the ticket's department."""
    named = {department_id for department_id, _share in guards.named(form)}
    return named or ({form.ticket.item.department_id} if form.ticket.item.department_id else set())


def may(user: User, verb: str, item: Item) -> bool:
    """As the ticket; and whoever may act on the form: heads of departments named in it, and stand-ins (V2). V3 was asked already."""
    from complaints.models import ComplaintForm

    if ticket_permissions.may(user, verb, item.root or item):
        return True
    if verb != "see":
        return False
    form = ComplaintForm.objects.select_related("item", "ticket__item__department", "ticket__assignee").filter(item=item).first()
    return form is not None and bool(capacities_on_form(form, user))


APPROVES = frozenset({Role.GENERAL_MANAGER, Role.REPRESENTATIVE})
CHECKS = frozenset({Role.QUALITY, Role.CS_MANAGER})
ON_ACTION = APPROVES | CHECKS


def capacities_on_action(action: CorrectiveAction, actor: Actor) -> frozenset[str]:
    """C14, V8: who had a hand in the text does not approve it, who carries it out does not check it. Empty for a concerned person (V3)."""
    if isinstance(actor, Bystander):
        return frozenset({actor.value})
    at, item = clock.now(), action.item
    if access.concerned(actor, item):
        return frozenset()
    roles = standing.roles_held(actor, item, at, {role: set(action.hands) for role in APPROVES})
    found = {str(role) for role in ON_ACTION if role in roles}
    if APPROVES & roles.keys() and not action.handled_by(actor):
        found.add("approver")
    if APPROVES & roles.keys() and (action.state in RUNNING_ACTIONS) and not _asked_for_time(action, actor):
        found.add("extender")
    if _is_owner(action, actor, at):
        found.add("owner")
    elif CHECKS & roles.keys():
        found.add("checker")
    if standing.heads(actor, {action.department_id}, item, at):
        found.add("head_concerned")
    if action.drafted_by_id == actor.pk:
        found.add("drafter")
    return frozenset(found)


def _asked_for_time(action: CorrectiveAction, user: User) -> bool:
    asked = guards.time_asked_for(action)
    return asked is not None and asked.asked_by_id == user.pk


def _is_owner(action: CorrectiveAction, user: User, at: datetime) -> bool:
    """The owner, or who stands in while they are away (V2)."""
    if action.owner_id is None or action.owner_id == user.pk:
        return action.owner_id == user.pk
    acting = standing.stand_in(action.owner, action.item, at)
    return acting is not None and acting.pk == user.pk


IN_WORDS = {"approver": APPROVES, "extender": APPROVES, "checker": CHECKS}


def in_place_of_action(action: CorrectiveAction, *, user: User, declared: Move) -> User | None:
    """V2: whose part the user takes."""
    roles = set(declared.who).union(*(IN_WORDS.get(name, ()) for name in declared.who))
    if roles & user.roles or ("drafter" in declared.who and action.drafted_by_id == user.pk):
        return None
    primaries = [action.owner] if "owner" in declared.who else []
    if "head_concerned" in declared.who:
        primaries.append(action.department.head)
    return standing.replaced(user, primaries, roles, action.item, clock.now())


def may_on_action(user: User, verb: str, item: Item) -> bool:
    """To see it: who is listed it, and who acts on it in somebody's place (V2). V3 was asked already."""
    from complaints.models import CorrectiveAction

    if verb != "see":
        return False
    if CorrectiveAction.objects.visible_to(user).filter(item=item).exists():
        return True
    action = CorrectiveAction.objects.select_related("item", "owner", "department").filter(item=item).first()
    return action is not None and bool(capacities_on_action(action, user))


def install() -> None:
    access.register(Kind.ACTION, may_on_action)
    access.register(Kind.FORM, may)
