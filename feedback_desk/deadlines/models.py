"""Rules, calendars, running deadlines, pauses and the steps of the ladder (section 8 of the process book)."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.text import format_lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from feedback_desk.people.models import Role
from feedback_desk.people.receivers import BESIDE
from feedback_desk.records.append_only import AppendOnly


class Clock(models.TextChoices):
    CALENDAR = "calendar", _("Calendar time")
    BUSINESS = "business", _("Business hours")
    WORKING_DAY = "working_day", _("Working days")
    SAME_DAY = "same_day", _("Same day, 24:00")
    NEXT_DAY = "next_day", _("Next day at a time")
    FIXED_DATE = "fixed_date", _("Fixed day of the month")
    WEEKDAY = "weekday", _("Fixed weekday")
    PROMISED = "promised", _("The promised time")


class Calendar(models.Model):
    """Opening hours by weekday; days that differ stand in CalendarDay.

    `announced`: years whose public holidays are entered, by how that is known: {"2026": "library", "2027": "hand"}; never guessed.
    """

    name = models.CharField(_("name"), max_length=60, unique=True)
    zone = models.CharField(_("time zone"), max_length=40, default="Asia/Shanghai")
    is_default = models.BooleanField(_("the desk's own"), default=False)
    hours = models.JSONField(_("opening hours"), default=dict, help_text=_('By weekday, 1 = Monday: {"1": [["09:00", "18:00"]]}; 24:00 is allowed.'))
    country = models.CharField(_("public holidays of"), max_length=2, blank=True, default="CN", help_text=_("None: holidays do not count here."))
    subdivision = models.CharField(_("state or province"), max_length=20, blank=True)
    announced = models.JSONField(_("years announced"), default=dict, blank=True)

    class Meta:
        verbose_name = _("calendar")
        verbose_name_plural = _("calendars")
        constraints = [models.UniqueConstraint("is_default", condition=Q(is_default=True), name="one_default_calendar")]

    def __str__(self) -> str:
        return self.name


class CalendarDay(models.Model):
    """A day that is not as its weekday says: a public holiday, or a make-up working day (调休)."""

    calendar = models.ForeignKey(Calendar, verbose_name=_("calendar"), on_delete=models.CASCADE, related_name="days")
    day = models.DateField(_("day"))
    working = models.BooleanField(_("working day"))
    name = models.CharField(_("name"), max_length=60, blank=True)
    hours = models.JSONField(_("opening hours"), null=True, blank=True, help_text=_("Empty: closed on a holiday; Monday's hours on a make-up working day."))
    by_hand = models.BooleanField(_("entered by hand"), default=False, help_text=_("Loading a year again leaves it as it is."))

    class Meta:
        verbose_name = _("special day")
        verbose_name_plural = _("special days")
        ordering = ("day",)
        constraints = [models.UniqueConstraint("calendar", "day", name="one_special_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"


class DepartmentCalendar(models.Model):
    """Limits of this department run on its calendar where the rule names none."""

    department = models.OneToOneField("people.Department", verbose_name=_("department"), on_delete=models.CASCADE, related_name="calendar_used")
    calendar = models.ForeignKey(Calendar, verbose_name=_("calendar"), on_delete=models.CASCADE, related_name="departments")

    class Meta:
        verbose_name = _("department on this calendar")
        verbose_name_plural = _("departments on this calendar")

    def __str__(self) -> str:
        return f"{self.department}: {self.calendar}"


class Ladder(models.Model):
    """E1: who is told when, as data."""

    name = models.CharField(_("name"), max_length=60, unique=True)

    class Meta:
        verbose_name = _("ladder")
        verbose_name_plural = _("ladders")

    def __str__(self) -> str:
        return self.name


class Receiver(models.TextChoices):
    OWNER = "owner", _("Owner and backup")
    SUPERIOR = "superior", _("Owner's next superior")
    SUPERVISOR = "supervisor", _("Customer-service supervisor")
    DEPARTMENT_HEAD = "department_head", _("Department head")
    CS_MANAGER = "cs_manager", _("Customer-service manager")
    OFFICE = "office", _("Administration department")
    GENERAL_MANAGER = "general_manager", _("General manager")


LINE = (Receiver.SUPERVISOR, Receiver.DEPARTMENT_HEAD, Receiver.CS_MANAGER, Receiver.OFFICE, Receiver.GENERAL_MANAGER)
RECEIVERS = [
    *Receiver.choices, *(choice for choice in Role.choices if choice[0] not in Receiver.values),
    *((f"{BESIDE}{one.value}", format_lazy(_("{receiver}, with the owner"), receiver=one.label)) for one in LINE),
]  # fmt: skip
"""E1: the words of the ladder, then every other role: whoever holds it, in the department first, or stands in; then those who are told with the owner
though they may stand below."""


class LadderStep(models.Model):
    """One rung: at a share of the allowance (percent), so many working days after the limit, or so many minutes before or after it.

    Repeated only where it says so: every n hours of the limit's clock or every n working days, at most `times` more.
    """

    ladder = models.ForeignKey(Ladder, verbose_name=_("ladder"), on_delete=models.CASCADE, related_name="steps")
    order = models.PositiveSmallIntegerField(_("order"))
    percent = models.PositiveSmallIntegerField(_("at percent of the limit"), null=True, blank=True)
    working_days = models.PositiveSmallIntegerField(_("working days after the limit"), null=True, blank=True)
    minutes = models.IntegerField(_("minutes after the limit"), null=True, blank=True, help_text=_("Negative: before it."))
    receiver = models.CharField(_("receiver"), max_length=20, choices=RECEIVERS)
    act = models.CharField(_("act"), max_length=30, blank=True, help_text=_("What a room does once when the step is taken, e.g. hand_up (T7)."))
    every_hours = models.PositiveSmallIntegerField(_("again every so many hours"), null=True, blank=True)
    every_days = models.PositiveSmallIntegerField(_("again every so many working days"), null=True, blank=True)
    times = models.PositiveSmallIntegerField(_("how often again at most"), default=0)

    class Meta:
        verbose_name = _("step of a ladder")
        verbose_name_plural = _("steps of a ladder")
        ordering = ("ladder", "order")
        constraints = [
            models.UniqueConstraint("ladder", "order", name="one_rung"),
            models.CheckConstraint(
                condition=Q(percent__isnull=False, working_days__isnull=True, minutes__isnull=True)
                | Q(percent__isnull=True, working_days__isnull=False, minutes__isnull=True)
                | Q(percent__isnull=True, working_days__isnull=True, minutes__isnull=False),
                name="rung_has_one_measure",
            ),
            models.CheckConstraint(
                condition=Q(times=0, every_hours__isnull=True, every_days__isnull=True)
                | Q(times__gt=0, every_hours__isnull=False, every_hours__gt=0, every_days__isnull=True)
                | Q(times__gt=0, every_hours__isnull=True, every_days__isnull=False, every_days__gt=0),
                name="rung_repeats_in_one_measure",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ladder} {self.order}"


class RuleQuerySet(models.QuerySet["Rule"]):
    def valid(self, at: datetime) -> RuleQuerySet:
        """Versions that hold at `at`: begun, not replaced, not switched off."""
        return self.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=at), active=True, valid_from__lte=at)


class Rule(models.Model):
    """A limit as data, in versions (E5): a change is a new row that replaces the one before it from `valid_from` on; no row is edited or removed.

    The most specific valid rule of a code whose `when` fits the subject applies. `when` maps a fact to the values it may have: {"urgency": ["urgent"]}.
    `amount`: seconds for calendar and business clocks, days for working_day; `longer` instead of it once the customer was tried in vain (C3).
    """

    code = models.CharField(_("code"), max_length=8, db_index=True)
    version = models.PositiveIntegerField(_("version"), default=1)
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=80, blank=True)
    when = models.JSONField(_("applies when"), default=dict, blank=True)
    clock = models.CharField(_("clock"), max_length=12, choices=Clock)
    amount = models.PositiveIntegerField(
        _("amount"), default=0, help_text=_("Seconds for calendar time and business hours, days for working days, day of the month or week for fixed dates.")
    )
    longer = models.PositiveIntegerField(_("amount if the customer is not reached"), null=True, blank=True, help_text=_("C3: in the unit of the amount."))
    at_time = models.TimeField(_("at"), null=True, blank=True)
    calendar = models.ForeignKey(Calendar, verbose_name=_("calendar"), null=True, blank=True, on_delete=models.PROTECT)
    owner = models.CharField(_("owner"), max_length=20, help_text=_("Capacity of the person warned first: assignee, cs_manager, department_head …"))
    ladder = models.ForeignKey(Ladder, verbose_name=_("ladder"), on_delete=models.PROTECT)
    may_pause = models.BooleanField(_("may pause"), default=False)
    may_extend = models.BooleanField(_("may be extended"), default=False)
    urgent = models.BooleanField(_("urgent"), default=False, help_text=_("Its notices do not wait for the end of quiet hours."))
    active = models.BooleanField(_("active"), default=True)
    valid_from = models.DateTimeField(_("valid from"))
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    replaces = models.OneToOneField("self", verbose_name=_("replaces"), null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by")

    objects = RuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("deadline rule")
        verbose_name_plural = _("deadline rules")
        ordering = ("code", "-version")

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    def valid_at(self, at: datetime) -> bool:
        """As `RuleQuerySet.valid`, of a row that was read."""
        return self.active and self.holds_at(at)

    def holds_at(self, at: datetime) -> bool:
        """The version of its moment, switched off or not."""
        return self.valid_from <= at and (self.valid_until is None or self.valid_until > at)

    @property
    def spoken(self) -> str:
        """The rule's name in the reader's language."""
        return self.name_en if self.name_en and (get_language() or "").startswith("en") else self.name


class DeadlineState(models.TextChoices):
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    SETTLED = "settled", _("Settled")
    VOID = "void", _("Void")


WAITS = frozenset({"D43"})
"""Limits that wait for somebody outside: nobody here misses them, and they are neither in time nor late."""


class Deadline(models.Model):
    """A deadline is a row, not a timer (decision 3): what was promised, since when, until when, and the next step to take.

    Settled: `ended_at` is when it happened, `late` = ended_at > due_at, judged then and never by when the sweep looked.
    `part` tells apart deadlines of one code on one item (a department of D15, a promise of D38).
    """

    item = models.ForeignKey("records.Item", verbose_name=_("item"), on_delete=models.PROTECT, related_name="deadlines")
    root = models.ForeignKey("records.Item", on_delete=models.PROTECT, related_name="all_deadlines")
    rule = models.ForeignKey(Rule, verbose_name=_("rule"), on_delete=models.PROTECT, related_name="deadlines")
    code = models.CharField(_("code"), max_length=8)
    part = models.CharField(_("part"), max_length=20, blank=True)
    round = models.PositiveSmallIntegerField(_("round"), default=1)
    owner = models.ForeignKey("people.User", verbose_name=_("owner"), null=True, on_delete=models.PROTECT, related_name="deadlines")
    owner_role = models.CharField(max_length=20)
    department = models.ForeignKey("people.Department", verbose_name=_("department"), null=True, on_delete=models.PROTECT, related_name="deadlines")
    state = models.CharField(_("state"), max_length=8, choices=DeadlineState, default=DeadlineState.RUNNING)
    start_at = models.DateTimeField(_("started"))
    due_at = models.DateTimeField(_("due"))
    warn_at = models.DateTimeField(_("warned from"))
    paused_at = models.DateTimeField(_("paused since"), null=True, blank=True)
    left_seconds = models.BigIntegerField(null=True, help_text="While paused: what was left, in the rule's clock (seconds).")
    extended_to = models.DateTimeField(_("extended to"), null=True, blank=True)
    asking = models.OneToOneField("Extension", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    """T9: more time that was asked for and waits for its answer."""
    earlier_to = models.DateTimeField(_("set earlier to"), null=True, blank=True)
    allowance = models.JSONField(default=dict, help_text="E4: the clock, amount and time as they were when it started.")
    facts = models.JSONField(default=dict, help_text="What its rule was chosen by when it started; a changed rule is asked the same (E5).")
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ended_by = models.ForeignKey("people.User", verbose_name=_("ended by"), null=True, on_delete=models.PROTECT, related_name="+")
    late = models.BooleanField(_("late"), null=True)
    why = models.CharField(_("reason"), max_length=200, blank=True, help_text=_("Of a void limit why it is void, of a late one the reason on record."))
    next_step = models.PositiveSmallIntegerField(_("next rung"), null=True)
    next_step_at = models.DateTimeField(_("next rung at"), null=True)
    broken_at = models.DateTimeField(_("set aside until"), null=True, help_text=_("A limit whose step failed is tried again from then on."))
    broken_why = models.CharField(_("why it failed"), max_length=300, blank=True)
    aside_since = models.DateTimeField(null=True, help_text="When it failed first; empty again when a sweep has taken its step.")

    class Meta:
        verbose_name = _("deadline")
        verbose_name_plural = _("deadlines")
        ordering = ("due_at",)
        constraints = [
            models.UniqueConstraint("item", "code", "part", condition=Q(state__in=["running", "paused"]), name="one_live_deadline"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, state__in=["running", "paused"]) | Q(ended_at__isnull=False, state__in=["settled", "void"]),
                name="deadline_ends_once",
            ),
        ]
        indexes = [
            models.Index(fields=["next_step_at"], condition=Q(state="running", next_step_at__isnull=False), name="deadline_sweep"),  # deadlines.sweep
            models.Index(fields=["item", "state"], name="deadline_of_item"),
            models.Index(fields=["root", "state", "due_at"], name="deadline_of_matter"),
            models.Index(fields=["due_at", "code"], name="deadline_compliance"),  # reports
            models.Index(fields=["id"], condition=Q(state__in=["running", "paused"]), name="deadline_live"),  # deadlines.changing
            models.Index(fields=["aside_since"], condition=Q(aside_since__isnull=False), name="deadline_aside"),  # the state of the machinery
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.item_id}"

    @property
    def live(self) -> bool:
        return self.state in (DeadlineState.RUNNING, DeadlineState.PAUSED)


class ExtensionState(models.TextChoices):
    ASKED = "asked", _("Asked for")
    GRANTED = "granted", _("Granted")
    REFUSED = "refused", _("Refused")
    FALLEN = "fallen", _("Fallen with its limit")


class Extension(models.Model):
    """T9: more time for one limit, asked for by its handler, answered by a supervisor. Several may follow each other; one at a time waits.

    `wanted` is the date asked for, `until` the one granted. Fallen: the limit ended before anybody answered.
    """

    deadline = models.ForeignKey(Deadline, verbose_name=_("limit"), on_delete=models.PROTECT, related_name="extensions")
    state = models.CharField(_("state"), max_length=8, choices=ExtensionState, default=ExtensionState.ASKED)
    asked_at = models.DateTimeField(_("asked"))
    asked_by = models.ForeignKey("people.User", verbose_name=_("asked by"), null=True, on_delete=models.PROTECT, related_name="+")
    wanted = models.DateTimeField(_("wanted until"))
    reason = models.TextField(_("reason"))
    decided_at = models.DateTimeField(_("answered"), null=True, blank=True)
    decided_by = models.ForeignKey("people.User", verbose_name=_("answered by"), null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    until = models.DateTimeField(_("granted until"), null=True, blank=True)
    words = models.TextField(_("words"), blank=True)

    class Meta:
        verbose_name = _("extension")
        verbose_name_plural = _("extensions")
        ordering = ("-asked_at", "-pk")
        constraints = [
            models.UniqueConstraint("deadline", condition=Q(state="asked"), name="one_extension_asked"),
            models.CheckConstraint(
                condition=Q(state="asked", decided_at__isnull=True)
                | Q(state="granted", decided_at__isnull=False, until__isnull=False)
                | Q(state__in=["refused", "fallen"], decided_at__isnull=False, until__isnull=True),
                name="extension_answered_once",
            ),
        ]
        indexes = [models.Index(fields=["asked_at"], condition=Q(state="asked"), name="extension_waiting")]  # workplace: approvals, counts

    def __str__(self) -> str:
        return f"{self.deadline} {self.get_state_display()}"


class Pause(models.Model):
    """E3: a stretch in which the deadline did not run."""

    deadline = models.ForeignKey(Deadline, on_delete=models.PROTECT, related_name="pauses")
    from_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True)
    because = models.CharField(max_length=100)

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        constraints = [
            models.UniqueConstraint("deadline", condition=Q(until_at__isnull=True), name="one_open_pause"),
            models.CheckConstraint(condition=Q(until_at__isnull=True) | Q(until_at__gte=F("from_at")), name="pause_ends_after_start"),
        ]


class StepTaken(AppendOnly, models.Model):
    """E2: a rung of the ladder happened. The unique key makes it happen once even if everything else is wrong.

    `at` is when the step was due (the fact), `taken_at` when a sweep took it. `skipped`: after an outage only the highest rung tells anybody.
    """

    deadline = models.ForeignKey(Deadline, on_delete=models.PROTECT, related_name="steps")
    step = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField()
    receiver = models.CharField(max_length=20)
    act = models.CharField(max_length=30, blank=True)
    at = models.DateTimeField()
    taken_at = models.DateTimeField()
    skipped = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("step taken")
        verbose_name_plural = _("steps taken")
        constraints = [models.UniqueConstraint("deadline", "step", "round", name="each_step_once")]
        indexes = [models.Index(fields=["act", "taken_at"], condition=~Q(act=""), name="step_with_act")]  # tickets.apply_steps


class StepOutcome(models.Model):
    """What became of a step: its act applied once, come to nothing, or overtaken by an answer given in time."""

    step = models.OneToOneField(StepTaken, on_delete=models.PROTECT, related_name="outcome", primary_key=True)
    outcome = models.CharField(max_length=12, choices=[("applied", _("applied")), ("nothing", _("came to nothing")), ("overtaken", _("overtaken"))])
    at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("outcome of a step")
        verbose_name_plural = _("outcomes of steps")


class Change(models.Model):
    """E5: a changed rule or calendar, for limits that run already: what it would do, who ordered it, how far it is, what it did.

    `cursor` is the last deadline seen and moves in the transaction that changes its batch, so that each is taken once; `later` holds those that somebody
    else held at that moment. `found` is the preview, `outcome` what was done: counts, by rule and department, and a sample.
    """

    class State(models.TextChoices):
        COUNTING = "counting", _("Being previewed")
        READY = "ready", _("Previewed")
        APPLYING = "applying", _("Being applied")
        DONE = "done", _("Applied")
        STOPPED = "stopped", _("Stopped half-way")
        DROPPED = "dropped", _("Not applied")

    rule = models.ForeignKey(Rule, verbose_name=_("rule"), null=True, on_delete=models.PROTECT, related_name="changes")
    calendar = models.ForeignKey(Calendar, verbose_name=_("calendar"), null=True, on_delete=models.PROTECT, related_name="changes")
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.COUNTING)
    asked_by = models.ForeignKey("people.User", verbose_name=_("previewed by"), on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(_("previewed at"))
    ordered_by = models.ForeignKey("people.User", verbose_name=_("ordered by"), null=True, on_delete=models.PROTECT, related_name="+")
    ordered_at = models.DateTimeField(_("ordered at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    beat_at = models.DateTimeField(help_text="The last sign of a worker.")
    fingerprint = models.CharField(max_length=64, help_text="Of what was previewed: another calendar or version meanwhile is another preview.")
    total = models.PositiveIntegerField(_("limits"), default=0)
    done = models.PositiveIntegerField(_("seen"), default=0)
    cursor = models.BigIntegerField(default=0)
    later = models.JSONField(default=list)
    found = models.JSONField(default=dict)
    outcome = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("change to running limits")
        verbose_name_plural = _("changes to running limits")
        ordering = ("-pk",)
        constraints = [models.CheckConstraint(condition=Q(rule__isnull=True) ^ Q(calendar__isnull=True), name="change_of_one_thing")]

    def __str__(self) -> str:
        return self.subject

    @property
    def subject(self) -> str:
        """The version, or the calendar, as people call it."""
        if self.rule is None:
            return str(self.calendar)
        return _("%(code)s %(name)s, version %(version)s") % {"code": self.rule.code, "name": self.rule.spoken, "version": self.rule.version}


class StepFailure(models.Model):
    """The act of a step that could not be done yet: how often it was tried, why it failed last, when it is tried again. Gone when it is done."""

    step = models.OneToOneField(StepTaken, on_delete=models.PROTECT, related_name="failure", primary_key=True)
    attempts = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    again_at = models.DateTimeField(db_index=True)  # tickets.apply_steps
    why = models.CharField(max_length=300)

    class Meta:
        verbose_name = _("failure of a step")
        verbose_name_plural = _("failures of steps")
