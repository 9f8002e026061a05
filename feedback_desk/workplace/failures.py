"""What failed and waits for somebody: notices, limits set aside, imports, acts of steps; tried again one by one or all of a kind.

Each kind has its own service that takes only rows still in that state, so that a second press of the button does nothing and nothing sent is sent twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk.deadlines import acts, sweep
from feedback_desk.deadlines.models import Deadline, DeadlineState, StepFailure, StepTaken
from feedback_desk.notices import services as notices
from feedback_desk.notices import wording
from feedback_desk.notices.admin import ADDRESS
from feedback_desk.notices.models import Notice, NoticeState
from feedback_desk.people.access import NotYou
from feedback_desk.people.models import User
from feedback_desk.people.office import AGAIN, LET_BE, configures, desk_link, put_on_record, untouched_by
from feedback_desk.records.secrets import mask
from feedback_desk.workplace import measuring
from tickets.imports import services as imports
from tickets.imports import tasks as import_tasks
from tickets.models import ImportRun

log = logging.getLogger(__name__)
MOST = 50
"""Rows of a kind on the page; the button for all takes them all."""


@dataclass(frozen=True)
class Failure:
    """A row as the page shows it. `where`: the matter's number, linked, or `url` of its own page; `why`: as the machine said it, addresses masked (V4)."""

    pk: int
    what: str
    where: str
    since: datetime | None
    why: str
    next_try: datetime | None = None
    url: str = ""


@dataclass(frozen=True)
class Kind:
    """One sort of failure: which rows, how they are shown, and the service that tries them again (ids, who, when → ids taken)."""

    key: str
    label: Any
    button: Any
    by_itself: Any
    rows: Callable[[], QuerySet[Any]]
    matter: str
    shown: Callable[[Any], Failure]
    again: Callable[[Collection[int], User, datetime], list[int]]
    recorded: type[Any]


@dataclass(frozen=True)
class Listed:
    kind: Kind
    count: int
    rows: list[Failure]


def without_addresses(why: str) -> str:
    return ADDRESS.sub(lambda found: mask("email", found.group()), why)


def _notice(row: Notice) -> Failure:
    to = str(row.receiver) if row.receiver else _("the customer")
    what = _("%(subject)s, to %(receiver)s by %(channel)s") % {
        "subject": _subject(row), "receiver": to, "channel": row.get_channel_display(),
    }  # fmt: skip
    return Failure(row.pk, what, desk_link(row.item), row.created_at, without_addresses(row.last_error))


def _subject(row: Notice) -> str:
    """A notice may have failed because nothing can be made of it: then its kind."""
    try:
        return wording.subject(row)
    except Exception:
        log.info("notice %s has no subject", row.pk)
        return row.template


def _deadline(row: Deadline) -> Failure:
    after = row.broken_at + sweep.SET_ASIDE if row.broken_at else None
    return Failure(row.pk, f"{row.code} {row.rule.spoken}", desk_link(row.item), row.aside_since, without_addresses(row.broken_why), after)


def _import(row: Any) -> Failure:
    name = _("%(file)s, %(kind)s") % {"file": row.name, "kind": row.get_kind_display()}
    return Failure(row.pk, name, "–", row.finished_at, str(row.result.get("sentence", "")), url=reverse("imports:run", args=[row.pk]))


def _act(row: StepFailure) -> Failure:
    limit = row.step.deadline
    what = _("step of %(limit)s (tried %(n)d times)") % {"limit": f"{limit.code} {limit.rule.spoken}", "n": row.attempts}
    return Failure(row.pk, what, desk_link(limit.item), row.since, without_addresses(row.why), row.again_at)


def _imports_again(ids: Collection[int], by: User, at: datetime) -> list[int]:
    """The file is read and compared anew; what it would change is then confirmed by a person, as always."""
    taken = [pk for pk in ids if imports.check_failed_again(run_id=pk, by=by)]
    transaction.on_commit(lambda: [import_tasks.announce(pk, "check") for pk in taken] and None)
    return taken


KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind(
            "notices", gettext_lazy("Notices that were not delivered"), gettext_lazy("Send again"),
            gettext_lazy("Eight attempts were made; it is not tried again by itself."),
            lambda: Notice.objects.filter(state=NoticeState.FAILED).select_related("item", "receiver").order_by("-created_at"), "item__root",
            _notice, lambda ids, by, at: notices.send_again(ids, at=at), Notice,
        ),
        Kind(
            "limits", gettext_lazy("Limits set aside"), gettext_lazy("Try now"), gettext_lazy("Tried again by itself every ten minutes."),
            lambda: Deadline.objects.filter(state=DeadlineState.RUNNING, aside_since__isnull=False).select_related("item", "rule").order_by("aside_since"),
            "root", _deadline, lambda ids, by, at: sweep.again(ids, at=at), Deadline,
        ),
        Kind(
            "acts", gettext_lazy("Steps that could not be carried out"), gettext_lazy("Try now"),
            gettext_lazy("Tried again by itself, at the latest every ten minutes."),
            lambda: StepFailure.objects.select_related("step__deadline__item", "step__deadline__rule").order_by("since"), "step__deadline__root",
            _act, lambda ids, by, at: acts.again(ids, at=at), StepTaken,
        ),
        Kind(
            "imports", gettext_lazy("Imports that failed"), gettext_lazy("Check again"),
            gettext_lazy("Nothing of the file was imported; it is kept for seven days."),
            lambda: measuring.failed_imports().order_by("-finished_at"), "", _import, _imports_again, ImportRun,
        ),
    )
}  # fmt: skip


def counted() -> dict[str, int]:
    """How many failed, by kind; of all matters, as nothing of them is told."""
    return {key: kind.rows().count() for key, kind in KINDS.items()}


def listed(by: User) -> list[Listed]:
    """What failed, by kind; kinds without any left out. Nothing of matters that the reader is named in (V3)."""
    found = []
    for kind in KINDS.values():
        rows = _rows(kind, by)
        shown = [kind.shown(row) for row in rows[:MOST]]
        if shown:
            found.append(Listed(kind, len(shown) if len(shown) < MOST else rows.count(), shown))
    return found


def _rows(kind: Kind, by: User) -> QuerySet[Any]:
    return untouched_by(kind.rows(), by, kind.matter) if kind.matter else kind.rows()


def demand(by: User, verb: str) -> None:
    """403, recorded, for everybody but administrators (V1)."""
    if not configures(by):
        raise NotYou(_("The machinery is looked after by administrators."), user=by, verb=verb)


@transaction.atomic
def try_again(kind: Kind, *, by: User, at: datetime, pk: int | None = None) -> int:
    """One, or all of a kind that this person sees; on record. Those that went meanwhile stay as they are. Returns how many are tried."""
    demand(by, "try again")
    rows = _rows(kind, by)
    ids = list((rows if pk is None else rows.filter(pk=pk)).values_list("pk", flat=True))
    taken = kind.again(ids, by, at)
    put_on_record(by, kind.recorded.objects.filter(pk__in=taken), AGAIN)
    return len(taken)


@transaction.atomic
def let_be(*, by: User, pk: int | None = None) -> int:
    """Failed notices that nobody needs any more; on record. Returns how many."""
    demand(by, "let be")
    rows = _rows(KINDS["notices"], by)
    taken = notices.let_be(list((rows if pk is None else rows.filter(pk=pk)).values_list("pk", flat=True)))
    put_on_record(by, Notice.objects.filter(pk__in=taken), LET_BE)
    return len(taken)
