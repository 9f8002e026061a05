"""From an address to a row this person may see. Unknown and invisible look the same: 404 (decision 2)."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, JSONField, OuterRef, Q, Subquery
from django.db.models.functions import JSONObject
from django.http import Http404, HttpRequest

from complaints.guards import Asked
from complaints.models import ComplaintForm, CorrectiveAction, DecisionText, Disposition, GradeRule, Remedy
from feedback_desk.deadlines.models import Deadline
from feedback_desk.people import access, standing
from feedback_desk.people.models import User
from feedback_desk.records.models import Item, Kind
from feedback_desk.workplace import waiting
from tickets.models import Customer, NextStep, Ticket
from tickets.permissions import matter_that_closes

WITH_TICKET = (
    "item",
    "ticket__item__department",
    "ticket__item__holder",
    "ticket__customer__owner",
    "ticket__category__parent",
    "ticket__assignee__backup",
    "graded_by",
)


class Unseen(Http404):
    """To the reader the same as unknown. What they tried to change is recorded all the same (V3): by the middleware, after the rollback."""

    def __init__(self, user: User, item: Item | None) -> None:
        super().__init__()
        self.user, self.item = user, item


def unseen(user: User, number: str) -> Unseen:
    return Unseen(user, Item.objects.filter(number=number.upper()).first())


def unseen_customer(user: User, which: Q) -> Unseen:
    """V3: the attempt is kept with the matter that closes the file; nothing is kept of a file that does not exist."""
    customer = Customer.objects.filter(which).first()
    return Unseen(user, matter_that_closes(user, customer) if customer else None)


def me(request: HttpRequest) -> User:
    """The signed-in person with the roles they have and back up; the views are behind login_required."""
    assert isinstance(request.user, User)
    standing.load_roles(request.user)
    return request.user


def ticket(user: User, number: str) -> Ticket:
    """The ticket with all that stands in its head, and its form if it has one: one query."""
    closed = Customer.objects.all().closed_to(user)
    marks = {"file_closed": Exists(closed.filter(pk=OuterRef("customer_id"))), "set_aside": waiting.set_aside_beside(user)}
    of_form = {"text_id": _text_of("form"), "asked": _asked_of("form__grade")}
    rows = Ticket.objects.visible_to(user).annotate(**marks, **of_form).select_related(
        "item__department",
        "item__holder",
        "customer__owner",
        "category__parent",
        "assignee__backup",
        "received_by",
        "merged_into__item",
        "form__item",
        "form__graded_by",
    )
    found: Ticket | None = rows.filter(item__number=number.upper()).first()
    if found is None:
        raise unseen(user, number)
    if hasattr(found, "form"):
        found.form.ticket, found.form.text_id, found.form.asked = found, found.text_id, found.asked  # type: ignore[attr-defined]  # annotated
    return found


def _text_of(form: str) -> Subquery:
    """The newest text kept of the form (decision 46)."""
    return Subquery(DecisionText.objects.filter(form=OuterRef(form)).order_by("-pk").values("pk")[:1])


def _asked_of(grade: str) -> Subquery:
    """What the form's grade asks for, as guards.Asked names it."""
    rule = GradeRule.objects.filter(grade=OuterRef(grade)).order_by()
    return Subquery(rule.values(asked=JSONObject(**{name: name for name in Asked._fields}))[:1], output_field=JSONField())


def form(user: User, number: str) -> ComplaintForm:
    """A complaint form: of a ticket this person sees, or with measures of a department they head (C4)."""
    found: ComplaintForm | None = _forms(user).filter(item__number=number.upper()).first()
    if found is None or not access.may(user, "see", found.item):
        raise unseen(user, number)
    found.ticket.form, found.ticket.file_closed, found.ticket.set_aside = found, found.file_closed, found.set_aside  # type: ignore[attr-defined]
    return found


def _forms(user: User) -> Any:
    closed = Customer.objects.all().closed_to(user).filter(pk=OuterRef("ticket__customer_id"))
    set_aside = waiting.set_aside_beside(user, "ticket__")
    marks = {"file_closed": Exists(closed), "set_aside": set_aside, "text_id": _text_of("pk"), "asked": _asked_of("grade")}
    return ComplaintForm.objects.untouched_by(user).annotate(**marks).select_related(*WITH_TICKET)


def disposition(user: User, pk: int) -> Disposition:
    row: Disposition | None = (
        Disposition.objects.select_related("form__item__root", "user", "department", *(f"form__{name}" for name in WITH_TICKET)).filter(pk=pk).first()
    )
    if row is None or not access.may(user, "see", row.form.item):
        raise Unseen(user, row.form.item if row else None)
    return row


def remedy(user: User, pk: int) -> Remedy:
    """G4: a remedy of a form this person sees."""
    rows = Remedy.objects.select_related("form__item__root", "proposed_by", "approved_by", *(f"form__{name}" for name in WITH_TICKET))
    row: Remedy | None = rows.filter(pk=pk).first()
    if row is None or not access.may(user, "see", row.form.item):
        raise Unseen(user, row.form.item if row else None)
    return row


ACTION = ("item__root", "owner", "department__head", "drafted_by", "compiled_by", "approved_by", "checked_by", "cause__category__parent", "form__item__root",
          "form__ticket__item")  # fmt: skip


def action(user: User, number: str) -> CorrectiveAction:
    """C14: an action that this person compiles, approves, carries out or checks, whatever they see of its complaint."""
    row: CorrectiveAction | None = CorrectiveAction.objects.select_related(*ACTION).filter(item__number=number.upper()).first()
    if row is None or not access.may(user, "see", row.item):
        raise Unseen(user, row.item if row else None)
    return row


def deadline(user: User, pk: int) -> Deadline:
    """A limit of a matter whose ticket or form this person sees."""
    row = Deadline.objects.select_related("rule", "item", "root").prefetch_related("pauses").filter(pk=pk).first()
    if row is None or not sees(user, row.item):
        raise Unseen(user, row.item if row else None)
    return row


def matter(user: User, number: str) -> Item:
    """A ticket's or form's item that this person sees."""
    item = Item.objects.filter(number=number.upper()).first()
    if item is None or not sees(user, item):
        raise Unseen(user, item)
    return item


def sees(user: User, item: Item) -> bool:
    """The item itself, or the complaint form of its matter (C4: a head concerned sees the form only, with all limits of the matter)."""
    forms = Item.objects.filter(root_id=item.root_id or item.pk, kind=Kind.FORM)
    return access.may(user, "see", item) or any(access.may(user, "see", form) for form in forms)


def step(user: User, pk: int) -> NextStep:
    """F1: a next step of a ticket this person sees."""
    row: NextStep | None = NextStep.objects.select_related("contact", "item").filter(pk=pk).first()
    if row is None or not access.may(user, "see", row.item):
        raise Unseen(user, row.item if row else None)
    return row
