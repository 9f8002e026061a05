"""Next steps (F1) as pages show them: on the contact they came of, on the ticket's side, and in my work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Aggregate, Exists, F, JSONField, OuterRef, Q
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils.translation import gettext as _

from feedback_desk.deadlines.chips import Chip, chip_for
from feedback_desk.people.models import Absence, Concern, User
from feedback_desk.records.spoken import when, words
from tickets.models import NextStep

SHOWN = 30
"""In my work; the rest is said as a number."""


@dataclass(frozen=True)
class NextLine:
    """A step with person and date, open or ended."""

    pk: int
    text: str
    who: str
    due_at: datetime
    open: bool
    done: bool
    late: bool
    said: str
    """Once ended: by whom, when, and what came of it."""
    chip: Chip | None
    may_finish: bool
    contact_id: int

    @property
    def due(self) -> str:
        return when(self.due_at)

    @property
    def url(self) -> str:
        return reverse("workplace:finish_step", args=[self.pk])


def next_line(step: NextStep, at: datetime, *, may_finish: bool) -> NextLine:
    """Reads contact, owner and who ended it."""
    open_ = step.ended_at is None
    chip = chip_for(step.due_at, None, at, name=_("Next step")) if open_ else None
    return NextLine(
        step.pk, words(step.contact.next_step), str(step.owner or _("no one yet")), step.due_at, open_, bool(step.done), step.due_at < (step.ended_at or at),
        _ended(step), chip, may_finish and open_, step.contact_id,
    )  # fmt: skip


def _ended(step: NextStep) -> str:
    if step.ended_at is None:
        return ""
    if not step.done:
        return _("Ended with the ticket: %(why)s") % {"why": words(step.outcome)}
    parts = [str(step.ended_by or ""), when(step.ended_at), words(step.outcome)]
    return _("Done: %(what)s") % {"what": " · ".join(filter(None, parts))}


class Gathered(Aggregate):
    """The rows of a subquery as one JSON list, on both databases."""

    function = "JSON_GROUP_ARRAY"
    output_field = JSONField()

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, function="JSONB_AGG", **more)


def of_person(user: User, at: datetime) -> Any:
    """For a page's own query: the person's open steps, and those of an absent colleague they back up (V2); nothing of matters they are named in (V3)."""
    away = Absence.objects.covering(at).order_by().filter(user=OuterRef("owner"))
    named = Concern.objects.filter(item=OuterRef("item"), user=user)
    rows = NextStep.objects.filter(Q(owner=user) | Q(Exists(away), owner__backup=user), ~Exists(named), ended_at=None)
    told = JSONObject(
        pk="pk", text="contact__next_step", due="due_at", owner="owner__name", owner_id="owner_id", number="item__number", title="item__title",
        contact="contact_id",
    )  # fmt: skip
    return rows.order_by().annotate(one=F("ended_at")).values("one").annotate(found=Gathered(told)).values("found")


@dataclass(frozen=True)
class MyStep:
    """A row of my work."""

    pk: int
    text: str
    due_at: datetime
    chip: Chip | None
    due: str
    number: str
    title: str
    contact: int
    in_place_of: str

    @property
    def url(self) -> str:
        return reverse("workplace:finish_step", args=[self.pk])


@dataclass(frozen=True)
class MySteps:
    rows: list[MyStep]
    total: int
    late: int

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


def my_steps(found: list[Mapping[str, Any]] | None, user: User, at: datetime) -> MySteps:
    """What `of_person` read, the nearest first."""
    rows = sorted((_my_step(row, user, at) for row in found or []), key=lambda step: (step.due_at, step.pk))
    return MySteps(rows[:SHOWN], len(rows), sum(1 for row in rows if row.due_at < at))


def _my_step(row: Mapping[str, Any], user: User, at: datetime) -> MyStep:
    due = datetime.fromisoformat(row["due"])
    due = due if due.tzinfo else due.replace(tzinfo=UTC)
    return MyStep(
        row["pk"], words(row["text"]), due, chip_for(due, None, at, name=_("Next step")), when(due), row["number"], row["title"], row["contact"],
        "" if row["owner_id"] == user.pk else row["owner"],
    )  # fmt: skip
