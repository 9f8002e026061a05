"""Which past complaints a rule of grading is tried on."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

MOST_DAYS = 366


class Day(forms.DateInput):
    input_type = "date"


class PastForm(forms.Form):
    """From the first to the last day, both included, of the desk's zone."""

    since = forms.DateField(label=gettext_lazy("Received from"), widget=Day(format="%Y-%m-%d"))
    until = forms.DateField(label=gettext_lazy("Received until"), widget=Day(format="%Y-%m-%d"))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        since, until = data.get("since"), data.get("until")
        if since and until and not timedelta(0) <= until - since < timedelta(days=MOST_DAYS):
            self.add_error("until", _("The last day is not before the first, and at most a year after it."))
        if any(day and not 1970 <= day.year <= 2200 for day in (since, until)):
            self.add_error(None, _("Choose days that can be meant."))
        return data

    def period(self) -> tuple[datetime, datetime]:
        return _midnight(self.cleaned_data["since"]), _midnight(self.cleaned_data["until"] + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
