"""Rows that are written once (decision 10): refused in code here, by triggers in the database (`triggers.py`)."""

from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class AppendOnlyError(ValidationError):
    """Somebody tried to change or remove what is kept for ever (V5)."""


def refuse() -> NoReturn:
    raise AppendOnlyError(_("This record is kept as it is: it cannot be changed or removed."))


class AppendOnlyQuerySet(models.QuerySet[Any]):
    def update(self, **kwargs: Any) -> int:
        refuse()

    def delete(self) -> tuple[int, dict[str, int]]:
        refuse()

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        refuse()


class AppendOnly(models.Model):
    """Mixin: insert only. Its tables get triggers after every migration."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None and not self._state.adding:
            refuse()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        refuse()
