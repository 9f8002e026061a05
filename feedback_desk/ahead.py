"""How far ahead a date may lie that somebody types: ten years. Further off the year was mistyped; at the end of the calendar nothing can be counted."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy

from feedback_desk import clock

FURTHEST = timedelta(days=3653)
TOO_FAR = gettext_lazy("This lies more than ten years ahead: is the year right?")


def too_far(**typed: date | datetime | None) -> dict[str, str]:
    """The sentence by field for every date out of reach."""
    latest = clock.now() + FURTHEST
    return {name: str(TOO_FAR) for name, at in typed.items() if at is not None and at > (latest if isinstance(at, datetime) else latest.date())}


def within_reach(typed: date | datetime) -> None:
    """For a field of a form that no service judges."""
    if too_far(typed=typed):
        raise ValidationError(TOO_FAR)


def check(**typed: date | datetime | None) -> None:
    """For services: ValidationError by field."""
    if wrong := too_far(**typed):
        raise ValidationError(wrong)
