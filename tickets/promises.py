"""What the customer was promised and is still owed (T16, D38), and what of it a conversation ends: what whoever recorded it ticked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk.deadlines import wording
from feedback_desk.deadlines.models import Deadline, DeadlineState
from feedback_desk.records.models import Item
from tickets.models import Contact

NEXT_VISIT = "visit"
"""The part of a visit's dated next attempt: that ends with the visit."""
TOLD: dict[str, Any] = {
    "v": gettext_lazy("told on the return visit"), "s": gettext_lazy("told in the second follow-up"), "r": gettext_lazy("told with the result"),
    "n": gettext_lazy("told with the progress"), "f": gettext_lazy("named in the formal reply"), "l": gettext_lazy("named in the final reply"),
    "m": gettext_lazy("told with the reminder"), "k": gettext_lazy("told when setting aside was asked for"), "x": gettext_lazy("told with the extension"),
    "g": gettext_lazy("told with the remedy"),
}  # fmt: skip
"""By the first letter of a promise's part, where no conversation's own words say it (contacts.promise and its callers)."""


@dataclass(frozen=True)
class Promise:
    pk: int
    text: str
    today: bool
    """Due by the end of today: the conversation is probably about it."""


def owed(item: Item) -> list[Deadline]:
    """The nearest first."""
    return of_rows(Deadline.objects.filter(item=item, code="D38", state=DeadlineState.RUNNING).order_by("due_at", "pk"), item.pk)


def of_rows(rows: Iterable[Deadline], item_id: int) -> list[Deadline]:
    """Those of the ticket's item among limits that were read already."""
    return [row for row in rows if row.code == "D38" and row.item_id == item_id and row.state == DeadlineState.RUNNING and row.part != NEXT_VISIT]


def told(rows: Iterable[Deadline], contacts: Iterable[Contact], at: datetime) -> list[Promise]:
    """As they are offered to be ticked."""
    said = {f"c{contact.pk}": contact.next_step or contact.said for contact in contacts}
    return [Promise(row.pk, _told(row, said), is_due(row, at)) for row in rows]


def _told(row: Deadline, said: Mapping[str, str]) -> str:
    what = said.get(row.part) or str(TOLD.get(row.part[:1]) or row.rule.spoken)
    return _("%(what)s: by %(due)s") % {"what": what if len(what) <= 40 else f"{what[:39]}…", "due": wording.exact(row.due_at)}


def told_of(item: Item, at: datetime) -> list[Promise]:
    """For pages that have read neither limits nor contacts; nothing more is read where nothing is owed."""
    rows = owed(item)
    return told(rows, Contact.objects.filter(pk__in=[row.part[1:] for row in rows if row.part[:1] == "c"]), at) if rows else []


def is_due(row: Deadline, at: datetime) -> bool:
    """By the end of the desk's day."""
    return row.due_at <= end_of_day(at)


def end_of_day(at: datetime) -> datetime:
    """Midnight after `at`, in the desk's zone."""
    return timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
