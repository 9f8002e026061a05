"""What each word of the history says to a reader, by kind of item: a title, and what of its data belongs beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from complaints.acts import ACTS
from complaints.models import ComplaintForm, CorrectiveAction, Disposition, DispositionKind, Remedy
from complaints.models.remedies import terms_of as terms_of_remedy
from feedback_desk.deadlines import wording
from feedback_desk.records.moves import moves_of
from feedback_desk.records.spoken import when
from tickets.choosing import in_words
from tickets.models import Customer, Industry, Level, Ticket

DRAWN_FROM_ROWS = frozenset({"contact", "note", "attach", "visit", "deadline_extended", "limit_near", "action_drafted", "action_approved"})
"""These have a row of their own in the story, with more to say than the line; more time has the move that granted it, a reminder the page of the limits,
what the form says of an action the action's own line."""
PURPOSES = {
    "solution": gettext_lazy("solution offered"),
    "told_when": gettext_lazy("told by when"),
    "second": gettext_lazy("second follow-up"),
    "progress": gettext_lazy("progress told"),
    "formal_reply": gettext_lazy("formal reply"),
    "question": gettext_lazy("question"),
    "answer": gettext_lazy("answer"),
    "visit": gettext_lazy("return visit"),
    "promise": gettext_lazy("promise"),
    "explanation": gettext_lazy("explanation"),
    "result": gettext_lazy("result"),
}

SAID: dict[str, Any] = {
    # registration, triage, handling
    "register": gettext_lazy("Item registered"),
    "assign": gettext_lazy("Assigned"),
    "decline": gettext_lazy("Declined, back to who assigned it"),
    "hand_up": gettext_lazy("Handed up to the supervisor"),
    "confirm": gettext_lazy("Accepted the work"),
    "take": gettext_lazy("Took it from the queue"),
    "reassign": gettext_lazy("Handed to a colleague"),
    "second_line": gettext_lazy("Handed to the second line"),
    "ask_customer": gettext_lazy("Asked the customer, waiting for the answer"),
    "customer_answered": gettext_lazy("The customer answered"),
    "offer_result": gettext_lazy("Offered the result to the customer"),
    "not_solved": gettext_lazy("Not solved yet"),
    "confirm_result": gettext_lazy("The customer confirmed the result"),
    "no_answer": gettext_lazy("Completed without an answer"),
    "withdraw": gettext_lazy("The customer withdrew"),
    "close": gettext_lazy("Ticket closed"),
    "end_with_form": gettext_lazy("Ticket completed with its complaint form"),
    "reopen": gettext_lazy("Reopened, a new round"),
    "reopen_abnormal": gettext_lazy("Reopened after abnormal closing, a new round"),
    "invalidate": gettext_lazy("Found to be no valid request"),
    "restore": gettext_lazy("Restored"),
    "merge": gettext_lazy("Merged into another ticket"),
    "merged_here": gettext_lazy("Another ticket was merged into this one"),
    "correct": gettext_lazy("Corrected what was typed wrongly"),
    "attach": gettext_lazy("File added"),
    "limit_near": gettext_lazy("A limit draws near: reminded"),
    "limit_passed": gettext_lazy("A limit has passed: told those above"),
    "step_done": gettext_lazy("Next step done"),
    "late_reason": gettext_lazy("Gave the reason why it was late"),
    "ask_extension": gettext_lazy("Asked for more time"),
    "grant_extension": gettext_lazy("More time granted"),
    "refuse_extension": gettext_lazy("More time refused"),
    "extension_fell": gettext_lazy("The request for more time fell: its limit has ended"),
    "deadline_extended": gettext_lazy("More time granted"),
    "deadline_set_earlier": gettext_lazy("To be done earlier, as set on assignment"),
    "deadline_lengthened": gettext_lazy("More time: the customer could not be reached"),
    "deadline_rule_changed": gettext_lazy("The rule of a limit changed"),
    "deadline_rule_off": gettext_lazy("A limit is void: its rule was switched off"),
    "deadline_calendar_changed": gettext_lazy("The calendar of a limit changed"),
    "no_longer_concerned": gettext_lazy("Somebody is no longer named in this matter"),
    "named_concerned": gettext_lazy("Somebody is named in this matter and takes no part from now on"),
    "taken_away": gettext_lazy("Work taken away from a person named in the matter"),
    "imported": gettext_lazy("Taken over from elsewhere"),
    "ended_elsewhere": gettext_lazy("Had ended before it was taken over"),
    "import_changed": gettext_lazy("Changed by an import"),
    # the complaint form
    "open_form": gettext_lazy("Complaint form opened"),
    "grade_it": gettext_lazy("Grade decided"),
    "propose_major": gettext_lazy("Grade I is proposed: unsolved three days after receipt"),
    "propose_grade": gettext_lazy("Another grade is proposed by the rules"),
    "raise_grade": gettext_lazy("Grade raised"),
    "lower_grade": gettext_lazy("Grade lowered"),
    "begin_determination": gettext_lazy("Determination of responsibility begun"),
    "handle_on_the_spot": gettext_lazy("Handled on the spot"),
    "ask_parking": gettext_lazy("Asked to set the matter aside"),
    "park": gettext_lazy("General manager agreed: set aside"),
    "refuse_parking": gettext_lazy("General manager refused to set it aside"),
    "resume": gettext_lazy("Determination resumed"),
    "settle_matter": gettext_lazy("Outstanding matter settled"),
    "determine": gettext_lazy("Determination written down"),
    "submit": gettext_lazy("Determination submitted to the office"),
    "no_fault_found": gettext_lazy("Found nobody at fault"),
    "no_fault_major": gettext_lazy("Found nobody at fault, put to the general manager"),
    "open_negotiation": gettext_lazy("Negotiation opened"),
    "review_passed": gettext_lazy("Review passed, put to the general manager"),
    "negotiated": gettext_lazy("Negotiation ended, put to the general manager"),
    "report_split": gettext_lazy("No agreement, both opinions put to the general manager"),
    "rule": gettext_lazy("General manager ruled"),
    "send_back": gettext_lazy("General manager sent it back"),
    "confirm_no_fault": gettext_lazy("General manager agreed: nobody at fault"),
    "hand_over": gettext_lazy("Handed over to customer service"),
    "pass_check": gettext_lazy("Check passed, on to the visit"),
    "pass_and_file": gettext_lazy("Check passed, filed and closed"),
    "find_at_fault": gettext_lazy("Responsibility for the faults determined"),
    "return_to_department": gettext_lazy("Returned to the department by the inspector"),
    "accept": gettext_lazy("The customer accepted on the visit, form closed"),
    "not_accepted": gettext_lazy("The customer did not accept, a new round"),
    "unsolved": gettext_lazy("Came back unsolved, a new round"),
    "ask_abnormal": gettext_lazy("Asked for abnormal closing"),
    "rule_abnormal": gettext_lazy("Closed abnormally"),
    "refuse_abnormal": gettext_lazy("Abnormal closing refused"),
    "close_withdrawn": gettext_lazy("Form closed: the customer withdrew"),
    "write_case_summary": gettext_lazy("Case summary written"),
    "keep_note": gettext_lazy("Ledger note written"),
    "second_wanted": gettext_lazy("Low score: a supervisor calls within 24 hours"),
    "second_follow_up": gettext_lazy("Second follow-up after a low score"),
    "check_facts": gettext_lazy("Facts checked with the business colleague"),
    "write_first_plan": gettext_lazy("First plan written"),
    "decide_handling": gettext_lazy("Handling decision written"),
    "sign_decision": gettext_lazy("Handling decision signed"),
    "write_first_analysis": gettext_lazy("First analysis on record"),
    "write_cause": gettext_lazy("Cause given in writing"),
    "approve_cause": gettext_lazy("Cause approved"),
    "name_analysing": gettext_lazy("Analysed by the department"),
    "change_quality_class": gettext_lazy("Quality class changed"),
    "leave_quality": gettext_lazy("Not about product quality any more, no quality class"),
    "report_to_police": gettext_lazy("Unlawful act suspected"),
    "add_point": gettext_lazy("Point of the customer written down"),
    "answer_point": gettext_lazy("Point of the customer answered"),
    "record_meeting": gettext_lazy("Internal meeting: one solution agreed on"),
    "write_progress": gettext_lazy("Progress told to the customer"),
    "reply_in_writing": gettext_lazy("Formal reply in writing"),
    "draft_reply": gettext_lazy("Final reply drawn up"),
    "send_reply": gettext_lazy("Final reply sent"),
    "ask_instruction": gettext_lazy("General manager asked how it goes on"),
    "write_instruction": gettext_lazy("General manager wrote how it goes on"),
    "remind_customer": gettext_lazy("Customer of the outstanding matter reminded"),
    "report_to_management": gettext_lazy("Reported to management"),
    # remedies
    "draft_remedy": gettext_lazy("Remedy noted down"),
    "offer": gettext_lazy("Remedy can be offered to the customer"),
    "ask_approval": gettext_lazy("Remedy waits for approval"),
    "approve": gettext_lazy("Approved"),
    "refuse_approval": gettext_lazy("Remedy refused"),
    "accept_offer": gettext_lazy("The customer chose the remedy"),
    "decline_offer": gettext_lazy("Remedy declined by the customer"),
    "fulfil": gettext_lazy("Remedy fulfilled"),
    "withdraw_offer": gettext_lazy("Remedy withdrawn"),
    "write_root_cause": gettext_lazy("Root cause written down"),
    # corrective and preventive actions
    "draft_action": gettext_lazy("Corrective or preventive action drafted"),
    "report_done": gettext_lazy("Action reported carried out"),
    "confirm_effective": gettext_lazy("Action found effective"),
    "find_ineffective": gettext_lazy("Action found not effective"),
    "try_again": gettext_lazy("Another try of the action drafted"),
    "recur": gettext_lazy("Recurred: the action is carried out anew"),
    "action_recurred": gettext_lazy("Found to be a recurrence: an earlier action is carried out anew"),
    "cancel": gettext_lazy("Action called off"),
    # measures
    "propose": gettext_lazy("Measure proposed"),
    "agree": gettext_lazy("Department agreed to the measure"),
    "object": gettext_lazy("Department objected to the measure"),
    "revise": gettext_lazy("Text of the measure revised"),
    "sign": gettext_lazy("Negotiated text signed"),
    "negotiate": gettext_lazy("Both sides signed the same text"),
    "strike_out": gettext_lazy("Measure struck out"),
    "carry_out": gettext_lazy("Measure carried out"),
    "reverse": gettext_lazy("Measure reversed"),
    "answer": gettext_lazy("The person concerned answered"),
}
"""Verb → what happened. A verb that services write and that is missing here fails a test."""
ON_THE_FORM: dict[str, Any] = {
    "invalidate": gettext_lazy("Complaint form ended with its ticket: no valid request"),
    "restore": gettext_lazy("Complaint form restored"),
    "merge": gettext_lazy("Complaint form ended with its merged ticket"),
    "reopen": gettext_lazy("Complaint form reopened, a new round"),
}
ON_A_MEASURE: dict[str, Any] = {"rule": gettext_lazy("Measure ruled on"), "send_back": gettext_lazy("Measure sent back")}
ON_AN_ACTION: dict[str, Any] = {
    "revise": gettext_lazy("Draft of the action changed"),
    "submit": gettext_lazy("Action submitted for approval"),
    "send_back": gettext_lazy("Action sent back to draft"),
    "taken_away": gettext_lazy("Action taken away from a person named in the matter"),
}
"""The same verb said of the form, where it would be mistaken for the ticket's."""

TO_WHOM = frozenset({"assign", "reassign", "second_line", "hand_up", "decline"})
DETAILS: list[tuple[str, Any]] = [
    ("into", gettext_lazy("into %(into)s")),
    ("number", gettext_lazy("%(number)s")),
    ("complaint", gettext_lazy("in %(complaint)s")),
    ("target", gettext_lazy("%(target)s")),
    ("department", gettext_lazy("%(department)s")),
    ("class", gettext_lazy("%(class)s")),
    ("limit", gettext_lazy("%(limit)s")),
    ("told", gettext_lazy("told: %(told)s")),
    ("until", gettext_lazy("until %(until)s")),
    ("agreement", gettext_lazy("agreement: %(agreement)s")),
    ("explanation", gettext_lazy("explained: %(explanation)s")),
    ("terms", gettext_lazy("%(terms)s")),
]
"""What of a line's data is said beside its title, in this order."""


MACHINES: dict[type[Model], str] = {Ticket: "ticket", ComplaintForm: "form", CorrectiveAction: "action", Disposition: "form", Remedy: "form"}
"""What has a life → the kind of its item."""
ATTEMPTS: dict[str, Any] = {
    "see": gettext_lazy("Open it"),
    "reveal": gettext_lazy("See the customer's contact data"),
    "contact": gettext_lazy("Record a contact"),
    "note": gettext_lazy("Write a note"),
    "edit": gettext_lazy("Correct what was typed wrongly"),
    "correct": gettext_lazy("Correct what was typed wrongly"),
    "attach": gettext_lazy("Add a file"),
    "register": gettext_lazy("Register an item"),
    "create_customer": gettext_lazy("Enter a customer"),
    "correct_customer": gettext_lazy("Correct a customer"),
    "finish_step": gettext_lazy("Say that the next step is done"),
    "record_visit": gettext_lazy("Record the return visit"),
    "second_follow_up": gettext_lazy("Record the second follow-up"),
    "name_concerned": gettext_lazy("Name somebody in the matter"),
    "no_longer_concerned": gettext_lazy("Take somebody's name out of the matter"),
    "presence": gettext_lazy("Say who is at the desk"),
    "keep_note": gettext_lazy("Write in the manager's ledger"),
    "case_summary": gettext_lazy("Write the case summary"),
    "back office": gettext_lazy("Open a page of the back office"),
    "change limits": gettext_lazy("Change limits that run"),
    "try a rule": gettext_lazy("Try a rule"),
    "import": gettext_lazy("Import or export"),
    "try again": gettext_lazy("Try again what failed"),
    "let be": gettext_lazy("Leave what failed as it is"),
    "forget": gettext_lazy("Forget a process that went silent"),
}
"""What is no move and no act: verb that was refused → what was wanted."""
OF_WHATEVER: dict[str, Any] = {
    "approve": gettext_lazy("Approve"),
    "send_back": gettext_lazy("Send back for another try"),
    "submit": gettext_lazy("Submit for review"),
}
"""Moves that several machines have under labels of their own, said of none of them. One that is missing here fails a test."""


def sentence(kind: str, verb: str, data: Mapping[str, Any], limits: Mapping[str, str]) -> tuple[str, str]:
    """(title, detail) of a history line in the reader's language. `limits`: names of the rules by code."""
    title = title_of(kind, verb, data)
    told = _spoken(data, limits)
    if verb == "assign" and isinstance(told.get("because"), Mapping):
        return _("The desk assigned it to %(name)s") % {"name": told.get("name", "")}, in_words(told["because"])
    parts = [_grade(told), _persons(verb, told), *(str(pattern) % told for key, pattern in DETAILS if told.get(key)), _changes(told)]
    return title, " · ".join(filter(None, parts))


def title_of(kind: str, verb: str, data: Mapping[str, Any]) -> str:
    """What happened, in a few words. A move that has no sentence of its own is said by its label."""
    of_its_own = ON_A_MEASURE if "measure" in data else {"form": ON_THE_FORM, "action": ON_AN_ACTION}.get(kind, {})
    said = of_its_own.get(verb) or SAID.get(verb)
    return str(said) if said is not None else label_of(kind, verb) or _("Something was recorded")


def label_of(kind: str, verb: str) -> str:
    """The button of a move or an act, the machine of `kind` first; empty where there is none."""
    models = sorted(MACHINES, key=lambda model: MACHINES[model] != kind)
    found = next((moves_of(model)[verb] for model in models if verb in moves_of(model)), None) or ACTS.get(verb)
    return str(found.label) if found else ""


def attempt_of(kind: str, verb: str, data: Mapping[str, Any]) -> str:
    """What somebody wanted to do (V3), by the label of its button; without a kind, by a label that holds for every machine."""
    neutral = "" if kind else str(OF_WHATEVER.get(verb, ""))
    return neutral or label_of(kind, verb) or str(ATTEMPTS.get(verb) or SAID.get(verb) or _("another step"))


def verbs_called(name_of: Callable[[str, str, Mapping[str, Any]], str], kind: str, typed: str) -> list[str]:
    """Verbs in whose name `typed` stands; `name_of` is one of the two above."""
    every = {*SAID, *ATTEMPTS, *ACTS, *(verb for model in MACHINES for verb in moves_of(model))}
    return sorted(verb for verb in every if any(typed.casefold() in name_of(kind, verb, data).casefold() for data in ({}, {"measure": 0})))


def state_of(kind: str, state: str, data: Mapping[str, Any]) -> str:
    """A state of what a line of history is about: of a part of the item where the line says of which one."""
    models = sorted(MACHINES, key=lambda model: (getattr(model, "part_of_item", "") not in data, MACHINES[model] != kind))
    return next((str(names[state]) for model in models if state in (names := dict(model._meta.get_field("state").flatchoices))), "")  # type: ignore[union-attr]


def _spoken(data: Mapping[str, Any], limits: Mapping[str, str]) -> dict[str, Any]:
    told = dict(data)
    for key in ("until", "at"):
        if isinstance(told.get(key), str):
            told[key] = _moment(told[key])
    if "code" in told:
        told["limit"] = limits.get(str(told["code"]), str(told["code"]))
    if told.get("told"):
        told["told"] = _(", ").join(told["told"])
    if "remedy" in told:
        told["terms"] = terms_of_remedy(str(told.get("kind", "")), told.get("value"))
    if told.get("kind") and "target" in told:
        told["terms"] = terms_of(told["kind"], told.get("amount"))
    return told


def _moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
        return wording.exact(at) if wording.ends_a_day(at) else when(at)
    except ValueError:
        return text


def terms_of(kind: str, amount: Any) -> str:
    """A measure in a few words: "Warning", "deduction 5 % of the month's performance pay"."""
    if kind == DispositionKind.DEDUCT_SHARE and amount not in (None, ""):
        return _("deduction of %(amount)s %% of the month's performance pay") % {"amount": number_of(amount)}
    if kind == DispositionKind.DEDUCT_AMOUNT and amount not in (None, ""):
        return _("deduction of %(amount)s yuan") % {"amount": number_of(amount)}
    if kind == DispositionKind.COMMENDATION and amount not in (None, ""):
        return _("commendation with %(amount)s yuan") % {"amount": number_of(amount)}
    return str(DispositionKind(kind).label) if kind in DispositionKind.values else kind


def number_of(amount: Any) -> str:
    text = str(amount)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _grade(told: Mapping[str, Any]) -> str:
    old, new = told.get("from") or "", told.get("grade") or ""
    if not new:
        return ""
    if told.get("proposed") and told["proposed"] != new:
        return _("grade %(new)s, proposed %(proposed)s") % {"new": new, "proposed": told["proposed"]}
    return _("grade %(old)s → %(new)s") % {"old": old, "new": new} if old else _("grade %(new)s") % {"new": new}


def _persons(verb: str, told: Mapping[str, Any]) -> str:
    name = told.get("name")
    if verb == "taken_away" and told.get("from"):
        return _("from %(from)s, now %(name)s") % told if name else _("from %(from)s") % told
    if verb == "take":
        return ""  # whoever took it stands there as who did it
    return _("to %(name)s") % {"name": name} if name and verb in TO_WHOM else str(name or "")


def _changes(told: Mapping[str, Any]) -> str:
    """A correction: field, old, new."""
    changes = told.get("changes")
    return changed(changes) if isinstance(changes, Mapping) else ""


def changed(changes: Mapping[str, Any], of: type[Ticket | Customer] = Ticket) -> str:
    """Field, old and new of each, in a sentence."""
    said = [
        {"field": field_name(name, of), "old": _value(name, pair[0], of), "new": _value(name, pair[1], of)}
        for name, pair in changes.items()
        if isinstance(pair, (list, tuple))
    ]
    return _("; ").join(_("%(field)s: %(old)s → %(new)s") % one for one in said)


def field_name(name: str, of: type[Ticket | Customer] = Ticket) -> str:
    """A field as the forms call it."""
    if name == "summary":
        return _("in one line")
    try:
        of = Customer if name == "level" else of
        return str(of._meta.get_field(name.removesuffix("_id")).verbose_name)  # type: ignore[union-attr]
    except FieldDoesNotExist:
        return name


def _value(name: str, value: Any, of: type[Ticket | Customer]) -> str:
    if value in (None, ""):
        return _("empty")
    if name == "level" and value in Level.values:
        return str(Level(value).label)
    if name == "industry":
        return Industry.spoken(value)
    field = of._meta.get_field(name) if name in {f.name for f in of._meta.fields} else None
    choices = dict(field.flatchoices) if field is not None else {}  # type: ignore[union-attr]
    return str(choices.get(value, _moment(value) if isinstance(value, str) and name.endswith("_at") else value))
