"""Complaint forms, who is responsible, inspection (sections 4 and 5 of the process book)."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField

from complaints.lifecycle import FormMoves, State
from complaints.querysets import FormQuerySet
from feedback_desk.people.actors import Actor
from feedback_desk.people.models import User
from feedback_desk.people.one_look import remembered
from feedback_desk.records.append_only import AppendOnly
from feedback_desk.records.living import Living
from feedback_desk.records.models import Entry, Item
from feedback_desk.records.moves import Move
from tickets.models import Ticket


class Grade(models.TextChoices):
    MAJOR = "I", _("I major")
    SERIOUS = "II", _("II serious")
    MINOR = "III", _("III minor")


class QualityClass(models.IntegerChoices):
    """G5."""

    SAFETY = 1, _("1 food or product safety")
    MICROBIOLOGICAL = 2, _("2 microbiological")
    PHYSICAL = 3, _("3 physical or chemical")
    SENSES = 4, _("4 senses and condition")
    PACKAGING = 5, _("5 packaging and other")


class ParkingReason(models.TextChoices):
    """C2: why responsibility cannot be determined now."""

    CAUSE_UNKNOWN = "cause_unknown", _("Quality undetermined")
    PARTS = "parts", _("Parts awaited")
    CUSTOMER_ABSENT = "customer_absent", _("Customer absent")
    CUSTOMER_BUSY = "customer_busy", _("Customer has no time")


class AbnormalGround(models.TextChoices):
    """C10: the two grounds for abnormal closing."""

    CONFLICT = "conflict", _("What is asked for contradicts the contract or a final decision")
    UNREACHABLE = "unreachable", _("Three visit attempts within a month failed")


class GradeRule(models.Model):
    """What a grade asks for, as data: the short way, the visit by default."""

    grade = models.CharField(_("grade"), max_length=3, choices=Grade, unique=True)
    short_way = models.BooleanField(_("may be handled on the spot"), default=False)
    visit = models.BooleanField(
        _("is visited"), default=True, help_text=_("Unmarked ones may still be visited; with this off no visit is due unless marked (F2).")
    )
    written_reply = models.BooleanField(
        _("is answered in writing"), default=True, help_text=_("By a supervisor, before it closes; else the handler answers, by word of mouth too (G3).")
    )

    class Meta:
        verbose_name = _("grade")
        verbose_name_plural = _("grades")

    def __str__(self) -> str:
        return self.get_grade_display()


class ComplaintForm(FormMoves, Living):
    """客户信息反馈处理单: the inside of a complaint, exactly one per complaint ticket (T1)."""

    state = FSMField(_("state"), max_length=20, choices=State.choices, default=State.REGISTERED, protected=True)
    state_since = models.DateTimeField(_("in this state since"))
    version = models.PositiveIntegerField(default=1, help_text="Rises with every change of the text that others decide on.")
    round = models.PositiveSmallIntegerField(_("round"), default=1)
    item = models.OneToOneField(Item, verbose_name=_("number"), on_delete=models.PROTECT, related_name="form")
    ticket = models.OneToOneField(Ticket, verbose_name=_("ticket"), on_delete=models.PROTECT, related_name="form")
    opened_at = models.DateTimeField(_("opened"))
    grade = models.CharField(_("grade"), max_length=3, choices=Grade, blank=True)
    graded_at = models.DateTimeField(_("graded"), null=True, blank=True)
    graded_by = models.ForeignKey("people.User", verbose_name=_("graded by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    grade_reason = models.CharField(_("why this grade"), max_length=300, blank=True)
    quality_class = models.PositiveSmallIntegerField(_("quality class"), choices=QualityClass, null=True, blank=True)
    visit_marked = models.BooleanField(_("visit within 24 hours"), default=True, help_text=_("Marked forms are visited within 24 hours (F2)."))
    findings = models.TextField(_("what was found"), blank=True)
    why_not_spoken = models.CharField(_("why the customer was not spoken with"), max_length=300, blank=True)
    no_fault = models.BooleanField(_("nobody at fault"), default=False)
    no_fault_reason = models.TextField(_("why nobody is at fault"), blank=True)
    submitted_at = models.DateTimeField(_("submitted"), null=True, blank=True)
    ruled_at = models.DateTimeField(_("ruled"), null=True, blank=True)
    ruling = models.CharField(
        _("ruling"), max_length=10, blank=True, choices=[("confirm", _("confirmed")), ("change", _("changed")), ("send_back", _("sent back"))]
    )
    ruling_words = models.TextField(_("words of the ruling"), blank=True)
    executed_at = models.DateTimeField(_("carried out"), null=True, blank=True)
    handed_over_at = models.DateTimeField(_("handed over"), null=True, blank=True)
    on_the_spot = models.TextField(_("how it was handled on the spot"), blank=True)
    parking_asked_at = models.DateTimeField(null=True, blank=True)
    parking_asked_by = models.ForeignKey("people.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    parking_reason = models.CharField(_("why it is set aside"), max_length=20, choices=ParkingReason, blank=True)
    parking_contact = models.CharField(_("whom the customer turns to"), max_length=120, blank=True)
    parking_words = models.TextField(blank=True)
    parked_at = models.DateTimeField(_("set aside"), null=True, blank=True)
    instruction_asked_at = models.DateTimeField(null=True, blank=True)
    instruction_asked_by = models.ForeignKey("people.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """C8: how a grade I complaint goes on that cannot be determined; asked beside the state until the general manager has written it."""
    manager_note = models.TextField(_("manager's note"), blank=True)
    service_note = models.TextField(_("customer service's note"), blank=True)
    abnormal_asked_at = models.DateTimeField(null=True, blank=True)
    abnormal_asked_by = models.ForeignKey("people.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    abnormal_ground = models.CharField(_("ground"), max_length=12, choices=AbnormalGround, blank=True)
    abnormal_words = models.TextField(_("clause or decision quoted"), blank=True)
    case_summary = models.TextField(_("case summary"), blank=True, help_text=_("Cause, course, was the solution right (C20)."))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    analysis_department = models.ForeignKey(
        "people.Department", verbose_name=_("who analyses"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    analysis_beside = models.ForeignKey(
        "people.Department", verbose_name=_("who analyses with them"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """G7: a second department, as transport has; `analysis_department` leads."""

    objects = FormQuerySet.as_manager()

    major_proposed_at = models.DateTimeField(_("grade I proposed"), null=True, blank=True)
    """G1, D36: by the machinery, once: unsolved three days after receipt."""
    proposed_grade = models.CharField(_("proposed grade"), max_length=3, choices=Grade, blank=True)
    """G1: the last of `proposals`, and when; lists and the head of the page ask no further."""
    proposed_at = models.DateTimeField(null=True, blank=True)
    repeat_of = models.ForeignKey("self", verbose_name=_("repeat of"), null=True, blank=True, on_delete=models.PROTECT, related_name="repeats")
    batch = models.ForeignKey("complaints.Batch", verbose_name=_("batch"), null=True, blank=True, on_delete=models.PROTECT, related_name="forms")

    class Meta:
        verbose_name = _("complaint form")
        verbose_name_plural = _("complaint forms")
        ordering = ("-opened_at",)
        indexes = [models.Index(fields=["state", "grade"], name="form_state"), models.Index(fields=["opened_at"], name="form_opened")]

    def __str__(self) -> str:
        return self.item.number

    @property
    def number(self) -> str:
        return self.item.number

    @property
    def major_proposed(self) -> bool:
        """The proposal stands until somebody raises the grade or the form ends."""
        return self.major_proposed_at is not None and self.grade != Grade.MAJOR and self.item.open

    @property
    def visit_due(self) -> bool:
        """F2: marked, or the grade is always visited; never after the customer withdrew."""
        from complaints.guards import visit_due

        return visit_due(self)

    def capacities(self, actor: Actor) -> frozenset[str]:
        from complaints.permissions import capacities_on_form

        return capacities_on_form(self, actor)

    def in_place_of(self, user: User, declared: Move) -> User | None:
        from complaints.permissions import in_place_of

        return in_place_of(self, departments=None, user=user, declared=declared)

    def handed_on(self, user: User, who: frozenset[str]) -> Entry | None:
        return self.ticket.handed_on(user, who)

    def other_eyes(self, kind: str, user: Any) -> bool:
        return any(actor == user.pk and done != kind for done, actor in self.parts_taken())

    def parts_taken(self) -> list[tuple[str, int]]:
        """V8: (part, who) so far."""
        return remembered(("acts", self.pk), lambda: list(self.acts.values_list("kind", "user_id")))


class FormAct(models.Model):
    """V8: who proposed, reviewed, ruled, inspected this form; nobody does two of them."""

    form = models.ForeignKey(ComplaintForm, on_delete=models.PROTECT, related_name="acts")
    kind = models.CharField(max_length=8, choices=[("propose", "propose"), ("review", "review"), ("rule", "rule"), ("inspect", "inspect")])
    user = models.ForeignKey("people.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("part taken in a form")
        verbose_name_plural = _("parts taken in forms")
        constraints = [models.UniqueConstraint("form", "kind", "user", name="one_act_each")]


class OfSomebody:
    """About a person, or else a department."""

    user: Any
    department: Any

    @property
    def target(self) -> str:
        """In the reader's language."""
        return str(self.user or self.department)

    @property
    def target_kept(self) -> str:
        """As records and texts keep it, whatever the language of who writes them."""
        return str(self.user) if self.user else str(self.department.name)


class Responsibility(OfSomebody, models.Model):
    """C3: a person or a department found responsible in a round, with a share in percent."""

    form = models.ForeignKey(ComplaintForm, on_delete=models.CASCADE, related_name="responsibilities")
    round = models.PositiveSmallIntegerField()
    user = models.ForeignKey("people.User", verbose_name=_("person"), null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    department = models.ForeignKey("people.Department", verbose_name=_("department"), on_delete=models.PROTECT, related_name="+")
    share = models.PositiveSmallIntegerField(_("share in percent"))
    because = models.CharField(_("because"), max_length=300)

    class Meta:
        verbose_name = _("responsibility")
        verbose_name_plural = _("responsibilities")
        constraints = [models.CheckConstraint(condition=Q(share__gte=1, share__lte=100), name="share_is_percent")]


class Inspection(AppendOnly, models.Model):
    """C9: the inspector's marks on a form handed over."""

    form = models.ForeignKey(ComplaintForm, on_delete=models.PROTECT, related_name="inspections")
    round = models.PositiveSmallIntegerField(_("round"))
    timely = models.BooleanField(_("in time"))
    severity = models.CharField(
        _("severity of the measures"), max_length=10, choices=[("fitting", _("fitting")), ("mild", _("too mild")), ("severe", _("too severe"))]
    )
    faults = models.TextField(_("faults"), blank=True)
    passed = models.BooleanField(_("passed"))
    by = models.ForeignKey("people.User", verbose_name=_("by"), on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("inspection")
        verbose_name_plural = _("inspections")
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {timezone.localtime(self.at):%Y-%m-%d %H:%M}"


class FaultFinding(OfSomebody, AppendOnly, models.Model):
    """C9: who is responsible for the faults of one inspection, as the department found before it handed over again."""

    inspection = models.OneToOneField(Inspection, on_delete=models.PROTECT, related_name="finding")
    user = models.ForeignKey("people.User", verbose_name=_("person"), null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    department = models.ForeignKey("people.Department", verbose_name=_("department"), on_delete=models.PROTECT, related_name="+")
    words = models.TextField(_("how the faults came about, and what was put right"))
    by = models.ForeignKey("people.User", verbose_name=_("by"), on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("responsibility for faults")
        verbose_name_plural = _("responsibilities for faults")
