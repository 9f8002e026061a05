"""Several rows chosen by their ids."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

LONGEST = 18
"""Digits of the largest number that every database takes for an id, whatever they are."""


class ManyRows(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # noqa: TID251 - the one place; cannot be subscripted at run time
    """A number that no id can be is refused like one that nobody has: the database, which would fail on it, is not asked."""

    def clean(self, value: Any) -> Any:
        for key in value if isinstance(value, list | tuple) else ():
            if len(str(key)) > LONGEST:
                raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice", params={"value": str(key)[:LONGEST] + "…"})
        return super().clean(value)
