"""Remedies for the customer (G4, C19, V3, V8): proposed, approved above one's limit, offered, chosen, fulfilled. Locks: ticket, form, then the remedy."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from complaints import acts, authority, guards
from complaints.lifecycle.remedy import CARES, UNDECIDED, UNHEARD, R
from complaints.models import ComplaintForm, Remedy
from complaints.models.remedies import IN_MONEY, RemedyKind, yuan
from complaints.services.common import about_remedy, locked
from feedback_desk import clock
from feedback_desk.people import receivers
from feedback_desk.people.access import NotNow, NotYou, concerned
from feedback_desk.people.models import Role, User
from feedback_desk.records import history
from feedback_desk.records.models import Entry, relations
from feedback_desk.records.moves import make
from tickets.models import Way
from tickets.services.common import need, tell
from tickets.services.contacts import check_promise, promise
from tickets.services.told import PAYMENT, keep_payment, told

PROPOSE_REMEDY = acts.declare("propose_remedy", label=gettext_lazy("Propose a remedy"), who=CARES, guards=(guards.grade_is_decided,))


@transaction.atomic
def propose_remedy(
    *, form_id: int, by: User, kind: str, words: str, value: Decimal | None = None, option: int | None = None, draft: bool = False,
) -> Remedy:  # fmt: skip
    """G4: offered at once within one's limit, else put to a colleague whose limit covers it. `option`: part of that solution, else one of its own.

    `draft`: only noted down. C19: where nobody was at fault it is goodwill.
    """
    at = clock.now()
    need(words=words)
    form = locked(form_id)
    acts.demand(form, PROPOSE_REMEDY, by=by)
    remedy = Remedy(
        form=form, round=form.round, option=_option(form, option), kind=kind, value=value, words=words.strip(), goodwill=form.no_fault,
        proposed_by=by, proposed_at=at, state_since=at,
    )  # fmt: skip
    _check(remedy)
    remedy.save()
    if draft:
        history.record(form.item, "draft_remedy", by=by, at=at, reason=remedy.words, data=about_remedy(remedy))
    else:
        _put_forward(remedy, "offer" if "giver" in remedy.capacities(by) else "ask_approval", by=by, at=at, reason=remedy.words)
    return remedy


def _option(form: ComplaintForm, option: int | None) -> int:
    rows = guards.remedies(form)
    if option is None:
        return max((r.option for r in rows), default=0) + 1
    if option not in {r.option for r in rows if r.state in UNDECIDED}:
        raise ValidationError({"option": _("Choose one of the solutions that are still open, or a new one.")})
    return option


def _check(remedy: Remedy) -> None:
    """Sentences per field."""
    remedy.clean_fields(exclude={*relations(Remedy), "state"})
    if remedy.value is not None and remedy.value <= 0:
        raise ValidationError({"value": _("The value has to be more than nothing; leave it empty where there is none.")})
    if remedy.value is None and remedy.kind in IN_MONEY:
        raise ValidationError({"value": _("Say what it is worth in yuan.")})
    if remedy.value is not None and remedy.kind == RemedyKind.APOLOGY:
        raise ValidationError({"value": _("An apology has no value in yuan: enter what comes with it as a part of the same solution.")})


@transaction.atomic
def offer_remedy(*, remedy_id: int, by: User) -> Remedy:
    """A draft, within one's own limit."""
    at = clock.now()
    remedy = _locked(remedy_id)
    _put_forward(remedy, "offer", by=by, at=at)
    return remedy


@transaction.atomic
def ask_for_approval(*, remedy_id: int, by: User) -> Remedy:
    """A draft, above one's own limit."""
    at = clock.now()
    remedy = _locked(remedy_id)
    _put_forward(remedy, "ask_approval", by=by, at=at)
    return remedy


def _put_forward(remedy: Remedy, name: str, *, by: User, at: datetime, reason: str = "") -> None:
    """Whoever puts it forward answers for it: they are who proposed it (V8)."""
    proposed_before, remedy.proposed_by, remedy.proposed_at = remedy.proposed_by_id, by, at
    remedy.comes_to = authority.total(remedy.form, remedy)
    fields = ("proposed_by", "proposed_at", "comes_to")
    entry = make(remedy, name, by=by, at=at, reason=reason, save=fields, data=about_remedy(remedy))
    _recount(remedy.form)
    if name == "ask_approval":
        _ask(remedy, entry, {by.pk, proposed_before})
    else:
        told(remedy.form.ticket, by=by, at=at, solution=True)


def _ask(remedy: Remedy, entry: Entry, not_these: set[int]) -> None:
    """One colleague of the lowest role whose limit covers it; no role's does: refused, as it would wait for ever."""
    form, grade = remedy.form, remedy.form.grade
    roles = authority.roles_that_cover(grade, remedy.comes_to)
    if not roles:
        sentence = _("It comes to %(sum)s yuan in all; nobody's limit covers that for this grade. The administrator keeps the limits.")
        raise ValidationError({"value": sentence % {"sum": yuan(remedy.comes_to)}})
    found = (receivers.pick(role, root=form.item.root, at=entry.at) for role in roles)
    approver = next((person for person in found if person is not None and person.pk not in not_these and "approver" in remedy.capacities(person)), None)
    what, said = gettext_noop("Remedy, %(sum)s yuan in all"), {"sum": yuan(remedy.comes_to)}
    tell(approver, "approval_wanted", entry=entry, item=form.item, what=what, said=said, remedy=remedy.pk)
    for administrator in receivers.holders(Role.ADMINISTRATOR) if approver is None else ():
        tell(administrator, "generic", entry=entry, item=form.item, message=gettext_noop("A remedy waits, and nobody who may approve it is left."))


@transaction.atomic
def approve_remedy(*, remedy_id: int, by: User, seen: Decimal | None = None) -> Remedy:
    """G4, V8, V3. From now on the customer may hear of it. `seen`: what the form came to in all when it was read."""
    at = clock.now()
    remedy = _locked(remedy_id)
    _refuse_in_words(remedy, "approve", by)
    if seen is not None and remedy.state == R.AWAITING_APPROVAL and (now := authority.total(remedy.form, remedy)) > seen:
        sentence = _("Meanwhile the form comes to %(sum)s yuan in all, no longer %(seen)s. Look at it and decide again.")
        raise NotNow(sentence % {"sum": yuan(now), "seen": yuan(seen)})
    remedy.approved_by, remedy.approved_at = by, at
    entry = make(remedy, "approve", by=by, at=at, save=("approved_by", "approved_at"), data=about_remedy(remedy))
    _answered(remedy, entry, gettext_noop("A remedy was approved: it can be offered to the customer now."))
    _recount(remedy.form)
    return remedy


@transaction.atomic
def refuse_remedy(*, remedy_id: int, by: User, reason: str) -> Remedy:
    """The customer never hears of it; who proposed it is told why."""
    at = clock.now()
    remedy = _locked(remedy_id)
    _refuse_in_words(remedy, "refuse_approval", by)
    entry = _end(remedy, "refuse_approval", by=by, at=at, reason=reason)
    _answered(remedy, entry, gettext_noop("A remedy was refused: %(reason)s"), reason=reason.strip())
    _recount(remedy.form)
    return remedy


def _refuse_in_words(remedy: Remedy, verb: str, by: User) -> None:
    """V8, G4: says why somebody with the role may not; the machine refuses everybody else."""
    if remedy.state != R.AWAITING_APPROVAL or concerned(by, remedy.item):
        return
    if remedy.proposed_by_id == by.pk:
        raise NotYou(_("You proposed it yourself: somebody else answers."), user=by, item=remedy.item, verb=verb)
    if authority.APPROVERS & by.roles and "approver" not in remedy.capacities(by):
        about = {"sum": yuan(authority.total(remedy.form, remedy)), "grade": remedy.form.grade}
        raise NotYou(_("It comes to %(sum)s yuan in all; your limit for grade %(grade)s does not cover that.") % about, user=by, item=remedy.item, verb=verb)


def _answered(remedy: Remedy, entry: Entry, message: str, **said: str) -> None:
    """Who proposed it, and who has the ticket."""
    for person in {remedy.proposed_by, remedy.form.ticket.assignee} - {None}:
        tell(person, "generic", entry=entry, item=remedy.item, message=message, **({"said": said} if said else {}))


@transaction.atomic
def choose_remedy(*, remedy_id: int, by: User, who: str, way: str, words: str, promised_at: datetime | None = None) -> Remedy:
    """The customer's choice: the whole solution is accepted, the other alternatives end with it.

    `promised_at` (T16): by when the customer was told to have it.
    """
    at = clock.now()
    need(who=who, words=words)
    check_promise(promised_at, at)
    remedy = _locked(remedy_id)
    make(remedy, "accept_offer", by=by, at=at, reason=words, save=_chosen(remedy, who, way, words, at), data=about_remedy(remedy))
    for other in _others(remedy):
        if other.option == remedy.option:
            make(other, "accept_offer", by=by, at=at, save=_chosen(other, who, way, words, at), data=about_remedy(other))
        else:
            name = "withdraw_offer" if other.state in UNHEARD else "decline_offer"
            _end(other, name, by=by, at=at, reason=gettext_noop("The customer chose another solution."))
    told(remedy.form.ticket, by=by, at=at, solution=True)
    _promise(remedy, by=by, at=at, until=promised_at)
    return remedy


def _promise(remedy: Remedy, *, by: User, at: datetime, until: datetime | None) -> None:
    promise(remedy.form.ticket, by=by, at=at, until=until, part=f"{PAYMENT}{remedy.pk}", renews=True)


def _chosen(remedy: Remedy, who: str, way: str, words: str, at: datetime) -> tuple[str, ...]:
    remedy.chosen_who, remedy.chosen_way, remedy.chosen_words, remedy.chosen_at = who.strip(), way, words.strip(), at
    if way not in Way.values:
        raise ValidationError({"way": _("Say how the customer told you.")})
    fields = ("chosen_who", "chosen_way", "chosen_words", "chosen_at")
    _clean(remedy, {"chosen_who": "who", "chosen_words": "words"})
    return fields


def _others(remedy: Remedy) -> list[Remedy]:
    others = Remedy.objects.select_for_update(of=("self",), no_key=True).filter(form=remedy.form, state__in=UNDECIDED).exclude(pk=remedy.pk)
    rows = list(others.order_by("option", "pk"))
    for row in rows:
        row.form = remedy.form
    return rows


@transaction.atomic
def decline_remedy(*, remedy_id: int, by: User, who: str, way: str, reason: str, promised_at: datetime | None = None) -> Remedy:
    """The customer does not want it, in their own words. `promised_at` (T16): when they hear of another."""
    at = clock.now()
    need(who=who, reason=reason)
    check_promise(promised_at, at)
    remedy = _locked(remedy_id)
    fields = _chosen(remedy, who, way, reason, at)
    make(remedy, "decline_offer", by=by, at=at, reason=reason, save=fields, data=about_remedy(remedy))
    _recount(remedy.form)
    told(remedy.form.ticket, by=by, at=at, solution=True)
    promise(remedy.form.ticket, by=by, at=at, until=promised_at, part=f"o{remedy.pk}", renews=True)
    return remedy


@transaction.atomic
def fulfil_remedy(*, remedy_id: int, by: User, how: str, fulfilled_at: datetime | None = None, promised_at: datetime | None = None) -> Remedy:
    """How and when; now unless said otherwise. `promised_at` (T16): when the customer was told that it arrives."""
    at = clock.now()
    need(how=how)
    check_promise(promised_at, at)
    remedy = _locked(remedy_id)
    when = fulfilled_at or at
    if when > at:
        raise ValidationError({"fulfilled_at": _("This cannot lie in the future.")})
    if remedy.chosen_at is not None and when < remedy.chosen_at:
        raise ValidationError({"fulfilled_at": _("The customer had not chosen it yet.")})
    remedy.fulfilled_at, remedy.fulfilled_words = when, how.strip()
    _clean(remedy, {"fulfilled_words": "how"})
    make(remedy, "fulfil", by=by, at=at, reason=how, save=("fulfilled_at", "fulfilled_words"), data=about_remedy(remedy))
    keep_payment(remedy.form.ticket, remedy_id=remedy.pk, by=by, at=when)
    _promise(remedy, by=by, at=at, until=promised_at)
    return remedy


@transaction.atomic
def withdraw_remedy(*, remedy_id: int, by: User, reason: str) -> Remedy:
    at = clock.now()
    remedy = _locked(remedy_id)
    _end(remedy, "withdraw_offer", by=by, at=at, reason=reason)
    _recount(remedy.form)
    return remedy


def _end(remedy: Remedy, name: str, *, by: User, at: datetime, reason: str) -> Entry:
    remedy.ended_words = reason.strip()
    _clean(remedy, {"ended_words": "reason"})
    return make(remedy, name, by=by, at=at, reason=reason, save=("ended_words",), data=about_remedy(remedy))


def _clean(remedy: Remedy, names: dict[str, str]) -> None:
    """Too long: said at the field that was typed in."""
    try:
        remedy.clean_fields(exclude=[f.name for f in Remedy._meta.fields if f.name not in names])
    except ValidationError as error:
        raise ValidationError({names[name]: errors for name, errors in error.error_dict.items()}) from error


def _locked(remedy_id: int) -> Remedy:
    form = locked(Remedy.objects.values_list("form_id", flat=True).get(pk=remedy_id))
    remedy: Remedy = Remedy.objects.select_for_update(of=("self",), no_key=True).select_related("proposed_by").get(pk=remedy_id)
    remedy.form = form
    return remedy


def _recount(form: ComplaintForm) -> None:
    """What waits for approval says what the form comes to now."""
    Remedy.objects.filter(form=form, state=R.AWAITING_APPROVAL).update(comes_to=authority.total(form))
