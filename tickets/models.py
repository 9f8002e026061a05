"""Customers, tickets and contacts (sections 2 and 3 of the process book). States and moves: `lifecycle.py`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField

from feedback_desk.people.actors import Actor
from feedback_desk.people.models import User
from feedback_desk.records.append_only import AppendOnly
from feedback_desk.records.living import Living
from feedback_desk.records.models import Entry, Item
from feedback_desk.records.moves import Move
from feedback_desk.records.secrets import fingerprint, last_four, mask, mask_name, seal, unseal
from tickets.lifecycle import State, TicketMoves
from tickets.querysets import CustomerQuerySet, TicketQuerySet


class Level(models.TextChoices):
    ORDINARY = "ordinary", _("Ordinary")
    VIP = "vip", _("VIP")
    STRATEGIC = "strategic", _("Strategic")


class CustomerKind(models.TextChoices):
    PERSON = "person", _("Person")
    COMPANY = "company", _("Company")


class Industry(models.TextChoices):
    """I2: the sections of GB/T 4754, by their letters."""

    AGRICULTURE = "A", _("Agriculture, forestry, animal husbandry and fishery")
    MINING = "B", _("Mining")
    MANUFACTURING = "C", _("Manufacturing")
    ENERGY = "D", _("Production and supply of electricity, heat, gas and water")
    CONSTRUCTION = "E", _("Construction")
    TRADE = "F", _("Wholesale and retail trade")
    TRANSPORT = "G", _("Transport, storage and post")
    HOSPITALITY = "H", _("Hotels and catering")
    INFORMATION = "I", _("Information transmission, software and information technology")
    FINANCE = "J", _("Finance")
    REAL_ESTATE = "K", _("Real estate")
    LEASING = "L", _("Leasing and business services")
    RESEARCH = "M", _("Scientific research and technical services")
    ENVIRONMENT = "N", _("Water conservancy, environment and public facilities")
    RESIDENTS = "O", _("Services to residents, repair and other services")
    EDUCATION = "P", _("Education")
    HEALTH = "Q", _("Health and social work")
    CULTURE = "R", _("Culture, sports and entertainment")
    PUBLIC = "S", _("Public administration, social security and social organizations")
    INTERNATIONAL = "T", _("International organizations")

    @classmethod
    def spoken(cls, kept: str) -> str:
        """The section's name; a text of before there were sections as it is."""
        return str(cls(kept).label) if kept in cls.values else kept


class Customer(models.Model):
    """The customer file (I2, I6). Phone, e-mail and address stand encrypted in contact points; the name is shown masked."""

    number = models.CharField(_("number"), max_length=24, unique=True)
    kind = models.CharField(_("kind"), max_length=8, choices=CustomerKind, default=CustomerKind.PERSON)
    name = models.CharField(_("name"), max_length=80, db_index=True, help_text=_("A nickname will do."))
    pinyin = models.CharField(max_length=200, blank=True, db_index=True, help_text="Initials and full pinyin, for finding while typing.")
    contact_name = models.CharField(_("contact person"), max_length=60, blank=True)
    level = models.CharField(_("level"), max_length=10, choices=Level, default=Level.ORDINARY)
    industry = models.CharField(_("industry"), max_length=60, blank=True, help_text=_("As in GB/T 4754."))
    area = models.CharField(_("area"), max_length=60, blank=True)
    owner = models.ForeignKey("people.User", verbose_name=_("owner"), null=True, blank=True, on_delete=models.SET_NULL, related_name="customers")
    external_id = models.CharField(_("number elsewhere"), max_length=60, blank=True)
    remark = models.CharField(_("remark"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("since"))

    objects = CustomerQuerySet.as_manager()

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        ordering = ("-created_at",)
        constraints = [models.UniqueConstraint("external_id", condition=~Q(external_id=""), name="one_customer_elsewhere")]

    def __str__(self) -> str:
        return f"{self.number} {self.masked_name}"

    @property
    def masked_name(self) -> str:
        return mask_name(self.name, self.kind)

    @property
    def industry_named(self) -> str:
        return Industry.spoken(self.industry)

    def email_point(self) -> ContactPoint | None:
        """Where the desk writes to: the address of first choice, else the oldest."""
        return self.contact_points.filter(kind="email").order_by("-primary", "pk").first()


class ContactPoint(models.Model):
    """A phone, e-mail or address of a customer: sealed value, fingerprints to find it by (V4)."""

    class Kind(models.TextChoices):
        PHONE = "phone", _("Phone")
        EMAIL = "email", _("E-mail")
        ADDRESS = "address", _("Address")

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="contact_points")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    sealed = models.TextField()
    masked = models.CharField(max_length=80)
    whole = models.CharField(max_length=64, db_index=True)
    last4 = models.CharField(max_length=64, blank=True, db_index=True)
    primary = models.BooleanField(_("first choice"), default=True)

    class Meta:
        verbose_name = _("contact data")
        verbose_name_plural = _("contact data")
        constraints = [models.UniqueConstraint("customer", "kind", "whole", name="one_contact_point")]

    def __str__(self) -> str:
        return self.masked

    @classmethod
    def of(cls, customer: Customer, kind: str, value: str) -> ContactPoint:
        """An unsaved row for a plain value."""
        return cls(
            customer=customer,
            kind=kind,
            sealed=seal(value.strip()),
            masked=mask(kind, value)[:80],
            whole=fingerprint(kind, value),
            last4=last_four(kind, value),
        )

    def reveal(self) -> str:
        """The plain value. Callers record the reading (tickets.services.reveal)."""
        return unseal(self.sealed)


class CustomerCorrection(AppendOnly, models.Model):
    """V5: one correction of a customer's file. `changes`: field → [old, new]; of contact data only that it was replaced (None).

    What is personal (name, contact person, remark, the reason) stands sealed in `CorrectionWords`; the digest proves it once it is erased.
    """

    PERSONAL = frozenset({"name", "contact_name", "remark"})

    customer = models.ForeignKey(Customer, verbose_name=_("customer"), on_delete=models.PROTECT, related_name="corrections")
    at = models.DateTimeField(_("when"))
    by = models.ForeignKey("people.User", verbose_name=_("who"), on_delete=models.PROTECT, related_name="+")
    changes = models.JSONField(default=dict)
    words_digest = models.CharField(_("digest of the words"), max_length=64)

    class Meta:
        verbose_name = _("correction of a customer file")
        verbose_name_plural = _("corrections of customer files")
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.customer.number} {timezone.localtime(self.at):%Y-%m-%d %H:%M}"

    @classmethod
    def write(cls, customer: Customer, changes: Mapping[str, Any], *, reason: str, by: User, at: datetime) -> CustomerCorrection:
        personal = {field: pair for field, pair in changes.items() if field in cls.PERSONAL}
        sealed = seal(json.dumps({"reason": reason, "changes": personal}, ensure_ascii=False))
        plain = {field: pair for field, pair in changes.items() if field not in cls.PERSONAL}
        row = cls.objects.create(customer=customer, at=at, by=by, changes=plain, words_digest=hashlib.sha256(sealed.encode()).hexdigest())
        CorrectionWords.objects.create(correction=row, sealed=sealed)
        return row

    def told(self) -> tuple[dict[str, Any], str]:
        """All that was changed, and why; without the words once they are erased."""
        words = getattr(self, "words", None)
        said: dict[str, Any] = json.loads(unseal(words.sealed)) if words and words.sealed else {"changes": {}, "reason": ""}
        return said["changes"] | self.changes, said["reason"]


class CorrectionWords(models.Model):
    """The personal words of a correction; emptied when a person's data is erased, and only then changed."""

    correction = models.OneToOneField(CustomerCorrection, on_delete=models.PROTECT, related_name="words", primary_key=True)
    sealed = models.TextField()

    class Meta:
        verbose_name = _("words of a correction")
        verbose_name_plural = _("words of corrections")


class Category(models.Model):
    """T2: a tree; the slug is what deadline rules name. Where its items go is a `Route` (T6)."""

    slug = models.SlugField(_("code"), max_length=60, unique=True)
    parent = models.ForeignKey("self", verbose_name=_("part of"), null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=60, blank=True)
    after_sale = models.BooleanField(_("after sale"), default=True)
    quality = models.BooleanField(_("product quality"), default=False, help_text=_("Complaints of this category carry a quality class (G5)."))
    active = models.BooleanField(_("active"), default=True)
    order = models.PositiveSmallIntegerField(_("order"), default=100)

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ("order", "name")

    def __str__(self) -> str:
        return self.spoken

    @property
    def spoken(self) -> str:
        return self.name_en if self.name_en and (get_language() or "").startswith("en") else self.name

    @property
    def slugs(self) -> list[str]:
        """Its own code and those of the categories above it, nearest first."""
        found: list[str] = []
        place: Category | None = self
        while place is not None and place.slug not in found:
            found.append(place.slug)
            place = place.parent
        return found


class Type(models.TextChoices):
    CONSULTATION = "consultation", _("Consultation")
    PROBLEM = "problem", _("Problem")
    COMPLAINT = "complaint", _("Complaint")
    AFTER_SALES = "after_sales", _("After-sales")
    SUGGESTION = "suggestion", _("Suggestion")
    PRAISE = "praise", _("Praise")
    OTHER = "other", _("Other type")


class Urgency(models.TextChoices):
    URGENT = "urgent", _("Urgent")
    NORMAL = "normal", _("Normal")
    LOW = "low", _("Low")


class Priority(models.TextChoices):
    URGENT = "urgent", _("Urgent")
    HIGH = "high", _("High")
    MEDIUM = "medium", _("Medium")
    LOW = "low", _("Low")


class Placing(models.TextChoices):
    QUEUE = "queue", _("Into the queue")
    AUTOMATIC = "automatic", _("Assigned by the desk")


class Route(models.Model):
    """T6: which department gets items of a type and category, and how. The most specific row applies (`tickets.routes`); without one: the queue."""

    type = models.CharField(_("type"), max_length=12, choices=Type, blank=True, help_text=_("Empty: every type."))
    category = models.ForeignKey(
        Category, verbose_name=_("category"), null=True, blank=True, on_delete=models.CASCADE, related_name="routes",
        help_text=_("With the categories below it. Empty: every category."),
    )  # fmt: skip
    department = models.ForeignKey(
        "people.Department", verbose_name=_("department"), null=True, blank=True, on_delete=models.PROTECT, related_name="routes",
        help_text=_("Empty: the department of whoever registers."),
    )  # fmt: skip
    placing = models.CharField(
        _("how"), max_length=10, choices=Placing, default=Placing.QUEUE,
        help_text=_("The customer's own agent comes first either way, when at the desk."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("rule of assignment")
        verbose_name_plural = _("rules of assignment")
        ordering = ("category__order", "category__name", "type", "pk")
        constraints = [
            models.UniqueConstraint("type", "category", name="one_route", violation_error_message=_("There is a rule for this type and category already.")),
            models.UniqueConstraint(
                "type", condition=Q(category=None), name="one_route_of_type",
                violation_error_message=_("There is a rule for this type and category already."),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return " · ".join([self.get_type_display() if self.type else str(_("every type")), self.category.spoken if self.category else str(_("every category"))])


class Skill(models.Model):
    """T6: what somebody has to know for the items of some categories. A category that no skill covers needs none."""

    name = models.CharField(_("name"), max_length=40, unique=True)
    name_en = models.CharField(_("English name"), max_length=60, blank=True)
    categories = models.ManyToManyField(
        Category, verbose_name=_("categories"), related_name="skills", blank=True,
        help_text=_("A category covers those below it, unless they have a skill of their own."),
    )  # fmt: skip
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("skill")
        verbose_name_plural = _("skills")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.spoken

    @property
    def spoken(self) -> str:
        return self.name_en if self.name_en and (get_language() or "").startswith("en") else self.name


class Seat(models.Model):
    """T6: what a person who handles tickets can do, and up to how many in hand the desk gives them more. Without a row: no skill, the usual number."""

    USUAL = 20

    user = models.OneToOneField("people.User", verbose_name=_("person"), on_delete=models.CASCADE, related_name="seat")
    skills = models.ManyToManyField(Skill, verbose_name=_("skills"), blank=True, related_name="seats")
    most = models.PositiveSmallIntegerField(
        _("at most in hand"), default=USUAL, help_text=_("With so many pending and in processing the desk gives no more by itself; 0: none by itself."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("seat")
        verbose_name_plural = _("seats and skills")
        ordering = ("user__name",)

    def __str__(self) -> str:
        return str(self.user)


class PriorityRule(models.Model):
    """T4: the matrix of urgency and customer level, edited in the back office."""

    urgency = models.CharField(_("urgency"), max_length=8, choices=Urgency)
    level = models.CharField(_("customer level"), max_length=10, choices=Level)
    priority = models.CharField(_("priority"), max_length=8, choices=Priority)

    class Meta:
        verbose_name = _("priority")
        verbose_name_plural = _("priority matrix")
        constraints = [models.UniqueConstraint("urgency", "level", name="one_priority")]

    def __str__(self) -> str:
        return f"{self.get_urgency_display()} · {self.get_level_display()} → {self.get_priority_display()}"


class EmptyPhrase(models.Model):
    """F1: words that say nothing when they stand alone in a contact record (已处理, 客户满意 …)."""

    text = models.CharField(_("words"), max_length=60, unique=True)

    class Meta:
        verbose_name = _("empty phrase")
        verbose_name_plural = _("empty phrases")

    def __str__(self) -> str:
        return self.text


class Channel(models.TextChoices):
    """I1: one register for all channels."""

    PHONE = "phone", _("Ordinary line")
    VIP_LINE = "vip_line", _("VIP line")
    EMAIL = "email", _("E-mail")
    CHAT = "chat", _("Online chat")
    WEB = "web", _("Web form")
    APP = "app", _("App")
    WECHAT = "wechat", _("WeChat official account")
    SOCIAL = "social", _("Social media")
    FORUM = "forum", _("Forum")
    LETTER = "letter", _("Letter or fax")
    IN_PERSON = "in_person", _("In person")
    PARTNER = "partner", _("Referral by a partner")
    GROUP = "group", _("Referral by the group")
    ASSOCIATION = "association", _("Consumer association or media")
    SURVEY = "survey", _("Survey")
    COLLEAGUE = "colleague", _("Colleague")


class Outcome(models.TextChoices):
    CONFIRMED = "confirmed", _("Confirmed by the customer")
    NO_ANSWER = "no_answer", _("No answer")
    CONFLICT = "conflict", _("Demand conflicts with the contract")
    WITHDRAWN = "withdrawn", _("Withdrawn by the customer")
    INVALID = "invalid", _("Invalid")
    MERGED = "merged", _("Merged")
    HISTORIC = "historic", _("Imported history")


class Ticket(TicketMoves, Living):
    """The customer's side of an item (T1): asked, told, solved. `item` carries number, title, holder (= assignee), department."""

    state = FSMField(_("state"), max_length=12, choices=State.choices, default=State.PENDING, protected=True)
    state_since = models.DateTimeField(_("in this state since"))
    version = models.PositiveIntegerField(default=1)
    round = models.PositiveSmallIntegerField(_("round"), default=1)
    item = models.OneToOneField(Item, verbose_name=_("number"), on_delete=models.PROTECT, related_name="ticket")
    customer = models.ForeignKey(Customer, verbose_name=_("customer"), on_delete=models.PROTECT, related_name="tickets")
    type = models.CharField(_("type"), max_length=12, choices=Type)
    category = models.ForeignKey(Category, verbose_name=_("category"), on_delete=models.PROTECT, related_name="tickets")
    urgency = models.CharField(_("urgency"), max_length=8, choices=Urgency, default=Urgency.NORMAL)
    priority = models.CharField(_("priority"), max_length=8, choices=Priority, default=Priority.MEDIUM)
    channel = models.CharField(_("channel"), max_length=12, choices=Channel)
    received_at = models.DateTimeField(_("received"))
    received_by = models.ForeignKey("people.User", verbose_name=_("received by"), null=True, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField(_("registered"), db_index=True)
    registered_by = models.ForeignKey("people.User", verbose_name=_("registered by"), null=True, on_delete=models.PROTECT, related_name="+")
    what_happened = models.TextField(_("what happened"))
    happened_at = models.CharField(_("happened when"), max_length=60, blank=True)
    happened_where = models.CharField(_("happened where"), max_length=120, blank=True)
    witnesses = models.CharField(_("who was there"), max_length=120, blank=True)
    outcome_so_far = models.CharField(_("outcome so far"), max_length=300, blank=True)
    steps_to_reproduce = models.TextField(_("steps to reproduce"), blank=True)
    expectation = models.TextField(_("what the customer expects"), blank=True)
    order_number = models.CharField(_("order or account"), max_length=60, blank=True, db_index=True)
    product = models.CharField(_("product"), max_length=80, blank=True)
    model = models.CharField(_("model"), max_length=60, blank=True)
    product_grade = models.CharField(_("product grade"), max_length=30, blank=True)
    serial = models.CharField(_("serial or plate number"), max_length=60, blank=True)
    batch = models.CharField(_("batch"), max_length=40, blank=True, db_index=True)
    quantity = models.CharField(_("quantity"), max_length=30, blank=True)
    bought_on = models.DateField(_("purchase date"), null=True, blank=True)
    proof_of_purchase = models.CharField(_("proof of purchase"), max_length=80, blank=True)
    remark = models.TextField(_("remark"), blank=True)
    complex = models.BooleanField(_("complex"), default=False)
    assignee = models.ForeignKey("people.User", verbose_name=_("assignee"), null=True, blank=True, on_delete=models.PROTECT, related_name="tickets")
    assigned_by = models.ForeignKey("people.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField(_("assigned"), null=True, blank=True)
    touched_at = models.DateTimeField(_("first touched"), null=True, blank=True)
    first_response_at = models.DateTimeField(_("first response"), null=True, blank=True)
    last_contact_at = models.DateTimeField(_("last contact"), null=True, blank=True)
    last_contact_how = models.CharField(max_length=12, blank=True)
    result = models.TextField(_("result"), blank=True)
    agreement = models.CharField(_("customer's agreement"), max_length=300, blank=True, help_text=_("Who agreed, when and how (T12)."))
    completed_at = models.DateTimeField(_("completed"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
    related = models.ManyToManyField("self", verbose_name=_("related"), blank=True)
    repeat = models.BooleanField(_("repeat"), default=False)
    batch_linked = models.BooleanField(_("batch case"), default=False)
    historic = models.BooleanField(_("imported history"), default=False)
    promised_due_at = models.DateTimeField(_("due as promised elsewhere"), null=True, blank=True)
    external_id = models.CharField(_("number elsewhere"), max_length=60, blank=True)

    objects: ClassVar[TicketQuerySet] = TicketQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        ordering = ("-registered_at",)
        constraints = [
            models.CheckConstraint(condition=Q(received_at__lte=F("registered_at")), name="received_before_registered"),
            models.CheckConstraint(condition=Q(state="closed", closed_at__isnull=False) | ~Q(state="closed"), name="closed_has_time"),
            models.UniqueConstraint("external_id", condition=~Q(external_id=""), name="one_ticket_elsewhere"),
        ]
        indexes = [
            models.Index(fields=["customer", "-registered_at"], name="ticket_of_customer"),
            models.Index(fields=["state", "type"], name="ticket_state"),
            models.Index(fields=["received_at"], name="ticket_received"),  # reports
            models.Index(fields=["completed_at"], name="ticket_completed"),  # reports
            models.Index(fields=["assignee", "-assigned_at"], name="ticket_last_given"),  # tickets.candidates
            models.Index(fields=["category", "product", "model", "received_at"], name="ticket_alike"),  # complaints.grading: batches
        ]

    def __str__(self) -> str:
        return self.item.number

    @property
    def number(self) -> str:
        return self.item.number

    @property
    def is_complaint(self) -> bool:
        return self.type == Type.COMPLAINT

    def capacities(self, actor: Actor) -> frozenset[str]:
        from tickets.permissions import capacities

        return capacities(self, actor)

    def in_place_of(self, user: User, declared: Move) -> User | None:
        from tickets.permissions import in_place_of

        return in_place_of(self, user, declared)

    def handed_on(self, user: User, who: frozenset[str]) -> Entry | None:
        from tickets.permissions import handed_on

        return handed_on(self, user, who)

    def other_eyes(self, kind: str, user: object) -> bool:
        """V8 is about forms; a ticket has no parts to keep apart."""
        return False


class Way(models.TextChoices):
    CALL_OUT = "call_out", _("Call to the customer")
    CALL_IN = "call_in", _("Call from the customer")
    CHAT = "chat", _("Chat")
    EMAIL = "email", _("E-mail")
    VISIT = "visit", _("Visit in person")
    LETTER = "letter", _("Letter")
    OTHER = "other", _("Other way")


class Purpose(models.TextChoices):
    FOLLOW_UP = "follow_up", _("Follow-up")
    SOLUTION = "solution", _("Solution offered")
    TOLD_WHEN = "told_when", _("Told by when")
    PROGRESS = "progress", _("Progress told")
    FORMAL_REPLY = "formal_reply", _("Formal reply")
    QUESTION = "question", _("Question")
    ANSWER = "answer", _("Answer")
    PROMISE = "promise", _("Promise")
    EXPLANATION = "explanation", _("Explanation")
    RESULT = "result", _("Result")
    VISIT = "visit", _("Return visit")
    SECOND = "second", _("Second follow-up")
    NOTE = "note", _("Note")


class Contact(AppendOnly, models.Model):
    """F1: one contact with the customer: when, by whom, how, what was said, what the customer says to it, what comes next.

    `reached=False` is an attempt (C3 counts those). A correction is a new contact that names the one it corrects.
    """

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="contacts", help_text="The ticket's item.")
    at = models.DateTimeField(_("when"))
    recorded_at = models.DateTimeField(_("recorded"))
    by = models.ForeignKey("people.User", verbose_name=_("by"), null=True, on_delete=models.PROTECT, related_name="contacts")
    way = models.CharField(_("how"), max_length=10, choices=Way)
    reached = models.BooleanField(_("reached"), default=True)
    said = models.TextField(_("what was said"))
    customer_says = models.TextField(_("what the customer says"), blank=True)
    next_step = models.CharField(_("next step"), max_length=200, blank=True)
    next_by = models.ForeignKey("people.User", verbose_name=_("who does it"), null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    next_at = models.DateTimeField(_("by when"), null=True, blank=True)
    no_step_why = models.CharField(_("why no further step"), max_length=300, blank=True, help_text="Instead of a next step, never beside one.")
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose, default=Purpose.FOLLOW_UP)
    corrects = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections")

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ("at", "pk")
        indexes = [models.Index(fields=["item", "at"], name="contact_of_item")]

    def __str__(self) -> str:
        return f"{self.get_way_display()} {timezone.localtime(self.at):%Y-%m-%d %H:%M}"



class NextStep(models.Model):
    """F1: what comes after a contact, until it is done. What was said of it then stays in the contact; who has it now and how it ended stands here."""

    contact = models.OneToOneField(Contact, on_delete=models.PROTECT, related_name="step")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="next_steps", help_text="The ticket's item.")
    owner = models.ForeignKey("people.User", verbose_name=_("who does it"), null=True, on_delete=models.PROTECT, related_name="next_steps")
    due_at = models.DateTimeField(_("by when"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    ended_by = models.ForeignKey("people.User", verbose_name=_("ended by"), null=True, on_delete=models.PROTECT, related_name="+")
    done = models.BooleanField(_("done"), null=True, help_text=_("No: it ended with its ticket. Unknown while it is open."))
    outcome = models.CharField(_("what came of it"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("next step")
        verbose_name_plural = _("next steps")
        ordering = ("due_at", "pk")
        constraints = [models.CheckConstraint(condition=Q(ended_at=None, done=None) | Q(ended_at__isnull=False, done__isnull=False), name="step_ends_once")]
        indexes = [models.Index(fields=["owner", "due_at"], condition=Q(ended_at=None), name="step_open")]  # workplace: my work

    def __str__(self) -> str:
        return self.contact.next_step


class Note(AppendOnly, models.Model):
    """An internal note on a ticket; the customer never sees it."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="notes")
    at = models.DateTimeField()
    by = models.ForeignKey("people.User", null=True, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("note"))

    class Meta:
        verbose_name = _("internal note")
        verbose_name_plural = _("internal notes")
        ordering = ("at", "pk")


class ImportRun(models.Model):
    """M5: one uploaded file on its way into the desk: previewed, then confirmed, all or nothing."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Uploaded")
        CHECKING = "checking", _("Being checked")
        READY = "ready", _("Ready to import")
        FAULTY = "faulty", _("Has errors")
        IMPORTING = "importing", _("Being imported")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    kind = models.CharField(_("what"), max_length=10, choices=[("customers", _("Customers")), ("tickets", _("Historic tickets"))])
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.UPLOADED)
    file = models.FileField(upload_to="imports/%Y/%m/")
    name = models.CharField(_("file"), max_length=200)
    settings = models.JSONField(default=dict, help_text="Encoding, zone, date format, column mapping, value mapping.")
    columns = models.JSONField(default=list)
    sample = models.JSONField(default=list)
    total = models.PositiveIntegerField(_("rows"), default=0)
    done = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict, help_text="Counts and the first errors per row, in plain words.")
    uploaded_by = models.ForeignKey("people.User", on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(_("uploaded"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        ordering = ("-uploaded_at",)

    def __str__(self) -> str:
        return self.name
