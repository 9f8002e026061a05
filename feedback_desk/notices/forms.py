"""Quiet hours as people set them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk.notices.models import ALL_DAYS, QuietHours

DAYS = [
    (1, gettext_lazy("Monday")), (2, gettext_lazy("Tuesday")), (3, gettext_lazy("Wednesday")), (4, gettext_lazy("Thursday")),
    (5, gettext_lazy("Friday")), (6, gettext_lazy("Saturday")), (7, gettext_lazy("Sunday")),
]  # fmt: skip


class LocalHour(forms.TimeInput):
    """A time of day by the row's own zone; the browser's picker, and no word about the server's clock."""

    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%H:%M")


def spoken_days(days: Collection[int]) -> str:
    if set(days) == set(ALL_DAYS):
        return _("every day")
    return _(", ").join(str(name) for number, name in DAYS if number in days)


class QuietHoursForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    weekdays = forms.TypedMultipleChoiceField(
        label=gettext_lazy("On the days"), choices=DAYS, coerce=int, widget=forms.CheckboxSelectMultiple, initial=ALL_DAYS,
        help_text=gettext_lazy("Hours over midnight belong to the day on which they begin."),
    )  # fmt: skip

    class Meta:
        model = QuietHours
        fields = ("channel", "whom", "from_time", "until_time", "weekdays", "zone", "urgent_passes", "active")
        widgets = {"from_time": LocalHour, "until_time": LocalHour}

    def clean_zone(self) -> str:
        zone = str(self.cleaned_data["zone"]).strip()
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, IsADirectoryError, ValueError) as error:
            raise forms.ValidationError(_("There is no time zone %(zone)s; write it as Asia/Shanghai.") % {"zone": zone}) from error
        return zone

    def clean(self) -> dict[str, Any]:
        """A channel that is quiet day and night would never deliver anything."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("from_time") == given.get("until_time") and set(given.get("weekdays") or ()) == set(ALL_DAYS):
            self.add_error("until_time", _("Quiet day and night on every day: nothing would ever be delivered."))
        return given
