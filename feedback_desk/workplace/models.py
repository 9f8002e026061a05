"""The workplace owns almost nothing: drafts, so that nothing typed is lost, and what went wrong with the machinery."""

import json
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import models
from django.utils.translation import gettext_lazy as _

from feedback_desk.records.secrets import seal, unseal

SEALED = "sealed"


class Draft(models.Model):
    """What a person typed and did not send yet, by page; kept at each pause, removed when sent."""

    user = models.ForeignKey("people.User", on_delete=models.CASCADE, related_name="drafts")
    place = models.CharField(max_length=80)
    data = models.JSONField(default=dict)
    saved_at = models.DateTimeField()

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        constraints = [models.UniqueConstraint("user", "place", name="one_draft")]

    @property
    def typed(self) -> dict[str, Any]:
        """The values as they were sent; sealed at rest, since somebody writes a phone number anywhere (V4). Empty when the key is gone."""
        try:
            opened: dict[str, Any] = json.loads(unseal(self.data[SEALED])) if SEALED in self.data else self.data
        except InvalidToken:
            return {}
        return opened


class Incident(models.Model):
    """Something of the machinery that did not work: one row from its beginning to its end, so that it is told once each way.

    `part` is a sign's name (worker:sweep@server1, beat, sweep), "broker" or "limits"; `word` what was the matter. Suspected until `told_at`.
    """

    part = models.CharField(max_length=120)
    word = models.CharField(max_length=10)
    since = models.DateTimeField(db_index=True)
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        constraints = [models.UniqueConstraint("part", condition=models.Q(ended_at__isnull=True), name="one_open_incident")]

    def __str__(self) -> str:
        return f"{self.part}: {self.word}"


def sealed(typed: dict[str, Any]) -> dict[str, str]:
    """What `Draft.data` holds of it."""
    return {SEALED: seal(json.dumps(typed))}
