"""What has a life: a model whose `state` only moves can change (decision 1). Closes three holes of the library:

`Ticket(state="closed")` and `queryset.update(state=…)` pass its protection, and its `refresh_from_db` switches the protection
off on the class while it runs (for good, if the row is gone). Here the first two are refused and the third never toggles anything.
"""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.utils.translation import gettext as _

PROTECTED = "state"


class StateIsProtectedError(TypeError):
    """The state was written past the moves."""


class LivingQuerySet(models.QuerySet[Any]):
    def update(self, **kwargs: Any) -> int:
        if PROTECTED in kwargs:
            raise StateIsProtectedError(_("A state changes by a move only."))
        return super().update(**kwargs)


class Living(models.Model):
    """Base of tickets, forms and dispositions: `state` (protected FSMField) and `version`."""

    class Meta:
        abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if PROTECTED in kwargs:
            raise StateIsProtectedError(_("A state changes by a move only."))
        super().__init__(*args, **kwargs)

    @classmethod
    def as_it_was(cls, *, state: str, **fields: Any) -> Self:
        """An unsaved row of imported history in the state it had elsewhere; for imports only."""
        instance = cls(**fields)
        instance.__dict__[PROTECTED] = state
        return instance

    def refresh_from_db(self, using: str | None = None, fields: Any = None, from_queryset: Any = None) -> None:
        held = self.__dict__.pop(PROTECTED, None) if fields is None or PROTECTED in fields else None
        try:
            super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        except BaseException:
            if held is not None:
                self.__dict__[PROTECTED] = held
            raise
