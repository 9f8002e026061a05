"""The customer book: found, the file with everything about a customer (I6), corrected, and contact data shown for a recorded reason (V4)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback_desk import clock
from feedback_desk.people.access import NotYou
from feedback_desk.people.models import User
from feedback_desk.workplace import customer_cards, finding, rows, waiting
from feedback_desk.workplace.forms import RevealForm
from followups.models import Visit
from tickets import services as tickets
from tickets.forms import CorrectCustomerForm
from tickets.models import ContactPoint, Customer
from tickets.permissions import may_register, may_see_contact_data

PAGE = 50
VISITS = 20


@login_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All customer files, newest first, or those found."""
    user, words = waiting.person(request), request.GET.get("q", "").strip()[:100]
    book = Customer.objects.visible_to(user)
    if words:
        book = book.filter(pk__in=Customer.objects.found_by(words).values("pk"))
    opened = Count("tickets", filter=Q(tickets__in=waiting.seen_by(user).filter(item__open=True).values("pk")))
    shown = book.select_related("owner").prefetch_related("contact_points").annotate(open_count=opened, set_aside=waiting.set_aside_of(user))
    page = Paginator(shown.order_by("-created_at", "-pk"), PAGE).get_page(request.GET.get("page"))
    return render(request, "workplace/customers.html", {"page": page, "words": words, "cards": [_line(c) for c in page]})


def _line(customer: Any) -> dict[str, Any]:
    phone = next((p.masked for p in customer.contact_points.all() if p.kind == ContactPoint.Kind.PHONE), "")
    return {"customer": customer, "phone": phone, "open": customer.open_count}


def _file_of(user: User, number: str) -> Customer:
    """Unknown and invisible look the same."""
    found: Customer | None = Customer.objects.visible_to(user).select_related("owner").filter(number=number.upper()).first()
    if found is None:
        raise finding.unseen_customer(user, Q(number=number.upper()))
    return found


@login_required
@never_cache
@require_safe
def file(request: HttpRequest, number: str) -> HttpResponse:
    """I6: items, complaints, visits with scores, outstanding matters; of these what this person may see."""
    user, at = waiting.person(request), clock.now()
    customer = _file_of(user, number)
    theirs = waiting.seen_by(user).filter(customer=customer)
    listing = rows.listing(theirs, user, at, sort="received", page=_page(request))
    points = list(customer.contact_points.order_by("kind", "-primary"))
    visits = Visit.objects.filter(ticket__in=theirs.values("pk")).select_related("ticket__item", "by").order_by("-at")[:VISITS]
    return render(
        request,
        "workplace/customer.html",
        {
            "customer": customer,
            "card": customer_cards.card(customer, user),
            "points": points,
            "twins": customer_cards.twins(customer, points, user),
            "listing": listing,
            "visits": visits,
            "corrections": customer_cards.corrections(customer),
            "outstanding": waiting.outstanding(user).filter(ticket__customer=customer).select_related("item", "ticket__item"),
            "complaints": theirs.filter(type="complaint").count(),
            "may_reveal": may_see_contact_data(user),
            "may_correct": may_register(user),
            "reveal_form": RevealForm(),
            "me": user,
            "nothing": {"title": _("No item that you see belongs to this customer.")},
        },
    )


def _page(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, number: str) -> HttpResponse:
    """What was typed wrongly, with a reason. Contact data is never shown, only replaced."""
    user = waiting.person(request)
    customer = _file_of(user, number)
    if not may_register(user):
        raise NotYou(_("Correcting a customer file is not part of your role."), user=user, verb="correct_customer")
    form = CorrectCustomerForm(request.POST or None, customer=customer, sees_contact_data=may_see_contact_data(user))
    if request.method == "POST" and form.is_valid() and _corrected(form, customer, user):
        messages.success(request, _("The customer file is corrected."))
        return redirect("workplace:customer", number=customer.number)
    context = {"form": form, "customer": customer, "corrections": customer_cards.corrections(customer, whole=True)}
    return render(request, "workplace/customer_correct.html", context, status=422 if form.errors else 200)


def _corrected(form: CorrectCustomerForm, customer: Customer, user: User) -> bool:
    try:
        tickets.correct_customer(by=user, customer_id=customer.pk, changes=form.changes(), reason=form.cleaned_data["reason"])
    except ValidationError as error:
        for name, sentences in (error.message_dict if hasattr(error, "error_dict") else {"": error.messages}).items():
            form.add_error(name if name in form.fields else None, sentences)
        return False
    return True


@login_required
@never_cache
@require_POST
def reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """V4: the plain value once, for a reason, recorded. `item`: the ticket on which it is needed."""
    user = waiting.person(request)
    point = ContactPoint.objects.select_related("customer").filter(pk=pk, customer__in=Customer.objects.visible_to(user)).first()
    if point is None:
        raise finding.unseen_customer(user, Q(contact_points=pk))
    ticket = waiting.seen_by(user).filter(item__number=request.POST.get("item", ""), customer=point.customer).select_related("item").first()
    form, value = RevealForm(request.POST), ""
    if form.is_valid():
        value = tickets.reveal(point_id=point.pk, by=user, why=form.cleaned_data["why"], item=ticket.item if ticket else None)
    context = {"point": point, "customer": point.customer, "value": value, "form": form, "item_number": ticket.item.number if ticket else ""}
    template = "workplace/_revealed.html" if request.htmx else "workplace/revealed.html"  # type: ignore[attr-defined]
    return render(request, template, context, status=200 if value else 422)
