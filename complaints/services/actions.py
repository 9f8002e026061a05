"""Root cause, corrective and preventive action (C14). Locks: ticket, form, then the action. An action is done, checked and called off whatever state
its complaint is in; D41 and D42 hang on its own item and outlive the complaint's closing (decision 44)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from complaints import acts, guards
from complaints.lifecycle import ENDED_ACTIONS, ActionState, State
from complaints.models import ActionKind, CauseCategory, ComplaintForm, CorrectiveAction, Recurrence, RootCause
from complaints.models.actions import WHYS
from complaints.services.common import facts, head_of, locked
from feedback_desk import ahead, clock
from feedback_desk.deadlines import extensions
from feedback_desk.deadlines import services as deadlines
from feedback_desk.deadlines.models import Deadline, Extension
from feedback_desk.people import access, receivers, standing
from feedback_desk.people.access import concerned
from feedback_desk.people.actors import SYSTEM, Actor
from feedback_desk.people.models import Department, Role, User
from feedback_desk.records import history
from feedback_desk.records.items import give_number, open_item
from feedback_desk.records.models import Entry, Item, Kind
from feedback_desk.records.moves import make, may_perform
from tickets.services.common import need, tell

ALSO_AFTERWARDS = (*acts.OPEN, State.CLOSED, State.CLOSED_ABNORMALLY)
"""C14: closing does not wait for it, so the cause may be found afterwards."""
WHO_DRAFTS = ("head_concerned", "analysing_head", "quality", "supervisor", "cs_manager")
WRITE_ROOT_CAUSE = acts.declare("write_root_cause", label=gettext_lazy("Root cause"), who=WHO_DRAFTS, states=ALSO_AFTERWARDS)
DRAFT_ACTION = acts.declare("draft_action", label=gettext_lazy("Draft an action"), who=WHO_DRAFTS, states=ALSO_AFTERWARDS)

CARRY_OUT_BY, CHECK_BY = "D41", "D42"


@transaction.atomic
def write_root_cause(*, form_id: int, by: User, category_id: int, whys: Sequence[str], conclusion: str) -> RootCause:
    """C14: one to five answers to "why", and what follows from them. Drafts without a cause take this one."""
    at = clock.now()
    given = [text.strip() for text in whys if text and text.strip()][:WHYS]
    need(conclusion=conclusion, why_1=given[0] if given else "")
    form = locked(form_id)
    acts.demand(form, WRITE_ROOT_CAUSE, by=by)
    category = CauseCategory.objects.filter(pk=category_id, active=True).first()
    if category is None:
        raise ValidationError({"category": _("Choose one of the categories.")})
    row = RootCause.objects.create(form=form, round=form.round, by=by, at=at, category=category, whys=given, conclusion=conclusion.strip())
    form.actions.filter(cause=None).update(cause=row)
    history.record(form.item, "write_root_cause", by=by, at=at, reason=conclusion, data={"category": category.slug})
    return row


# ---- drafting and approval ----


@transaction.atomic
def draft_action(
    *, form_id: int, by: User, kind: str, what: str, owner_id: int, department_id: int, due_on: date, effect_on: date, cause_id: int | None = None,
) -> CorrectiveAction:  # fmt: skip
    """C14: an item of its own with the complaint's matter as its root, so that V3 is asked of the matter."""
    at = clock.now()
    form = locked(form_id)
    acts.demand(form, DRAFT_ACTION, by=by)
    text = _text(form.item, at, kind=kind, what=what, owner_id=owner_id, department_id=department_id, due_on=due_on, effect_on=effect_on)
    cause = form.rootcause_rows.filter(pk=cause_id).first() if cause_id else form.rootcause_rows.last()
    item = open_item(Kind.ACTION, title=_title(what), at=at, root=form.item.root, holder=by)
    action = CorrectiveAction.objects.create(item=item, form=form, cause=cause, round=1, state_since=at, drafted_at=at, drafted_by=by, hands=[by.pk], **text)
    give_number(item, at=at)
    history.record(item, "draft_action", by=by, at=at, reason=what, target=action.state, data=_about(action))
    entry = history.record(form.item, "action_drafted", by=by, at=at, data={"number": item.number})
    tell(_compiler(action, at), "approval_wanted", entry=entry, item=item, what=gettext_noop("Action drafted: to be compiled and submitted"))
    return action


def _title(what: str) -> str:
    return next((line.strip() for line in what.splitlines() if line.strip()), "")[:200]


def _text(
    item: Item, at: datetime, *, kind: str, what: str, owner_id: int, department_id: int, due_on: date, effect_on: date,
) -> dict[str, Any]:  # fmt: skip
    """What is decided on, checked. The owner is nobody named in the matter (V3)."""
    need(what=what)
    wrong: dict[str, str] = {}
    owner = User.objects.filter(pk=owner_id, is_active=True).first()
    department = Department.objects.filter(pk=department_id, active=True).first()
    if kind not in ActionKind.values:
        wrong["kind"] = _("Choose corrective or preventive.")
    if owner is None or concerned(owner, item):
        wrong["owner"] = _("Choose a colleague who is not named in this matter.")
    if department is None:
        wrong["department"] = _("Choose one of the departments.")
    if due_on < timezone.localdate(at):
        wrong["due_on"] = _("This date has passed.")
    if effect_on < due_on:
        wrong["effect_on"] = _("The effect is checked after it was carried out.")
    wrong |= ahead.too_far(due_on=due_on, effect_on=effect_on)
    if wrong:
        raise ValidationError(wrong)
    return {"kind": kind, "what": what.strip(), "owner": owner, "department": department, "due_on": due_on, "effect_on": effect_on}


def locked_action(action_id: int) -> CorrectiveAction:
    form = locked(CorrectiveAction.objects.values_list("form_id", flat=True).get(pk=action_id))
    locked_rows = CorrectiveAction.objects.select_for_update(of=("self",), no_key=True)
    rows = locked_rows.select_related("item__root", "owner", "department__head", "drafted_by", "cause")
    action: CorrectiveAction = rows.get(pk=action_id)
    action.form = form
    return action


def _move(
    action: CorrectiveAction, name: str, *, by: Actor, at: datetime, reason: str = "", seen_version: int | None = None,
    save: Sequence[str] = (), **data: Any,
) -> Entry:  # fmt: skip
    entry = make(action, name, by=by, at=at, reason=reason, seen_version=seen_version, save=save, data={**_about(action), **data})
    hold(action, at)
    return entry


def _about(action: CorrectiveAction) -> dict[str, Any]:
    return {"number": action.item.number, "due_on": action.due_on, "effect_on": action.effect_on, "try": action.round}


def hold(action: CorrectiveAction, at: datetime) -> None:
    """The action's item is held by whoever acts next."""
    action.item.holder = _next(action, at)
    action.item.open, action.item.title = action.state not in ENDED_ACTIONS, _title(action.what)
    action.item.save(update_fields=["holder", "open", "title"])


def _next(action: CorrectiveAction, at: datetime) -> User | None:
    match action.state:
        case ActionState.EFFECTIVE | ActionState.CANCELLED:
            return None
        case ActionState.AWAITING_APPROVAL:
            return _approver(action, at)
        case ActionState.IN_PROGRESS:
            return action.owner
        case ActionState.CARRIED_OUT:
            return _checker(action, at)
    return _compiler(action, at) if concerned(action.drafted_by, action.item) else action.drafted_by


def _approver(action: CorrectiveAction, at: datetime) -> User | None:
    """The management representative, else the general manager, else whoever stands in; nobody with a hand in the text (V8)."""
    barred = standing.out_of_play(action.item, at) | set(action.hands)
    at_hand = [u for role in (Role.REPRESENTATIVE, Role.GENERAL_MANAGER) for u in receivers.holders(role) if u.pk not in barred]
    return at_hand[0] if at_hand else receivers.pick(Role.GENERAL_MANAGER, root=action.item.root, at=at)


def _compiler(action: CorrectiveAction, at: datetime) -> User | None:
    """Quality for product quality, else customer service."""
    return receivers.pick(Role.QUALITY if action.form.quality_class else Role.CS_MANAGER, root=action.item.root, at=at)


def _checker(action: CorrectiveAction, at: datetime) -> User | None:
    """As the compiler, but never the owner."""
    roles = (Role.QUALITY, Role.CS_MANAGER) if action.form.quality_class else (Role.CS_MANAGER, Role.QUALITY)
    picked = (receivers.pick(role, root=action.item.root, at=at) for role in roles)
    return next((user for user in picked if user is not None and user.pk != action.owner_id), None)


@transaction.atomic
def revise_action(*, action_id: int, by: User, seen_version: int | None = None, **text: Any) -> CorrectiveAction:
    """C14: another text of the draft."""
    at = clock.now()
    action = locked_action(action_id)
    _write(action, "revise", by=by, at=at, seen_version=seen_version, text=text)
    return action


@transaction.atomic
def try_again(*, action_id: int, by: User, seen_version: int | None = None, **text: Any) -> CorrectiveAction:
    """C14: not effective, so another try is drafted; what was done and found before stays in the history."""
    at = clock.now()
    action = locked_action(action_id)
    action.round, action.hands = action.round + 1, []
    _write(action, "try_again", by=by, at=at, seen_version=seen_version, text=text, save=_emptied(action))
    tell(_compiler(action, at), "approval_wanted", entry=_last(action), item=action.item, what=gettext_noop("Action drafted: to be compiled and submitted"))
    return action


def _emptied(action: CorrectiveAction) -> tuple[str, ...]:
    """What an earlier try was approved, done and checked with."""
    action.compiled_at = action.approved_at = action.done_at = action.checked_at = None
    action.compiled_by = action.approved_by = action.checked_by = None
    action.done = action.evidence = ""
    return ("round", "compiled_at", "compiled_by", "approved_at", "approved_by", "done_at", "done", "checked_at", "checked_by", "evidence")


def _write(
    action: CorrectiveAction, name: str, *, by: User, at: datetime, seen_version: int | None, text: dict[str, Any], save: tuple[str, ...] = (),
) -> None:  # fmt: skip
    access.refuse_if_concerned(by, name, action.item)
    checked = _text(action.item, at, **text)
    for field, value in checked.items():
        setattr(action, field, value)
    action.hands = sorted({*action.hands, by.pk})
    if action.cause_id is None:
        action.cause = action.form.rootcause_rows.last()
    _move(action, name, by=by, at=at, reason=action.what, seen_version=seen_version, save=(*save, *checked, "hands", "cause"))


def _last(action: CorrectiveAction) -> Entry:
    found: Entry = Entry.objects.filter(item=action.item).latest("pk")
    return found


@transaction.atomic
def submit_action(*, action_id: int, by: User, seen_version: int | None = None) -> CorrectiveAction:
    """C14: compiled by quality, customer service or the head of the department; the approver is told."""
    at = clock.now()
    action = locked_action(action_id)
    action.compiled_at, action.compiled_by = at, by
    if action.cause_id is None:
        action.cause = action.form.rootcause_rows.last()
    action.hands = sorted({*action.hands, by.pk})
    entry = _move(action, "submit", by=by, at=at, seen_version=seen_version, save=("compiled_at", "compiled_by", "cause", "hands"))
    tell(action.item.holder, "approval_wanted", entry=entry, item=action.item, what=gettext_noop("Corrective or preventive action to be approved"))
    return action


@transaction.atomic
def approve_action(*, action_id: int, by: User, words: str = "", seen_version: int | None = None) -> CorrectiveAction:
    """C14, V8: on the version seen, never by who had a hand in it. Starts D41."""
    at = clock.now()
    action = locked_action(action_id)
    action.approved_at, action.approved_by = at, by
    entry = _move(action, "approve", by=by, at=at, reason=words, seen_version=seen_version, save=("approved_at", "approved_by"))
    history.record(action.form.item, "action_approved", by=by, at=at, data={"number": action.item.number})
    _start(action, CARRY_OUT_BY, at=at)
    _ask_owner(action, entry)
    return action


def _ask_owner(action: CorrectiveAction, entry: Entry) -> None:
    said = {"until": f"{action.due_on:%Y-%m-%d}"}
    tell(action.owner, "generic", entry=entry, item=action.item, message=gettext_noop("You carry out this action, by %(until)s."), said=said)


def _start(action: CorrectiveAction, code: str, *, at: datetime) -> None:
    """D41 belongs to the owner, D42 to who checks; both end with their day."""
    day, owner = (action.due_on, action.owner) if code == CARRY_OUT_BY else (action.effect_on, _checker(action, at))
    deadlines.start(action.item, code, at=at, facts=facts(action.form), owner=owner, department=action.department, round=action.round, due_at=end_of(day))


def end_of(day: date) -> datetime:
    """24:00 of the day in the desk's zone."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


@transaction.atomic
def send_back_action(*, action_id: int, by: User, reason: str, seen_version: int | None = None) -> CorrectiveAction:
    """To draft, with what is to be changed."""
    at = clock.now()
    action = locked_action(action_id)
    asked = {action.drafted_by, action.compiled_by} - {None}
    action.compiled_at = action.compiled_by = None
    entry = _move(action, "send_back", by=by, at=at, reason=reason, seen_version=seen_version, save=("compiled_at", "compiled_by"))
    for person in asked:
        tell(person, "generic", entry=entry, item=action.item, message=gettext_noop("The action was sent back: %(reason)s"), said={"reason": reason.strip()})
    return action


# ---- carried out, checked, recurred ----


@transaction.atomic
def report_done(*, action_id: int, by: User, done: str, effect_on: date | None = None) -> CorrectiveAction:
    """C14: what was done. Settles D41, starts D42. `effect_on`: another date, only where the planned one is over."""
    at = clock.now()
    need(done=done)
    ahead.check(effect_on=effect_on)
    action = locked_action(action_id)
    today = timezone.localdate(at)
    if action.effect_on < today:
        if effect_on is None or effect_on < today:
            raise ValidationError({"effect_on": _("The date on which the effect was to be checked is over: name another one.")})
        action.effect_on = effect_on
    action.done_at, action.done = at, done.strip()
    entry = _move(action, "report_done", by=by, at=at, reason=done, save=("done_at", "done", "effect_on"))
    deadlines.settle(action.item, CARRY_OUT_BY, at=at, by=by)
    _start(action, CHECK_BY, at=at)
    said = {"day": f"{action.effect_on:%Y-%m-%d}"}
    tell(action.item.holder, "generic", entry=entry, item=action.item, message=gettext_noop("Carried out; its effect is to be checked on %(day)s."), said=said)
    return action


@transaction.atomic
def confirm_effective(*, action_id: int, by: User, evidence: str) -> CorrectiveAction:
    """C14: with the evidence, not by the owner, not before the date. Settles D42."""
    action, entry = _check(action_id, "confirm_effective", by=by, evidence=evidence)
    tell(action.owner, "generic", entry=entry, item=action.item, message=gettext_noop("The action was found effective."))
    return action


@transaction.atomic
def find_ineffective(*, action_id: int, by: User, evidence: str) -> CorrectiveAction:
    """C14: with the evidence; another try is to be drafted. Settles D42."""
    action, entry = _check(action_id, "find_ineffective", by=by, evidence=evidence)
    people = {action.owner, action.drafted_by, head_of(action.department, action.form, entry.at)}
    for person in people:
        tell(person, "generic", entry=entry, item=action.item, message=gettext_noop("The action was found not effective: another try is to be drafted."))
    return action


def _check(action_id: int, name: str, *, by: User, evidence: str) -> tuple[CorrectiveAction, Entry]:
    at = clock.now()
    need(evidence=evidence)
    action = locked_action(action_id)
    action.checked_at, action.checked_by, action.evidence = at, by, evidence.strip()
    entry = _move(action, name, by=by, at=at, reason=evidence, save=("checked_at", "checked_by", "evidence"))
    deadlines.settle(action.item, CHECK_BY, at=at, by=by)
    return action, entry


@transaction.atomic
def recur(*, action_id: int, by: User, complaint: str, reason: str, due_on: date, effect_on: date) -> CorrectiveAction:
    """C14: in another complaint that this person sees and is not named in (V3); it is to be carried out anew, with dates of its own.

    An owner who is named in that other complaint is stood in for.
    """
    at = clock.now()
    need(complaint=complaint, reason=reason)
    ahead.check(due_on=due_on, effect_on=effect_on)
    action = locked_action(action_id)
    access.refuse_if_concerned(by, "recur", action.item)
    form = _complaint(action, complaint, by)
    if due_on < timezone.localdate(at):
        raise ValidationError({"due_on": _("This date has passed.")})
    if effect_on < due_on:
        raise ValidationError({"effect_on": _("The effect is checked after it was carried out.")})
    emptied = _emptied_by_recurrence(action)
    action.due_on, action.effect_on = due_on, effect_on
    if action.owner and concerned(action.owner, form.item):
        action.owner = receivers.heir(action.owner, root=form.item.root, at=at)
    entry = _move(action, "recur", by=by, at=at, reason=reason, save=(*emptied, "due_on", "effect_on", "owner"), complaint=form.item.number)
    Recurrence.objects.create(action=action, form=form, reason=reason.strip(), by=by, at=at)
    history.record(form.item, "action_recurred", by=by, at=at, reason=reason, data={"number": action.item.number})
    _start(action, CARRY_OUT_BY, at=at)
    _ask_owner(action, entry)
    return action


def _emptied_by_recurrence(action: CorrectiveAction) -> tuple[str, ...]:
    action.round += 1
    action.done_at = action.checked_at = action.checked_by = None
    action.done = action.evidence = ""
    return ("round", "done_at", "done", "checked_at", "checked_by", "evidence")


def _complaint(action: CorrectiveAction, number: str, by: User) -> ComplaintForm:
    """The form of another complaint, by its number or its ticket's, opened after the action was carried out."""
    number = number.strip().upper()
    forms = ComplaintForm.objects.untouched_by(by).select_related("item__root", "ticket__item")
    form: ComplaintForm | None = forms.filter(item__number=number).first() or forms.filter(ticket__item__number=number).first()
    if form is None or not access.may(by, "see", form.item):
        raise ValidationError({"complaint": _("There is no complaint with this number.")})
    if form.pk == action.form_id or (action.done_at and form.opened_at <= action.done_at):
        raise ValidationError({"complaint": _("A recurrence is another complaint, opened after the action was carried out.")})
    return form


@transaction.atomic
def ask_action_time(*, action_id: int, by: User, until: date, reason: str) -> Extension:
    """T9, E3: a later day for the date that runs, with a reason; the approver answers, and until then it runs on."""
    at = clock.now()
    need(reason=reason)
    ahead.check(until=until)
    action = locked_action(action_id)
    _unanswered(action, "ask_extension", by)
    row = guards.extendable_of(action)
    entry = _move(action, "ask_extension", by=by, at=at, reason=reason, until=end_of(until), code=row.code if row else "")
    assert row is not None  # guarded: may_be_put_off
    extension = extensions.ask(row.pk, until=end_of(until), at=at, by=by, why=reason)
    said = {"name": row.rule.name, "name_en": row.rule.name_en, "said": {"until": f"{until:%Y-%m-%d}"}, "due_at": row.due_at}
    tell(_approver(action, at), "approval_wanted", entry=entry, item=action.item, what=gettext_noop("More time: %(rule)s, until %(until)s"), **said)
    return extension


@transaction.atomic
def grant_action_time(*, action_id: int, by: User, words: str = "") -> CorrectiveAction:
    """T9, V8: the day asked for; the check comes no earlier than what it checks."""
    at = clock.now()
    action = locked_action(action_id)
    _unanswered(action, "grant_extension", by)
    extension = guards.time_asked_for(action)
    if extension is not None:
        day = timezone.localdate(extension.wanted - timedelta(seconds=1))
        action.due_on = day if extension.deadline.code == CARRY_OUT_BY else action.due_on
        action.effect_on = max(action.effect_on, day)
    entry = _move(action, "grant_extension", by=by, at=at, reason=words, save=("due_on", "effect_on"), **_of_request(extension))
    assert extension is not None  # guarded: more_time_asked
    deadline = extensions.grant(extension, until=extension.wanted, at=at, by=by, words=words)
    _answer(action, extension, entry, gettext_noop("More time was granted: %(rule)s, until %(until)s. %(words)s"), deadline, words=words.strip())
    return action


@transaction.atomic
def refuse_action_time(*, action_id: int, by: User, reason: str) -> CorrectiveAction:
    """T9, V8: with words; the date stands."""
    at = clock.now()
    action = locked_action(action_id)
    _unanswered(action, "refuse_extension", by)
    extension = guards.time_asked_for(action)
    entry = _move(action, "refuse_extension", by=by, at=at, reason=reason, **_of_request(extension))
    assert extension is not None  # guarded: more_time_asked
    deadline = extensions.refuse(extension, at=at, by=by, words=reason)
    _answer(action, extension, entry, gettext_noop("More time was refused: %(rule)s. %(reason)s"), deadline, reason=reason.strip())
    return action


def _unanswered(action: CorrectiveAction, name: str, by: User) -> None:
    """NotNow, with who and when, for who could ask or answer and was too late."""
    last = extensions.of(action.item).select_related("deadline__asking__asked_by").first()
    if last is None or not may_perform(action, name, by):
        return
    if name == "ask_extension":
        extensions.check_unasked(last.deadline)
    elif action.state in getattr(type(action), name).move.sources:
        extensions.check_waiting(last)


def _of_request(extension: Extension | None) -> dict[str, Any]:
    return {"until": extension.wanted, "code": extension.deadline.code} if extension else {}


def _answer(action: CorrectiveAction, extension: Extension, entry: Entry, message: str, deadline: Deadline, **words: str) -> None:
    said = {"until": f"{timezone.localdate(deadline.due_at - timedelta(seconds=1)):%Y-%m-%d}", **words}
    about = {"name": deadline.rule.name, "name_en": deadline.rule.name_en, "said": said}
    for receiver in {extension.asked_by, deadline.owner} - {None}:
        tell(receiver, "generic", entry=entry, item=action.item, message=message, **about)


@transaction.atomic
def cancel_action(*, action_id: int, by: User, reason: str) -> CorrectiveAction:
    """Called off, with a reason; voids what still runs."""
    at = clock.now()
    action = locked_action(action_id)
    entry = _move(action, "cancel", by=by, at=at, reason=reason)
    deadlines.void(action.item, CARRY_OUT_BY, CHECK_BY, at=at, why=gettext_noop("the action was called off"), by=by)
    for person in {action.owner, action.drafted_by}:
        tell(person, "generic", entry=entry, item=action.item, message=gettext_noop("The action was called off: %(reason)s"), said={"reason": reason.strip()})
    return action


def take_actions_away(root: Item, user: User, by: Actor, at: datetime) -> None:
    """V3: what somebody who became concerned owned or held in the matter goes to their stand-in at once; D41, D42 follow by deadlines.owner_gone."""
    rows = CorrectiveAction.objects.filter(item__root=root).exclude(state__in=ENDED_ACTIONS).order_by("pk").values_list("pk", flat=True)
    for pk in rows:
        action = locked_action(pk)
        if action.owner_id == user.pk:
            action.owner = receivers.heir(user, root=root, at=at)
            action.save(update_fields=["owner"])
            history.record(action.item, "taken_away", by=SYSTEM, at=at, data={"from": user.name, "name": action.owner.name if action.owner else ""})
        if action.item.holder_id == user.pk:
            hold(action, at)
