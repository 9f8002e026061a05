"""Limits, calendars and ladders as people write them: "30 min", "5 个工作日", "09:00-12:00, 13:30-18:00, 22:00-06:00"."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk.deadlines import calendars, clocks, public_holidays, wording
from feedback_desk.deadlines.models import Calendar, CalendarDay, Clock, DepartmentCalendar, LadderStep
from feedback_desk.people.models import Department
from feedback_desk.records.many import ManyRows

SECONDS = {"s": 1, "min": 60, "h": 3600}
BY_TIME = (Clock.CALENDAR, Clock.BUSINESS)
NO_LIMIT = (Clock.SAME_DAY, Clock.NEXT_DAY, Clock.PROMISED)
UNITS = {
    "s": ("s", "sec", "second", "seconds", "秒", "秒钟"), "min": ("min", "m", "minute", "minutes", "分", "分钟"),
    "h": ("h", "hour", "hours", "时", "小时", "个小时", "钟头"), "days": ("d", "day", "days", "working day", "working days", "天", "日", "个工作日", "工作日"),
}  # fmt: skip
LIMIT = re.compile(r"(\d{1,6})\s*(\D*)")
LONGEST = 366
"""Days; longer limits are slips of the pen."""
MOST_REPEATS = 50
MOST_PERCENT = 1000
BIGGEST = {Clock.FIXED_DATE: 31, Clock.WEEKDAY: 7, Clock.WORKING_DAY: 365}


def written_limit(clock: str, amount: int) -> str:
    """The amount in the largest unit that fits it, in the reader's language: "30 分钟", "5 days", "Tuesday"."""
    if clock == Clock.WORKING_DAY:
        return _("%(n)s days") % {"n": amount}
    if clock == Clock.WEEKDAY and 1 <= amount <= 7:
        return str(WEEKDAYS[amount - 1])
    if clock not in BY_TIME:
        return str(amount)
    unit = next(u for u in ("h", "min", "s") if amount % SECONDS[u] == 0)
    spoken = {"h": _("%(n)s h"), "min": _("%(n)s min"), "s": _("%(n)s s")}
    return spoken[unit] % {"n": amount // SECONDS[unit]}


def read_limit(clock: str, text: str) -> int:
    """Seconds for calendar time and business hours, else the number itself. Takes what `written_limit` writes in any language."""
    if clock == Clock.WEEKDAY and (weekday := wording.weekday_number(text)):
        return weekday
    found = LIMIT.fullmatch(text.strip().lower())
    unit = next((key for key, words in UNITS.items() if found and found[2].strip() in words), None) if found and found[2] else ""
    if found is None or unit is None:
        raise ValidationError(_("Write the limit as a number and its unit, e.g. 30 min, 2 h, 5 days."))
    return _seconds(clock, int(found[1]), unit) if clock in BY_TIME else _count(clock, int(found[1]), unit)


def _seconds(clock: str, number: int, unit: str) -> int:
    seconds = {**SECONDS, **({"days": 86400} if clock == Clock.CALENDAR else {})}
    if unit not in seconds or not number:
        raise ValidationError(_("This clock needs a time: s, min or h, e.g. 30 min, 24 h."))
    if number * seconds[unit] > LONGEST * 86400:
        raise ValidationError(_("That is longer than a year; say it in days, or shorter."))
    return number * seconds[unit]


def _count(clock: str, number: int, unit: str) -> int:
    if unit in SECONDS or number > BIGGEST.get(Clock(clock), number) or (clock in BIGGEST and not number):
        raise ValidationError(_("This clock counts days: give a number of days, or the day of the month or week."))
    return number


def read_spans(text: str) -> list[list[str]]:
    """"09:00-12:00, 13:30-18:00" → [["09:00", "12:00"], ["13:30", "18:00"]]; no words, no spans."""
    spans = [part.strip() for part in re.split(r"[,，、]", text.replace("：", ":")) if part.strip()]
    pairs = [re.split(r"\s*[-–—~]\s*", span) for span in spans]
    try:
        if pairs:
            clocks.parse_spans(pairs)
    except ValueError as error:
        raise ValidationError(_("Write opening hours as 09:00-12:00, 13:30-18:00; a night as 22:00-06:00.")) from error
    return pairs


def written_spans(pairs: Any) -> str:
    return ", ".join("-".join(pair) for pair in pairs or [])


def hours_field(weekday: Any) -> forms.CharField:
    return forms.CharField(label=weekday, required=False, max_length=100)


def country_choices() -> list[tuple[str, Any]]:
    """Those near first, then every other that the library knows."""
    near = {code: name for code, name in NEAR if code in public_holidays.countries()}
    others = sorted((name, code) for code, name in public_holidays.countries().items() if code not in near)
    return [("", _("none")), *near.items(), *((code, f"{name} ({code})") for name, code in others)]


NEAR: list[tuple[str, Any]] = [
    ("CN", gettext_lazy("China")), ("HK", gettext_lazy("Hong Kong, China")), ("MO", gettext_lazy("Macao, China")), ("TW", gettext_lazy("Taiwan, China")),
    ("SG", gettext_lazy("Singapore")), ("JP", gettext_lazy("Japan")), ("KR", gettext_lazy("South Korea")), ("MY", gettext_lazy("Malaysia")),
    ("TH", gettext_lazy("Thailand")), ("VN", gettext_lazy("Vietnam")), ("ID", gettext_lazy("Indonesia")), ("US", gettext_lazy("United States")),
    ("GB", gettext_lazy("United Kingdom")), ("DE", gettext_lazy("Germany")), ("FR", gettext_lazy("France")), ("AU", gettext_lazy("Australia")),
]  # fmt: skip


class CalendarForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """Opening hours, a field for each weekday; whose holidays it follows; which departments run on it."""

    country = forms.ChoiceField(label=gettext_lazy("Public holidays of"), required=False, choices=country_choices)
    departments = ManyRows(
        label=gettext_lazy("Departments"), required=False, queryset=Department.objects.filter(active=True), widget=forms.CheckboxSelectMultiple(),
        help_text=gettext_lazy("Their limits run on this calendar where the rule names none; the others run on the desk's own."),
    )  # fmt: skip

    day1 = hours_field(gettext_lazy("Monday"))
    day2 = hours_field(gettext_lazy("Tuesday"))
    day3 = hours_field(gettext_lazy("Wednesday"))
    day4 = hours_field(gettext_lazy("Thursday"))
    day5 = hours_field(gettext_lazy("Friday"))
    day6 = hours_field(gettext_lazy("Saturday"))
    day7 = hours_field(gettext_lazy("Sunday"))

    class Meta:
        model = Calendar
        fields = ("name", "zone", "is_default", "country", "subdivision")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "departments" in self.fields:
            self.fields["departments"].initial = list(self.instance.departments.values_list("department_id", flat=True))
        for number in range(1, 8):
            if f"day{number}" in self.fields:
                self.fields[f"day{number}"].initial = written_spans((self.instance.hours or {}).get(str(number)))

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        hours = {str(n): self._spans(n) for n in range(1, 8)}
        hours = {day: spans for day, spans in hours.items() if spans}
        if not hours and not self.errors:
            raise ValidationError(_("The calendar is never open: give hours for at least one weekday."))
        if hours:
            self._try(given.get("zone") or "UTC", hours)
        self.instance.hours = hours
        self._check_subdivision(given)
        return given

    def clean_is_default(self) -> bool:
        """One calendar is always the desk's own: another takes its place, none gives it up."""
        own: bool = self.cleaned_data["is_default"]
        if not own and self.instance.pk and Calendar.objects.filter(pk=self.instance.pk, is_default=True).exists():
            raise ValidationError(_("One calendar must be the desk's own: tick this at the calendar that takes its place."))
        return own

    def _get_validation_exclusions(self) -> set[str]:
        """The desk's own calendar may be another from now on: `CalendarAdmin.save_model`."""
        return {*super()._get_validation_exclusions(), "is_default"}  # type: ignore[misc]

    def clean_departments(self) -> Any:
        chosen = self.cleaned_data["departments"]
        taken = DepartmentCalendar.objects.filter(department__in=chosen).exclude(calendar=self.instance.pk).select_related("department", "calendar").first()
        if taken:
            told = {"department": taken.department, "calendar": taken.calendar}
            raise ValidationError(_("%(department)s runs on the calendar %(calendar)s; take it out there first.") % told)
        return chosen

    def _check_subdivision(self, given: dict[str, Any]) -> None:
        country, named = given.get("country") or "", (given.get("subdivision") or "").strip().upper()
        there = {name.upper(): name for name in public_holidays.subdivisions(country)}
        if named and named not in there:
            some = {"value": named, "some": ", ".join(list(there.values())[:20])}
            self.add_error("subdivision", _("There is no %(value)s; known are %(some)s.") % some if there else _("This country has none; leave it empty."))
        given["subdivision"] = there.get(named, "")

    def _spans(self, number: int) -> list[list[str]]:
        try:
            return read_spans(self.cleaned_data.get(f"day{number}") or "")
        except ValidationError as error:
            self.add_error(f"day{number}", error)
            return []

    def _try(self, zone: str, hours: dict[str, list[list[str]]]) -> None:
        try:
            calendars.build(zone, hours)
        except (ZoneInfoNotFoundError, IsADirectoryError):
            self.add_error("zone", _("There is no time zone %(zone)s; write it as Asia/Shanghai.") % {"zone": zone})
        except ValueError as error:
            self.add_error(None, str(error))


class SpecialDayForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    spans = forms.CharField(
        label=gettext_lazy("Opening hours"), required=False, max_length=100,
        help_text=gettext_lazy("Empty: closed on a holiday; Monday's hours on a make-up working day."),
    )  # fmt: skip

    class Meta:
        model = CalendarDay
        fields = ("day", "working", "name", "spans")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "spans" in self.fields:
            self.fields["spans"].initial = written_spans(self.instance.hours)

    def clean_spans(self) -> str:
        text: str = self.cleaned_data["spans"]
        self.instance.hours = read_spans(text) or None
        return text

    def clean(self) -> dict[str, Any]:
        self.instance.by_hand = self.instance.by_hand or self.has_changed()
        given: dict[str, Any] = super().clean() or self.cleaned_data
        return given


def written_step(step: LadderStep, clock: str = "") -> str:
    """ "75%", "+1", "-30 min", "-4 working days", "100% 3×4 h": when, and how it repeats. `clock`: the one of the rules on its ladder, if they have one."""
    if step.percent is not None:
        when = f"{step.percent}%"
    elif step.minutes is not None:
        when = _written_minutes(step.minutes, clock)
    else:
        when = f"+{step.working_days}"
    again = f" {step.times}×{step.every_hours} h" if step.every_hours else f" {step.times}×+{step.every_days}" if step.every_days else ""
    return when + again


def _written_minutes(minutes: int, clock: str) -> str:
    """Whole days as such, of a clock of working days as these; of opening hours a day has no length."""
    if minutes % 1440 or not minutes or clock not in ("", Clock.CALENDAR, Clock.WORKING_DAY):
        return f"{minutes:+d} min"
    days = wording.spelt_minutes(minutes, clock)
    return f"-{days}" if minutes < 0 else f"+{days}"


class RungForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    class Meta:
        model = LadderStep
        fields = ("order", "percent", "working_days", "minutes", "receiver", "act", "every_hours", "every_days", "times")
        widgets = {"act": forms.TextInput(attrs={"size": 12})}

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if sum(given.get(measure) is not None for measure in ("percent", "working_days", "minutes")) != 1:
            raise ValidationError(_("A step has one measure: a percentage of the limit, working days after it, or minutes before or after it."))
        self._check_repeats(given)
        if given.get("percent") is not None and not 1 <= given["percent"] <= MOST_PERCENT:
            self.add_error("percent", _("Between 1 and %(most)s percent.") % {"most": MOST_PERCENT})
        return given

    def _check_repeats(self, given: dict[str, Any]) -> None:
        every, times = [given.get(unit) for unit in ("every_hours", "every_days") if given.get(unit)], given.get("times") or 0
        if len(every) > 1 or bool(every) != bool(times):
            self.add_error("times", _("A step that repeats says every how many hours or working days, and how often at most."))
        elif times > MOST_REPEATS:
            self.add_error("times", _("At most %(n)s times.") % {"n": MOST_REPEATS})
        for unit in ("every_hours", "every_days"):
            given[unit] = given.get(unit) or None
