"""One door per move: the form its dialog asks for and the service it calls. A move without a door fails a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.contrib.messages import success
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.forms import BaseForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from complaints import services as complaint_services
from complaints.forms import actions as action_forms
from complaints.forms import remedies as remedy_forms
from complaints.forms import way as complaint_forms
from complaints.lifecycle import action as action_life
from complaints.lifecycle import disposition as disposition_life
from complaints.lifecycle import form as form_life
from complaints.models import ComplaintForm, CorrectiveAction, Disposition, Remedy
from feedback_desk.people.models import User
from feedback_desk.records.moves import Condition, Move, moves_of, open_moves
from tickets import lifecycle as ticket_life
from tickets import move_forms
from tickets import services as ticket_services
from tickets.models import Ticket


@dataclass(frozen=True)
class Door:
    """`fills`: guards that this dialog itself satisfies, so that nothing is said to be missing before it opens. `offers`: what there is to choose from in
    it; the move is not shown where that is nothing."""

    service: Callable[..., Any]
    form: type[move_forms.MoveForm] = move_forms.MoveForm
    fills: tuple[Condition, ...] = ()
    offers: Callable[[Any], Any] | None = None


def _check(*, form_id: int, by: User, case_summary: str = "", seen: int | None = None, **marks: Any) -> None:
    """C9, C20: the marks, and the case summary that filing needs, in one transaction."""
    with transaction.atomic():
        if case_summary:
            complaint_services.write_case_summary(form_id=form_id, by=by, text=case_summary, seen=seen)
        complaint_services.inspect(form_id=form_id, by=by, **marks)


def _accept(*, form_id: int, by: User, case_summary: str, seen: int | None = None) -> None:
    with transaction.atomic():
        complaint_services.write_case_summary(form_id=form_id, by=by, text=case_summary, seen=seen)
        complaint_services.accept(form_id=form_id, by=by)


Why = move_forms.ReasonForm
DOORS: dict[type[models.Model], dict[str, Door]] = {
    Ticket: {
        "assign": Door(ticket_services.assign, move_forms.AssignForm),
        "decline": Door(ticket_services.decline, Why),
        "hand_up": Door(ticket_services.hand_up, move_forms.HandUpForm),
        "confirm": Door(ticket_services.confirm),
        "take": Door(ticket_services.take),
        "reassign": Door(ticket_services.reassign, move_forms.ReassignForm),
        "second_line": Door(ticket_services.second_line, move_forms.SecondLineForm),
        "ask_customer": Door(ticket_services.ask_customer, move_forms.AskCustomerForm),
        "customer_answered": Door(ticket_services.customer_answered, move_forms.AnsweredForm),
        "offer_result": Door(ticket_services.offer_result, move_forms.OfferResultForm, fills=(ticket_life.late_has_reason,)),
        "not_solved": Door(ticket_services.not_solved, move_forms.NotSolvedForm),
        "confirm_result": Door(ticket_services.confirm_result, move_forms.ConfirmResultForm),
        "no_answer": Door(ticket_services.no_answer, Why),
        "withdraw": Door(ticket_services.withdraw, move_forms.WithdrawForm),
        "close": Door(ticket_services.close),
        "reopen": Door(ticket_services.reopen, Why),
        "invalidate": Door(ticket_services.invalidate, move_forms.InvalidForm),
        "restore": Door(ticket_services.restore, Why),
        "merge": Door(ticket_services.merge, move_forms.MergeForm),
        "ask_extension": Door(ticket_services.ask_extension, move_forms.AskExtensionForm),
        "grant_extension": Door(ticket_services.grant_extension, move_forms.GrantExtensionForm),
        "refuse_extension": Door(ticket_services.refuse_extension, move_forms.RefuseExtensionForm),
    },
    ComplaintForm: {
        "grade_it": Door(complaint_services.grade, complaint_forms.GradeForm),
        "raise_grade": Door(complaint_services.change_grade, complaint_forms.ChangeGradeForm, offers=complaint_forms.ChangeGradeForm.offered),
        "lower_grade": Door(complaint_services.change_grade, complaint_forms.LowerGradeForm, offers=complaint_forms.LowerGradeForm.offered),
        "begin_determination": Door(complaint_services.begin_determination),
        "handle_on_the_spot": Door(complaint_services.handle_on_the_spot, complaint_forms.OnTheSpotForm),
        "ask_parking": Door(complaint_services.ask_parking, complaint_forms.ParkingForm),
        "park": Door(complaint_services.park, complaint_forms.SeenTextForm),
        "refuse_parking": Door(complaint_services.refuse_parking, complaint_forms.SeenReasonForm),
        "resume": Door(complaint_services.resume, Why),
        "settle_matter": Door(complaint_services.settle_matter, Why),
        "submit": Door(complaint_services.submit, complaint_forms.SeenTextForm),
        "no_fault_found": Door(complaint_services.no_fault, complaint_forms.SeenReasonForm),
        "no_fault_major": Door(complaint_services.no_fault, complaint_forms.SeenReasonForm),
        "report_split": Door(complaint_services.report_split, complaint_forms.SplitForm),
        "rule": Door(complaint_services.rule, complaint_forms.RuleForm),
        "send_back": Door(complaint_services.send_back, complaint_forms.SendBackForm),
        "confirm_no_fault": Door(complaint_services.confirm_no_fault, complaint_forms.ConfirmNoFaultForm),
        "hand_over": Door(complaint_services.hand_over, complaint_forms.HandOverForm),
        "pass_check": Door(_check, complaint_forms.CheckForm, fills=(form_life.checked,)),
        "pass_and_file": Door(_check, complaint_forms.FileForm, fills=(form_life.checked, form_life.has_case_summary)),
        "return_to_department": Door(_check, complaint_forms.ReturnForm),
        "accept": Door(_accept, complaint_forms.AcceptForm, fills=(form_life.has_case_summary,)),
        "not_accepted": Door(complaint_services.not_accepted, complaint_forms.NotAcceptedForm),
        "ask_abnormal": Door(complaint_services.ask_abnormal, complaint_forms.AbnormalForm),
        "rule_abnormal": Door(complaint_services.rule_abnormal, complaint_forms.SeenReasonForm),
        "refuse_abnormal": Door(complaint_services.refuse_abnormal, complaint_forms.SeenReasonForm),
        "reopen": Door(complaint_services.reopen, Why),
        "reopen_abnormal": Door(complaint_services.reopen, Why),
        "close_withdrawn": Door(complaint_services.close_withdrawn, Why),
    },
    Disposition: {
        "agree": Door(complaint_services.agree, complaint_forms.SeenTextForm),
        "object": Door(complaint_services.object, complaint_forms.ObjectForm),
        "sign": Door(complaint_services.sign, complaint_forms.SeenTextForm),
        "carry_out": Door(complaint_services.carry_out, complaint_forms.CarryOutForm),
        "reverse": Door(complaint_services.reverse, Why),
    },
    Remedy: {
        "offer": Door(complaint_services.offer_remedy, remedy_forms.RemedyForm),
        "ask_approval": Door(complaint_services.ask_for_approval, remedy_forms.RemedyForm),
        "approve": Door(complaint_services.approve_remedy, remedy_forms.ApproveRemedyForm),
        "refuse_approval": Door(complaint_services.refuse_remedy, remedy_forms.EndRemedyForm),
        "accept_offer": Door(complaint_services.choose_remedy, remedy_forms.ChooseRemedyForm),
        "decline_offer": Door(complaint_services.decline_remedy, remedy_forms.DeclineRemedyForm),
        "fulfil": Door(complaint_services.fulfil_remedy, remedy_forms.FulfilRemedyForm),
        "withdraw_offer": Door(complaint_services.withdraw_remedy, remedy_forms.EndRemedyForm),
    },
    CorrectiveAction: {
        "revise": Door(complaint_services.revise_action, action_forms.ReviseActionForm),
        "submit": Door(complaint_services.submit_action, action_forms.SeenActionForm),
        "approve": Door(complaint_services.approve_action, action_forms.ApproveActionForm),
        "send_back": Door(complaint_services.send_back_action, action_forms.SendBackActionForm),
        "report_done": Door(complaint_services.report_done, action_forms.ReportDoneForm),
        "confirm_effective": Door(complaint_services.confirm_effective, action_forms.EvidenceForm),
        "find_ineffective": Door(complaint_services.find_ineffective, action_forms.EvidenceForm),
        "try_again": Door(complaint_services.try_again, action_forms.TryAgainForm),
        "ask_extension": Door(complaint_services.ask_action_time, action_forms.AskActionTimeForm),
        "grant_extension": Door(complaint_services.grant_action_time, action_forms.GrantActionTimeForm),
        "refuse_extension": Door(complaint_services.refuse_action_time, action_forms.RefuseActionTimeForm),
        "recur": Door(complaint_services.recur, action_forms.RecurForm),
        "cancel": Door(complaint_services.cancel_action, Why),
    },
}
ID_NAME: dict[type[models.Model], str] = {
    Ticket: "ticket_id", ComplaintForm: "form_id", Disposition: "disposition_id", CorrectiveAction: "action_id", Remedy: "remedy_id",
}  # fmt: skip

ANOTHER_WAY = {
    form_life.is_major,
    form_life.is_not_major,
    form_life.parking_asked,
    form_life.parking_not_asked,
    form_life.may_be_parked,
    form_life.abnormal_asked,
    form_life.abnormal_not_asked,
    form_life.not_withdrawn,
    form_life.came_by_no_fault,
    form_life.came_with_measures,
    form_life.short_way_allowed,
    form_life.visit_is_due,
    form_life.no_visit_is_due,
    form_life.ticket_withdrawn,
    disposition_life.form_was_reopened,
    action_life.may_be_put_off,
    action_life.more_time_asked,
    ticket_life.silence_may_end_it,
    ticket_life.may_be_extended,
    ticket_life.extension_asked,
}
"""Guards that say "not this way" rather than "something is missing"."""

ICONS = {
    "confirm": "person-check",
    "take": "hand-index",
    "assign": "person-plus",
    "reassign": "arrow-left-right",
    "second_line": "arrow-left-right",
    "ask_customer": "hourglass-split",
    "submit": "send",
    "offer_result": "send",
    "agree": "check-lg",
    "object": "chat-square-text",
    "rule": "hammer",
    "hand_over": "box-arrow-right",
    "sign": "pen",
    "carry_out": "check-square",
    "ask_extension": "calendar-plus",
    "grant_extension": "calendar-check",
    "refuse_extension": "calendar-x",
    "propose_remedy": "gift",
    "approve": "check-lg",
    "refuse_approval": "x-lg",
    "accept_offer": "hand-thumbs-up",
    "fulfil": "check2-circle",
    "write_root_cause": "diagram-2",
    "draft_action": "clipboard-plus",
    "revise": "pencil",
    "report_done": "check-square",
    "confirm_effective": "patch-check",
    "recur": "arrow-counterclockwise",
}


@dataclass(frozen=True)
class Button:
    """What parts/_move.html draws."""

    name: str
    label: str
    url: str
    primary: bool
    grave: bool
    reason: bool
    icon: str
    missing: list[str]
    missing_url: str = ""
    key: str = ""


def url_of(subject: Any, name: str) -> str:
    if isinstance(subject, Ticket):
        return reverse("workplace:ticket_move", args=[subject.item.number, name])
    if isinstance(subject, ComplaintForm):
        return reverse("workplace:form_move", args=[subject.item.number, name])
    if isinstance(subject, Remedy):
        return reverse("workplace:remedy_move", args=[subject.pk, name])
    if isinstance(subject, CorrectiveAction):
        return reverse("workplace:action_move", args=[subject.item.number, name])
    return reverse("workplace:disposition_move", args=[subject.pk, name])


def buttons(subject: Any, user: User, capacities: frozenset[str] | None = None, *, missing_url: str = "", about: str = "") -> list[Button]:
    """The moves open to this person, in the machine's order. `about` names the measure a button belongs to."""
    found = [(move, missing) for move, missing in open_moves(subject, user, capacities) if not (missing and _another_way(subject, move))]
    return [_button(subject, move, missing, missing_url, about) for move, missing in found if _offers(subject, move)]


def naming(button: Button, subject: Any, text_id: int | None) -> Button:
    """Its dialog, where it decides on the text, says which one the page showed (decision 46)."""
    form = DOORS[type(subject)][button.name].form
    if text_id is None or not issubclass(form, complaint_forms.SeenTextForm):
        return button
    return replace(button, url=f"{button.url}?{urlencode({'seen_version': subject.version, 'seen_text': text_id})}")


def _another_way(subject: Any, move: Move) -> bool:
    """The move belongs to a way that this item does not take: it is not shown at all."""
    return any(guard(subject) for guard in move.guards if guard in ANOTHER_WAY)


def _offers(subject: Any, move: Move) -> bool:
    offers = DOORS[type(subject)][move.name].offers
    return offers is None or bool(offers(subject))


def _button(subject: Any, move: Move, missing: list[str], missing_url: str, about: str) -> Button:
    left = _beyond_the_dialog(subject, move, missing)
    label = _("%(move)s: %(about)s") % {"move": move.label, "about": about} if about else str(move.label)
    key = "a" if move.name in ("assign", "reassign") else ""
    return Button(
        move.name,
        label,
        url_of(subject, move.name) + _seen(subject, move),
        move.primary,
        move.grave,
        move.reason,
        ICONS.get(move.name, ""),
        left,
        missing_url if left else "",
        key,
    )


def _seen(subject: Any, move: Move) -> str:
    """Who had the ticket when the page was opened is what one decides on, not who has it when the dialog opens."""
    return f"?seen_version={subject.version}" if issubclass(DOORS[type(subject)][move.name].form, move_forms.SeenHolderForm) else ""


def _beyond_the_dialog(subject: Any, move: Move, missing: list[str]) -> list[str]:
    """What is missing that the dialog does not ask for itself."""
    fills = DOORS[type(subject)][move.name].fills
    asked = {guard(subject) for guard in fills} if missing and fills else set()
    return [sentence for sentence in missing if sentence not in asked]


def one_primary(found: Iterable[Button]) -> list[Button]:
    """One primary a place: the first that lacks nothing; it stands first, the others lose the fill."""
    rows = list(found)
    first = next((b for b in rows if b.primary and not b.missing), None) or next((b for b in rows if b.primary), None)
    plain = [Button(**{**b.__dict__, "primary": False}) for b in rows if b is not first]
    return ([first] if first else []) + plain


def pass_through(request: HttpRequest, subject: Any, move: Move, form: move_forms.MoveForm) -> bool:
    """Call the service with what the form gathered; False when the service found the input wanting (said on the form)."""
    door, user = DOORS[type(subject)][move.name], request.user
    try:
        door.service(**{ID_NAME[type(subject)]: subject.pk}, by=user, **form.facts())
    except ValidationError as error:
        put_on(form, error)
        return False
    success(request, done_sentence(move))
    return True


def put_on(form: BaseForm, error: ValidationError) -> None:
    """A service's sentence at the field it is about, also in a form within the form ("measure-12-amount"), else on top."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    inner = {part.prefix: part for part in getattr(form, "measure_forms", ())}
    for name, errors in error.error_dict.items():
        prefix, _dash, field = name.rpartition("-")
        place, field = (inner[prefix], field) if prefix in inner else (form, name)
        place.add_error(field if field in place.fields else None, errors)


def done_sentence(move: Move) -> str:
    return _("Done: %(move)s.") % {"move": move.label}


def move_named(subject: Any, name: str) -> Move | None:
    """A move that has a door, by its name in the address."""
    return moves_of(type(subject)).get(name) if name in DOORS[type(subject)] else None
