"""Registering an item while the customer is on the phone (I1, I2, I7). One form; every button also works without JavaScript, by sending it all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from complaints import grading
from complaints import services as complaints
from feedback_desk import clock
from feedback_desk.people.access import NotYou
from feedback_desk.people.models import Role, User
from feedback_desk.workplace import customer_cards, presence, waiting
from feedback_desk.workplace.forms import RegisterItemForm
from feedback_desk.workplace.views import drafts
from tickets import routes
from tickets import services as tickets
from tickets.forms import CustomerForm, first_values
from tickets.models import Category, Customer, Level, Placing, Priority, PriorityRule, Ticket, Type, Urgency
from tickets.permissions import may_register

PLACE = "register"
NEW = "new"
PROPOSED_BY = ("type", "category", "channel", "urgency", "summary", "what_happened", "product", "model", "batch", "quality_class")
"""G1: what is typed that the rules of grading look at."""
PARTS = {"find", "pick", "unpick", "new", "create"}
"""Buttons that change who the customer is and keep everything else."""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    user = _who_registers(request)
    if request.method == "POST" and not PARTS & set(request.POST):
        return _send(request, user)
    if request.method == "POST":
        return _page(request, user, _unsent(request, user), _customer_part(request, user))
    kept = drafts.kept(user, PLACE)
    asked = {name: request.GET[name] for name in ("type", "customer", "channel") if name in request.GET}
    form = RegisterItemForm(user=user, people=_assignable(user), initial=first_values() | kept | asked)
    return _page(request, user, form, _part_of(user, {**kept, **asked}), kept=bool(kept))


def _who_registers(request: HttpRequest) -> User:
    user = waiting.person(request)
    if not may_register(user):
        raise NotYou(_("Registering is not part of your role."), user=user, verb="register")
    return user


def _assignable(user: User) -> list[tuple[int, str]]:
    """T6: supervisors and heads may assign at once; others keep it or leave it to the desk."""
    if not user.has_role(*waiting.LEADS, Role.DEPARTMENT_HEAD):
        return []
    return [(p.pk, presence.named(p)) for p in presence.assignable(list(presence.people(clock.now())))]


def _unsent(request: HttpRequest, user: User) -> RegisterItemForm:
    """Everything typed so far, without judging it yet."""
    typed = {name: request.POST.getlist(name) if name == "about" else request.POST.get(name) for name in RegisterItemForm.base_fields if name != "uploads"}
    return RegisterItemForm(user=user, people=_assignable(user), initial=typed)


class Part:
    """The customer's place in the form: searching, chosen, or being written down."""

    def __init__(self, user: User, *, chosen: Customer | None = None, words: str = "", new: CustomerForm | None = None, searched: bool = False) -> None:
        self.chosen, self.words, self.new, self.searched = chosen, words, new, searched
        self.card = customer_cards.card(chosen, user) if chosen else None
        self.found = customer_cards.found(words, user) if searched and words else []


def _part_of(user: User, typed: dict[str, Any]) -> Part:
    """As a draft or an address left it."""
    chosen = _customer(user, str(typed.get("customer") or ""))
    written = {name.removeprefix(f"{NEW}-"): value for name, value in typed.items() if name.startswith(f"{NEW}-")}
    new = CustomerForm(prefix=NEW, initial=written) if written.get("name") or written.get("phone") else None
    words = str(typed.get("who") or "").strip()
    return Part(user, chosen=chosen, words=words, new=None if chosen else new, searched=not chosen and not new and bool(words))


def _customer_part(request: HttpRequest, user: User) -> Part:
    """What the pressed button makes of the customer."""
    post, words = request.POST, request.POST.get("who", "").strip()
    if "pick" in post:
        return Part(user, chosen=_customer(user, post["pick"]), words=words)
    if "new" in post:
        return Part(user, new=_blank(words))
    if "create" in post:
        form = CustomerForm(post, prefix=NEW)
        made = _create(form, user)
        return Part(user, chosen=made) if made else Part(user, new=form)
    return Part(user, words=words, searched=True)


def _customer(user: User, number: str) -> Customer | None:
    """One whose file is closed to the person (V3) is not there: whoever calls gets a new file, and nothing is said of the other."""
    return Customer.objects.visible_to(user).filter(number=number).first() if number else None


def _blank(words: str) -> CustomerForm:
    """A new customer with what was searched for: digits are a phone number, the rest a name."""
    digits = sum(ch.isdigit() for ch in words)
    return CustomerForm(prefix=NEW, initial={"phone" if digits > len(words) / 2 and digits > 4 else "name": "" if words.isdigit() and digits < 5 else words})


def _create(form: CustomerForm, user: User) -> Customer | None:
    """The new customer; None with the form's errors filled."""
    if not form.is_valid():
        return None
    try:
        return tickets.create_customer(by=user, **form.facts())
    except ValidationError as error:
        _tell(form, error)
        return None


def _tell(form: Any, error: ValidationError) -> None:
    """A service's sentences at the fields they speak of."""
    for name, sentences in (error.message_dict if hasattr(error, "error_dict") else {"": error.messages}).items():
        place = {"assignee": "holder", "reason": "grade_reason"}.get(name, name)
        form.add_error(place if place in form.fields else None, sentences)


def _send(request: HttpRequest, user: User) -> HttpResponse:
    """All or nothing: a new customer, the item, its grade; refused, everything typed stands there again."""
    form = RegisterItemForm(request.POST, request.FILES, user=user, people=_assignable(user))
    new = CustomerForm(request.POST, prefix=NEW) if request.POST.get(f"{NEW}-name") is not None else None
    chosen = _customer(user, request.POST.get("customer", ""))
    if not chosen and new is None:
        form.add_error("customer", _("Choose the customer, or open a new one."))
    fine = form.is_valid() & (new is None or bool(chosen) or new.is_valid())
    ticket = _register(form, new, chosen, user) if fine else None
    if ticket is None:
        words = request.POST.get("who", "")
        return _page(request, user, form, Part(user, chosen=chosen, words=words, new=None if chosen else new, searched=True), status=422)
    drafts.remove(user, PLACE)
    messages.success(request, _("%(number)s is registered.") % {"number": ticket.item.number})
    if "next" in request.POST or not waiting.seen_by(user).filter(pk=ticket.pk).exists():
        return redirect("workplace:register")
    return redirect("workplace:ticket", number=ticket.item.number)


def _register(form: RegisterItemForm, new: CustomerForm | None, chosen: Customer | None, user: User) -> Ticket | None:
    try:
        with transaction.atomic():
            customer = chosen or tickets.create_customer(by=user, **(new.facts() if new else {}))
            ticket = tickets.register(by=user, customer_id=customer.pk, **form.facts())
            if grading := form.grading():
                complaints.grade(form_id=ticket.form.pk, by=user, **grading)
            return ticket
    except ValidationError as error:
        _tell(new if new is not None and not chosen and set(getattr(error, "error_dict", ())) & {"phone", "email", "name"} else form, error)
        return None


def _page(request: HttpRequest, user: User, form: RegisterItemForm, part: Part, *, kept: bool = False, status: int = 200) -> HttpResponse:
    level = part.chosen.level if part.chosen else None
    _name_priorities(form, level)
    if part.chosen:
        form.initial["customer"] = part.chosen.number
    number = part.chosen.number if part.chosen else ""
    return render(
        request,
        "workplace/register.html",
        {
            "form": form,
            "part": part,
            "customer_number": number,
            "new_form": part.new,
            "kept": kept,
            "what": [form[name] for name in form.WHAT],
            "more": [form[name] for name in form.MORE],
            "more_open": any(form[name].errors or form[name].value() for name in form.MORE),
            "matrix": _matrix(),
            "duplicates": _duplicates(user, form, part.chosen),
            "proposal": _proposal(part.chosen, {name: str(form[name].value() or "") for name in PROPOSED_BY}),
            "after": _after(part, {name: str(form[name].value() or "") for name in ("type", "category", "holder")}),
        },
        status=status,
    )


def _matrix() -> dict[str, dict[str, str]]:
    """T4: the word of the priority by level and urgency."""
    found: dict[str, dict[str, str]] = {level: {} for level in Level.values}
    for rule in PriorityRule.objects.all():
        found[rule.level][rule.urgency] = str(Priority(rule.priority).label)
    return found


def _name_priorities(form: RegisterItemForm, level: str | None) -> None:
    words, unknown = _matrix().get(level or "", {}), _("by customer level")
    form._field("urgency").choices = [(value, f"{label} → {words.get(value) or unknown}") for value, label in Urgency.choices]


def _duplicates(user: User, form: RegisterItemForm, chosen: Customer | None) -> list[Any]:
    values = {name: str(form[name].value() or "") for name in ("order_number", "product", "batch", "summary")}
    return customer_cards.duplicates(
        user, chosen, order_number=values["order_number"], product=values["product"], batch=values["batch"], words=values["summary"]
    )


def _proposal(chosen: Customer | None, said: Mapping[str, str]) -> grading.Proposal | None:
    """G1: which grade the rules would propose for what is typed so far; nothing is saved. None for what is no complaint, or has no category yet."""
    category = Category.objects.filter(pk=said["category"]).first() if said.get("category", "").isdecimal() else None
    if said.get("type") != Type.COMPLAINT or category is None:
        return None
    quality_class = said.get("quality_class", "")
    facts = grading.Facts(
        form_id=0, ticket_id=0, customer_id=chosen.pk if chosen else 0, level=chosen.level if chosen else Level.ORDINARY,
        category_id=category.pk, slug=category.slug, quality=category.quality,
        quality_class=int(quality_class) if category.quality and quality_class.isdecimal() else None,
        channel=said["channel"], urgency=said["urgency"], summary=said["summary"], what_happened=said["what_happened"],
        product=said["product"].strip(), model=said["model"].strip(), lot=said["batch"].strip(),
        received_at=clock.now(), completed_at=None, state="pending",
    )  # fmt: skip
    return grading.propose_typed(facts)


def _after(part: Part, said: Mapping[str, str]) -> list[tuple[str, str]]:
    """What registering will do, said before: icon and sentence. `said`: type, category and holder, as far as they are chosen."""
    return [("envelope-check", _receipt(part)), *_where(part, said), ("file-earmark-text", _("A complaint opens its form with it."))]


def _receipt(part: Part) -> str:
    """F1: how the customer learns the number, as far as it is known who they are."""
    if part.card is None:
        return _("The number goes to the customer's e-mail; without one, read it out.")
    return _("A receipt with the number goes to the customer's e-mail.") if part.card.email else _("No e-mail on file: read the number out to the customer.")


def _where(part: Part, said: Mapping[str, str]) -> list[tuple[str, str]]:
    """T6: who gets it, as far as it is known now."""
    if said.get("holder"):
        return []
    category = Category.objects.filter(pk=said["category"]).first() if said.get("category", "").isdigit() else None
    route = routes.of(said.get("type", ""), category) if category else None
    lines = []
    if part.card is not None and part.card.owner:
        lines = [("person-check", _("Goes to %(who)s, the customer's own agent, when at the desk.") % {"who": part.card.owner})]
    if route is not None and route.placing == Placing.AUTOMATIC:
        there = route.department.spoken if route.department else _("your department")
        otherwise = _("The desk gives it to somebody of %(department)s who is at the desk and has the skill, unless you keep it.")
        return [*lines, ("magic", otherwise % {"department": there})]
    if route is not None and route.department is not None:
        return lines or [("inbox", _("Goes to the queue of %(department)s, unless you keep it.") % {"department": route.department.spoken})]
    return lines or [("inbox", _("Goes to the queue, unless you keep it."))]


@login_required
@require_safe
def lookup(request: HttpRequest) -> HttpResponse:
    """While typing: customers found, masked (V4); or the one picked."""
    user = _who_registers(request)
    if "pick" in request.GET:
        part = Part(user, chosen=_customer(user, request.GET["pick"]))
        return render(request, "workplace/_customer_part.html", {"part": part, "customer_number": part.chosen.number if part.chosen else ""})
    if "unpick" in request.GET:
        return render(request, "workplace/_customer_part.html", {"part": Part(user)})
    words = request.GET.get("who", "").strip()
    return render(request, "workplace/_customers_found.html", {"part": Part(user, words=words, searched=True)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_customer(request: HttpRequest) -> HttpResponse:
    """GET: the fields, in the place of the search. POST: opened, and chosen for the item."""
    user = _who_registers(request)
    if request.method != "POST":
        if not request.htmx:  # type: ignore[attr-defined]
            return redirect(reverse("workplace:register"))
        part = Part(user, new=_blank(request.GET.get("who", "").strip()))
        return render(request, "workplace/_customer_part.html", {"part": part, "new_form": part.new})
    form = CustomerForm(request.POST, prefix=NEW)
    made = _create(form, user)
    part = Part(user, chosen=made) if made else Part(user, new=form)
    return render(
        request,
        "workplace/_customer_part.html",
        {"part": part, "new_form": part.new, "customer_number": made.number if made else ""},
        status=200 if made else 422,
    )


@login_required
@require_safe
def duplicates(request: HttpRequest) -> HttpResponse:
    """I7, while typing; and what registering will do."""
    user = _who_registers(request)
    chosen = _customer(user, request.GET.get("customer", ""))
    said = {name: request.GET.get(name, "") for name in ("order_number", "product", "batch")}
    found = customer_cards.duplicates(user, chosen, words=request.GET.get("summary", ""), **said)
    return render(request, "workplace/_register_side.html", {"duplicates": found, "after": _after(Part(user, chosen=chosen), request.GET.dict())})


@login_required
@require_POST
def proposal(request: HttpRequest) -> HttpResponse:
    """G1, while typing: the grade that the rules would propose. Sent as a POST for the length of what happened; changes nothing."""
    user = _who_registers(request)
    said = {name: request.POST.get(name, "") for name in PROPOSED_BY}
    return render(request, "workplace/_register_proposal.html", {"proposal": _proposal(_customer(user, request.POST.get("customer", "")), said)})
