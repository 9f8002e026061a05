"""Categories, rules of assignment, skills, priorities, phrases: configuration.

Customers, tickets, contacts: to look at, masked; the work itself is done at the desk.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from feedback_desk import clock
from feedback_desk.people import services as people
from feedback_desk.people.models import Presence, User
from feedback_desk.people.office import Configured, LedByASupervisor, OfficeAdmin, OnTheDesk
from feedback_desk.records.many import ManyRows
from feedback_desk.records.secrets import mask_name
from feedback_desk.records.spoken import when
from tickets import candidates
from tickets.models import Category, Contact, Customer, EmptyPhrase, NextStep, PriorityRule, Route, Seat, Skill, Ticket


@admin.register(Category)
class CategoryAdmin(Configured):
    """T2. A category in use is switched off, not deleted; its code is what deadline rules name and stays."""

    list_display = ("place", "slug", "name_en", "after_sale", "quality", "active", "order")
    list_editable = ("active", "order")
    list_per_page = 200
    list_filter = ("active", "after_sale", "quality", ("parent", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("parent",)
    search_fields = ("slug", "name", "name_en")
    ordering = (Coalesce("parent__order", "order"), Coalesce("parent__name", "name"), F("parent").asc(nulls_first=True), "order", "name")
    fields = ("slug", "parent", "name", "name_en", "after_sale", "quality", "active", "order")

    @admin.display(description=_("category"), ordering="name")
    def place(self, category: Category) -> str:
        return _whole(category)

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> tuple[str, ...]:
        return ("slug",) if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The tree has two levels."""
        if db_field.name == "parent":
            kwargs["queryset"] = Category.objects.filter(parent=None)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Route)
class RouteAdmin(LedByASupervisor):
    """T6: the most specific rule applies; with none an item goes to the queue of whoever registered it."""

    deletes = True
    list_display = ("whole_category", "whole_type", "department", "placing")
    list_display_links = ("whole_category", "whole_type")
    list_editable = ("placing",)
    list_filter = ("placing", "department", "type")
    list_select_related = ("category__parent", "department")

    @admin.display(description=_("category"), ordering="category__order")
    def whole_category(self, route: Route) -> str:
        return _whole(route.category) if route.category else str(_("every category"))

    @admin.display(description=_("type"), ordering="type")
    def whole_type(self, route: Route) -> str:
        return route.get_type_display() if route.type else str(_("every type"))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return _with_whole_names(field) if db_field.name == "category" else field


@admin.register(Skill)
class SkillAdmin(LedByASupervisor):
    """T6. A skill in use is switched off, not deleted."""

    list_display = ("name", "name_en", "covers", "people", "active")
    list_editable = ("active",)
    list_filter = ("active",)
    search_fields = ("name", "name_en")
    fields = ("name", "name_en", "categories", "active")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Skill]:
        return super().get_queryset(request).prefetch_related("categories__parent", "seats__user")

    @admin.display(description=_("categories"))
    def covers(self, skill: Skill) -> str:
        return str(_(", ")).join(_whole(category) for category in skill.categories.all()) or "–"

    @admin.display(description=_("people"))
    def people(self, skill: Skill) -> str:
        return str(_(", ")).join(str(seat) for seat in skill.seats.all()) or "–"

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return _with_whole_names(super().formfield_for_manytomany(db_field, request, form_class=ManyRows, widget=forms.CheckboxSelectMultiple(), **kwargs))


@admin.register(Seat)
class SeatAdmin(LedByASupervisor):
    """T6: who can do what, with how much they have in hand now. Presence is said by the person, or here for somebody who forgot to."""

    deletes = True
    list_display = ("user", "department", "presence", "since", "in_hand", "most", "can")
    list_editable = ("most",)
    list_filter = ("skills", "user__department", "user__on_duty")
    list_select_related = ("user__department",)
    search_fields = ("user__name", "user__username")
    fields = ("user", "skills", "most")
    actions = ("say_here", "say_gone")

    def get_queryset(self, request: HttpRequest) -> Any:
        person: Any = candidates.handlers(clock.now()).filter(pk=OuterRef("user"))
        rows = super().get_queryset(request).annotate(in_hand=Subquery(person.values("in_hand")), away=Subquery(person.values("away")))
        return rows.prefetch_related("skills")

    @admin.display(description=_("department"), ordering="user__department__name")
    def department(self, seat: Seat) -> str:
        return str(seat.user.department or "–")

    @admin.display(description=_("presence"), ordering="user__on_duty")
    def presence(self, seat: Any) -> str:
        return str(_("on leave")) if seat.away else str(seat.user.presence.label)

    @admin.display(description=_("in this state since"), ordering="user__presence_since")
    def since(self, seat: Seat) -> str:
        return when(seat.user.presence_since) if seat.user.presence_since else "–"

    @admin.display(description=_("in hand"), ordering="in_hand")
    def in_hand(self, seat: Any) -> int:
        return int(seat.in_hand or 0)

    @admin.display(description=_("skills"))
    def can(self, seat: Seat) -> str:
        return str(_(", ")).join(skill.spoken for skill in seat.skills.all()) or "–"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only those who may be given tickets."""
        if db_field.name == "user":
            kwargs["queryset"] = candidates.handlers(clock.now()).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, form_class=ManyRows, widget=forms.CheckboxSelectMultiple(), **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Seat | None = None) -> tuple[str, ...]:
        return ("user",) if obj else ()

    @admin.action(description=_("They are at the desk"), permissions=["change"])
    def say_here(self, request: HttpRequest, seats: QuerySet[Seat]) -> None:
        self._say(request, seats, Presence.HERE)

    @admin.action(description=_("They are off duty"), permissions=["change"])
    def say_gone(self, request: HttpRequest, seats: QuerySet[Seat]) -> None:
        self._say(request, seats, Presence.GONE)

    def _say(self, request: HttpRequest, seats: QuerySet[Seat], presence: Presence) -> None:
        assert isinstance(request.user, User)
        for user_id in list(seats.values_list("user_id", flat=True)):
            people.set_presence(user_id=user_id, presence=presence, by=request.user)


def _whole(category: Category) -> str:
    return f"{category.parent.spoken} › {category.spoken}" if category.parent else category.spoken


def _with_whole_names(field: Any) -> Any:
    """A choice of categories in the order of the tree, each with the one above it."""
    field.queryset = Category.objects.filter(active=True).select_related("parent").order_by(*CategoryAdmin.ordering)
    field.label_from_instance = _whole
    return field


@admin.register(PriorityRule)
class PriorityRuleAdmin(Configured):
    """T4: every cell of the matrix stands; only its answer changes."""

    adds = False
    list_display = ("urgency", "level", "priority")
    list_filter = ("urgency", "level")
    readonly_fields = ("urgency", "level")


@admin.register(EmptyPhrase)
class EmptyPhraseAdmin(Configured):
    """F1."""

    deletes = True
    list_display = ("text",)
    search_fields = ("text",)


@admin.register(Customer)
class CustomerAdmin(OfficeAdmin):
    """V4: masked, for everybody here. Found by number, name, whole phone or its last four digits; corrected and revealed at the desk."""

    list_display = ("number", "masked_name", "kind", "level", "contact_data", "section", "owner", "created_at")
    list_filter = ("kind", "level", "created_at")
    list_select_related = ("owner",)
    search_fields = ("number",)
    search_help_text = _("Number, name, whole phone number or its last four digits.")
    fields = ("number", "masked_name", "kind", "level", "contact_data", "section", "owner", "external_id", "created_at")
    readonly_fields = ("masked_name", "contact_data", "section")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        """V3: not the files of customers of a matter one is named in."""
        named: Any = request.user
        rows: QuerySet[Customer] = super().get_queryset(request).filter(pk__in=Customer.objects.untouched_by(named).values("pk"))
        return rows.prefetch_related("contact_points")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (queryset.filter(pk__in=Customer.objects.found_by(term).values("pk")) if term else queryset), False

    @admin.display(description=_("name"), ordering="number")
    def masked_name(self, customer: Customer) -> str:
        return customer.masked_name

    @admin.display(description=_("industry"), ordering="industry")
    def section(self, customer: Customer) -> str:
        return customer.industry_named

    @admin.display(description=_("contact data"))
    def contact_data(self, customer: Customer) -> str:
        parts = [point.masked for point in customer.contact_points.all()]
        return str(_(", ")).join([mask_name(customer.contact_name), *parts] if customer.contact_name else parts) or "–"


@admin.register(Ticket)
class TicketAdmin(OnTheDesk, OfficeAdmin):
    """States move by the services only; what people wrote stands at the desk."""

    matter = "item__root"
    list_display = ("at_the_desk", "title", "client", "type", "category", "priority", "state", "assignee", "registered_at", "next_limit")
    list_display_links = ("title",)
    list_filter = ("state", "type", "priority", ("category", admin.RelatedOnlyFieldListFilter), "channel", "item__department", "registered_at", "historic")
    list_select_related = ("item", "customer", "category", "assignee")
    search_fields = ("item__number", "item__title", "order_number", "customer__number")
    ordering = ("-registered_at",)
    fields = (
        "at_the_desk", "title", "state", "state_since", "round", "type", "category", "urgency", "priority", "channel", "client", "order_number", "product",
        "assignee", "received_at", "registered_at", "registered_by", "assigned_at", "first_response_at", "last_contact_at", "completed_at", "closed_at",
        "outcome", "repeat", "batch_linked", "historic", "next_limit",
    )  # fmt: skip
    readonly_fields = ("at_the_desk", "title", "client", "next_limit")

    @admin.display(description=_("in one line"), ordering="item__title")
    def title(self, ticket: Ticket) -> str:
        return ticket.item.title

    @admin.display(description=_("customer"), ordering="customer__number")
    def client(self, ticket: Ticket) -> str:
        return str(ticket.customer)

    @admin.display(description=_("next limit"), ordering="item__next_limit_at")
    def next_limit(self, ticket: Ticket) -> Any:
        return ticket.item.next_limit_at


@admin.register(Contact)
class ContactAdmin(OnTheDesk, OfficeAdmin):
    """F1. Who spoke with the customer when; what was said stands at the desk (V4)."""

    matter = "item__root"
    list_display = ("at", "at_the_desk", "by", "way", "reached", "purpose", "next_by", "next_at")
    list_filter = ("way", "reached", "purpose", "at", "by")
    list_select_related = ("item", "by", "next_by")
    search_fields = ("item__number", "by__name")
    fields = ("at", "recorded_at", "at_the_desk", "by", "way", "reached", "purpose", "next_by", "next_at")
    readonly_fields = ("at_the_desk",)


@admin.register(NextStep)
class NextStepAdmin(OnTheDesk, OfficeAdmin):
    """F1. What comes next, who has it, by when, done or not; its words stand at the desk."""

    matter = "item__root"
    list_display = ("due_at", "at_the_desk", "owner", "done", "ended_at", "ended_by")
    list_filter = ("done", "due_at", "owner")
    list_select_related = ("item", "owner", "ended_by")
    search_fields = ("item__number", "owner__name")
    fields = ("at_the_desk", "owner", "due_at", "done", "ended_at", "ended_by")
    readonly_fields = ("at_the_desk",)
