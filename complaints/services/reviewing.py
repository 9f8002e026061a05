"""Review, negotiation, ruling, carrying out (C4-C7, V8)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from complaints import texts
from complaints.lifecycle import DispositionState as D
from complaints.lifecycle import State
from complaints.models import WITH_AMOUNT, ComplaintForm, Disposition, Signature
from complaints.services.common import act, closure_asked, head_of, locked, locked_disposition, move, start
from complaints.services.determining import check_amount
from complaints.services.early import start_decision
from feedback_desk import clock
from feedback_desk.deadlines import services as deadlines
from feedback_desk.people import receivers, standing
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.actors import SYSTEM
from feedback_desk.people.models import Role, User
from feedback_desk.records import history
from feedback_desk.records.models import Entry, relations
from feedback_desk.records.moves import changed_meanwhile, check_part, make, too_late
from feedback_desk.records.spoken import when
from tickets.services.common import need, tell

TEXT = ("kind", "amount", "clause", "reason")
RULINGS = {"confirm": gettext_noop("confirmed"), "change": gettext_noop("changed"), "send_back": gettext_noop("sent back")}
"""As a notice keeps it: each reader has it in their own language."""
SIDES = ("department", "cs_manager")
NEGOTIATION = gettext_noop("Negotiation with the department")
IN_RULING = (D.AGREED, D.NEGOTIATED, D.OBJECTED)


@transaction.atomic
def answer(*, disposition_id: int, by: User, words: str) -> Disposition:
    """C7: the person concerned is heard in writing until the ruling; being heard is not taking part. The form's text changes with it."""
    at = clock.now()
    need(words=words)
    disposition = locked_disposition(disposition_id)
    if disposition.user_id != by.pk:
        raise NotYou(_("This step is not yours to take: it is for others."), user=by, item=disposition.form.item, verb="answer")
    if disposition.state == D.DRAFT:
        raise NotNow(_("It was sent back and is decided anew. You are told when it is submitted again, and can answer then."))
    if disposition.form.ruled_at is not None or disposition.state not in (D.PROPOSED, *IN_RULING):
        raise NotNow(_("You could answer until the ruling; it has been made."))
    disposition.answer, disposition.answered_at = words.strip(), at
    disposition.save(update_fields=["answer", "answered_at"])
    disposition.form.version += 1
    disposition.form.save(update_fields=["version"])
    texts.keep(disposition.form, at=at)
    history.record(disposition.form.item, "answer", by=by, at=at, reason=words, data={"measure": disposition.pk, "target": disposition.target_kept})
    return disposition


@transaction.atomic
def agree(*, disposition_id: int, by: User, seen_version: int | None = None, seen_text: int | None = None) -> Disposition:
    """C4: the head agrees; on the last agreement the form goes to the general manager."""
    return _review(disposition_id, "agree", by=by, seen_version=seen_version, seen_text=seen_text)


@transaction.atomic
def object(*, disposition_id: int, by: User, reason: str, seen_version: int | None = None, seen_text: int | None = None) -> Disposition:
    """C4: with reasons; once all have answered, customer service and the department negotiate."""
    return _review(disposition_id, "object", by=by, seen_version=seen_version, seen_text=seen_text, reason=reason)


def _review(disposition_id: int, name: str, *, by: User, seen_version: int | None, seen_text: int | None, reason: str = "") -> Disposition:
    at = clock.now()
    disposition = locked_disposition(disposition_id)
    _look(disposition, "proposed", seen_text)
    disposition.objection = reason.strip()
    make(disposition, name, by=by, at=at, reason=reason, seen_version=seen_version, save=("objection",), data=_about(disposition))
    act(disposition.form, "review", by=by, at=at)
    texts.keep(disposition.form, at=at)
    _after_review(disposition, by=by, at=at)
    return disposition


def _look(disposition: Disposition, state: str, seen_text: int | None) -> None:
    """The text as it was seen; a measure that was decided meanwhile says so itself, with who and when."""
    if disposition.state == state:
        texts.check_seen(disposition.form, seen_text, measure=disposition)


def _about(disposition: Disposition) -> dict[str, Any]:
    return {"measure": disposition.pk, "target": disposition.target_kept, "kind": disposition.kind, "amount": str(disposition.amount or "")}


def _after_review(disposition: Disposition, *, by: User, at: datetime) -> None:
    form = disposition.form
    measures = Disposition.objects.of_round(form.pk, form.round)
    ours = measures.filter(department=disposition.department_id)
    if not ours.exclude(state__in=(D.AGREED, D.NEGOTIATED)).exists():
        deadlines.settle(form.item, "D15", at=at, by=by, part=f"d{disposition.department_id}")
    if measures.filter(state=D.PROPOSED).exists():
        return
    if measures.filter(state=D.OBJECTED).exists():
        entry = move(form, "open_negotiation", by=SYSTEM, at=at)
        tell(receivers.pick(Role.OFFICE, root=form.item.root, at=at), "approval_wanted", entry=entry, item=form.item, what=NEGOTIATION)
        for measure in measures.filter(state=D.OBJECTED).select_related("department__head__backup", "department__head__superior"):
            _tell_sides(measure, form, entry, SIDES, what=NEGOTIATION)
    else:
        _to_ruling(form, "review_passed", at=at)


def _tell_sides(measure: Disposition, form: ComplaintForm, entry: Entry, sides: Collection[str], *, what: str) -> None:
    """C4: a text waits for these sides' signatures, whoever gives them now (V2, V3, V8); nobody is told of what they did themselves."""
    barred = {user_id for part, user_id in form.parts_taken() if part != "review"}
    head = standing.stand_in(measure.department.head, form.item, entry.at, standing.out_of_play(form.item, entry.at) | barred)
    signers = {"department": head, "cs_manager": receivers.pick(Role.CS_MANAGER, root=form.item.root, at=entry.at)}
    for side in sides:
        tell(signers[side], "approval_wanted", entry=entry, item=form.item, what=what)


def _to_ruling(form: ComplaintForm, name: str, *, at: datetime, by: Any = SYSTEM, reason: str = "", seen_version: int | None = None) -> None:
    """D15 settled, D16 starts: the office reports, the general manager rules."""
    entry = move(form, name, by=by, at=at, reason=reason, seen_version=seen_version)
    deadlines.settle(form.item, "D15", at=at)
    start(form, "D16", at=at, role=Role.GENERAL_MANAGER)
    for role in (Role.OFFICE, Role.GENERAL_MANAGER):
        person = receivers.pick(role, root=form.item.root, at=at)
        tell(person, "approval_wanted", entry=entry, item=form.item, what=gettext_noop("Ruling on accountability measures"))


@transaction.atomic
def revise(*, disposition_id: int, by: User, seen_version: int, kind: str, amount: Any, clause: str, reason: str) -> Disposition:
    """C4: a new text in the negotiation; signatures under the old one no longer count."""
    at = clock.now()
    disposition = locked_disposition(disposition_id)
    check_part(disposition, "revise", who=frozenset({"cs_manager", "head_concerned"}), states=frozenset({D.OBJECTED}), by=by)
    if disposition.state != D.OBJECTED:
        raise too_late(disposition)
    if disposition.form.state != State.NEGOTIATING:
        raise too_late(disposition.form)
    if seen_version != disposition.version:
        raise changed_meanwhile(disposition)
    before = _about(disposition)
    _write(disposition, {"kind": kind, "amount": amount, "clause": clause, "reason": reason})
    disposition.version += 1
    disposition.save(update_fields=[*TEXT, "version"])
    disposition.form.version += 1
    disposition.form.save(update_fields=["version"])
    texts.keep(disposition.form, at=at)
    entry = history.record(disposition.form.item, "revise", by=by, at=at, reason=reason, data={**_about(disposition), "before": before})
    _tell_sides(disposition, disposition.form, entry, SIDES, what=gettext_noop("Signature under a new text of the negotiation"))
    return disposition


def _write(disposition: Disposition, text: dict[str, Any]) -> None:
    need(clause=str(text.get("clause", disposition.clause)), reason=str(text.get("reason", disposition.reason)))
    for field in TEXT:
        if field in text:
            setattr(disposition, field, text[field])
    if disposition.kind not in WITH_AMOUNT:
        disposition.amount = None
    check_amount(disposition.kind, disposition.amount)
    disposition.clean_fields(exclude={*relations(Disposition), "state"})


@transaction.atomic
def sign(*, disposition_id: int, by: User, seen_version: int, seen_text: int | None = None) -> Disposition:
    """C4: one of two signatures on the version seen; the second makes it negotiated, the last of all sends the form on.

    Somebody who could sign for either side signs for the one that is not signed yet, never for both (V8).
    """
    at = clock.now()
    disposition = locked_disposition(disposition_id)
    _look(disposition, "objected", seen_text)
    if seen_version != disposition.version:
        raise changed_meanwhile(disposition)
    side = _side(disposition, by)
    entry = make(disposition, "sign", by=by, at=at, seen_version=seen_version, data={**_about(disposition), "side": side})
    disposition.version = seen_version  # A signature does not change the text it stands under.
    disposition.save(update_fields=["version"])
    Signature.objects.create(disposition=disposition, version=seen_version, side=side, user=by, at=at)
    if side == "department":
        act(disposition.form, "review", by=by, at=at)  # V8: the department's word on the text that is ruled on
    if disposition.signatures.filter(version=seen_version).count() == 2:
        make(disposition, "negotiate", by=SYSTEM, at=at, data=_about(disposition))
        _after_signing(disposition, by=by, at=at)
    else:
        missing, what = set(SIDES) - {side}, gettext_noop("Signature under the negotiated text: the other side has signed")
        _tell_sides(disposition, disposition.form, entry, missing, what=what)
    return disposition


def _side(disposition: Disposition, by: User) -> str:
    capacities = disposition.capacities(by)
    signed = {s.side: s for s in disposition.signatures.filter(version=disposition.version).select_related("user")}
    sides = [side for side, capacity in (("department", "head_concerned"), ("cs_manager", "cs_manager")) if capacity in capacities]
    if any(signature.user_id == by.pk for signature in signed.values()):
        raise NotNow(_("You have signed this text already; the other side is missing."))
    free = [side for side in sides if side not in signed]
    if sides and not free:
        first = signed[sides[0]]
        sentence = _("Your side has signed this text already: %(who)s, %(when)s.") % {"who": first.user, "when": when(first.at)}
        raise NotNow(sentence, moved_by=str(first.user), moved_at=first.at)
    return free[0] if free else ""


def _after_signing(disposition: Disposition, *, by: User, at: datetime) -> None:
    form = disposition.form
    measures = Disposition.objects.of_round(form.pk, form.round)
    if not measures.filter(department=disposition.department_id, state=D.OBJECTED).exists():
        deadlines.settle(form.item, "D15", at=at, by=by, part=f"d{disposition.department_id}")
    if not measures.filter(state=D.OBJECTED).exists():
        _to_ruling(form, "negotiated", at=at)


@transaction.atomic
def report_split(*, form_id: int, by: User, reason: str, seen_version: int | None = None, seen_text: int | None = None) -> ComplaintForm:
    """C4: no agreement; the office reports both opinions (the head's stands with the objection, customer service's here)."""
    form = locked(form_id)
    if form.state == State.NEGOTIATING:
        texts.check_seen(form, seen_text)
    _to_ruling(form, "report_split", at=clock.now(), by=by, reason=reason, seen_version=seen_version)
    return form


@transaction.atomic
def rule(
    *, form_id: int, by: User, seen_version: int | None = None, seen_text: int | None = None, words: str = "",
    changes: dict[int, dict[str, Any]] | None = None, struck: dict[int, str] | None = None,
) -> ComplaintForm:  # fmt: skip
    """C5: confirm or change, on the version seen. Settles D16, starts D17; whatever the departments had said is now ruled or struck out."""
    at = clock.now()
    form = locked(form_id)
    _look_at_all(form, seen_text)
    changes, struck = changes or {}, struck or {}
    form.ruled_at, form.ruling, form.ruling_words = at, "change" if changes or struck else "confirm", words.strip()
    entry = move(form, "rule", by=by, at=at, reason=words, seen_version=seen_version, save=("ruled_at", "ruling", "ruling_words"), data={"ruling": form.ruling})
    measures = _measures(form)
    for measure in measures:
        with _said_of(measure):
            _rule_one(measure, by=by, at=at, text=changes.get(measure.pk), strike=struck.get(measure.pk))
    texts.keep(form, at=at)
    deadlines.settle(form.item, "D16", at=at, by=by)
    _pass_on(form, at=at)
    _tell_ruling(form, entry, measures, words=form.ruling_words)
    return form


@contextmanager
def _said_of(measure: Disposition) -> Iterator[None]:
    """What is wrong with the ruled text of one measure is said under its name, "measure-12-amount": there are several in a ruling."""
    try:
        yield
    except ValidationError as error:
        if not hasattr(error, "error_dict"):
            raise
        raise ValidationError({f"measure-{measure.pk}-{name}": errors for name, errors in error.error_dict.items()}) from error


def _look_at_all(form: ComplaintForm, seen_text: int | None) -> None:
    if form.state == State.AWAITING_RULING:
        texts.check_seen(form, seen_text)


def _measures(form: ComplaintForm) -> list[Disposition]:
    rows = list(
        Disposition.objects.of_round(form.pk, form.round)
        .filter(state__in=IN_RULING)
        .select_related("user", "department__head__backup", "department__head__superior")
        .order_by("pk")
    )
    for row in rows:
        row.form = form
    return rows


def _rule_one(measure: Disposition, *, by: User, at: datetime, text: dict[str, Any] | None, strike: str | None) -> None:
    if strike is not None:
        need(reason=strike)
        make(measure, "strike_out", by=by, at=at, standing="form", reason=strike, data=_about(measure))
        return
    save: tuple[str, ...] = ("ruled_at",)
    before = _about(measure)
    if text:
        _write(measure, text)
        save = ("ruled_at", *TEXT)
    measure.ruled_at = at
    make(measure, "rule", by=by, at=at, standing="form", save=save, data={**_about(measure), **({"before": before} if text else {})})


def _tell_ruling(form: ComplaintForm, entry: Entry, measures: list[Disposition], *, words: str) -> None:
    """C5: whatever it is, it goes with its words to the manager and the departments: of the measures that were ruled on, without any the ticket's."""
    departments = {measure.department for measure in measures} or ({form.item.department} if form.item.department else set())
    heads = {head_of(department, form, entry.at) for department in departments}
    for receiver in heads | {receivers.pick(Role.CS_MANAGER, root=form.item.root, at=entry.at)}:
        tell(receiver, "ruled", entry=entry, item=form.item, ruling=RULINGS[form.ruling], by=str(entry.by), said={"words": words})


def _pass_on(form: ComplaintForm, *, at: datetime) -> None:
    """C6: carried out by each department within D17; with nothing left to carry out the form only waits to be handed over."""
    left = {measure.department_id: measure.department for measure in _ruled(form)}
    for department in left.values():
        start(form, "D17", at=at, owner=head_of(department, form, at), department=department, part=f"d{department.pk}")
    if not left:
        form.executed_at = at
        form.save(update_fields=["executed_at"])
        line = form.item.department
        start(form, "D18", at=at, owner=head_of(line, form, at) if line else None, department=line)


def _ruled(form: ComplaintForm) -> list[Disposition]:
    return list(
        Disposition.objects.of_round(form.pk, form.round).filter(state=D.RULED).select_related("department__head__backup", "department__head__superior")
    )


@transaction.atomic
def send_back(*, form_id: int, by: User, reason: str, seen_version: int | None = None, seen_text: int | None = None) -> ComplaintForm:
    """C5: back to determination; signatures fall, measures are drafts again, D14 starts anew."""
    at = clock.now()
    form = locked(form_id)
    _look_at_all(form, seen_text)
    form.ruling, form.no_fault = "send_back", False
    entry = move(form, "send_back", by=by, at=at, reason=reason, seen_version=seen_version, save=("ruling", "no_fault"))
    measures = _measures(form)
    for measure in measures:
        make(measure, "send_back", by=by, at=at, standing="form", data=_about(measure))
    deadlines.settle(form.item, "D16", at=at, by=by)
    start(form, "D14", at=at, role=Role.CS_MANAGER)
    start_decision(form, at=at)
    _tell_ruling(form, entry, measures, words=reason.strip())
    return form


@transaction.atomic
def confirm_no_fault(*, form_id: int, by: User, words: str = "", seen_version: int | None = None, seen_text: int | None = None) -> ComplaintForm:
    """C19 for grade I: the general manager agrees that nobody is at fault."""
    at = clock.now()
    form = locked(form_id)
    _look_at_all(form, seen_text)
    form.ruled_at, form.ruling, form.ruling_words, form.handed_over_at = at, "confirm", words.strip(), at
    save = ("ruled_at", "ruling", "ruling_words", "handed_over_at")
    entry = move(form, "confirm_no_fault", by=by, at=at, reason=words, seen_version=seen_version, save=save)
    deadlines.settle(form.item, "D16", at=at, by=by)
    closure_asked(form, at=at)
    _tell_ruling(form, entry, [], words=form.ruling_words)
    return form


@transaction.atomic
def carry_out(*, disposition_id: int, by: User, talk_on: date, talk_words: str) -> Disposition:
    """C6: with the talk on record, its date and words; a department's last one settles its D17, the last of all starts D18."""
    at = clock.now()
    need(talk_words=talk_words)
    disposition = locked_disposition(disposition_id)
    if talk_on > timezone.localtime(at).date():
        raise ValidationError({"talk_on": _("The talk cannot lie in the future.")})
    disposition.talk_on, disposition.talk_words, disposition.executed_at, disposition.executed_by = talk_on, talk_words.strip(), at, by
    make(
        disposition,
        "carry_out",
        by=by,
        at=at,
        reason=talk_words,
        save=("talk_on", "talk_words", "executed_at", "executed_by"),
        data={**_about(disposition), "talk_on": talk_on.isoformat()},
    )
    form, left = disposition.form, Disposition.objects.of_round(disposition.form.pk, disposition.form.round).filter(state=D.RULED)
    if not left.filter(department=disposition.department_id).exists():
        deadlines.settle(form.item, "D17", at=at, by=by, part=f"d{disposition.department_id}")
    if not left.exists():
        form.executed_at = at
        form.save(update_fields=["executed_at"])
        deadlines.settle(form.item, "D17", at=at, by=by)
        start(form, "D18", at=at, owner=by, department=disposition.department)
    return disposition
