"""Processes and incidents as the back office shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin.models import DELETION, LogEntry
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from feedback_desk.notices.models import ServiceState
from feedback_desk.people.models import User
from feedback_desk.workplace import failures, health
from feedback_desk.workplace.machinery import WORDS, spoken
from feedback_desk.workplace.models import Incident

SHOWN = 10
PARTS: dict[str, Any] = {
    "broker": gettext_lazy("Message broker"), "limits": gettext_lazy("Limits looked at late"), health.BEAT: gettext_lazy("Beat"),
    "sweep": gettext_lazy("Queue for limits and notices"), "work": gettext_lazy("Queue for long work"),
}  # fmt: skip


@dataclass(frozen=True)
class Process:
    """A worker or beat: `seen` None when it never was, `tone` ok, soon or late; `may_be_forgotten` when it is silent."""

    key: str
    name: str
    kind: Any
    word: Any
    tone: str
    queues: str
    seen: str
    number: int | None
    ahead: str
    may_be_forgotten: bool


@dataclass(frozen=True)
class Told:
    """An incident: what it was, since when, how long."""

    what: Any
    word: Any
    since: datetime
    lasted: str
    over: bool


def processes() -> list[Process]:
    """Every worker and beat that was seen or is expected."""
    signs = health.everybody()
    words = health.judged(signs, broker=health.broker_answers(), answering=health.workers_that_answer)
    return [_process(sign, words[sign.name]) for sign in signs if sign.is_process]


def _process(sign: health.Sign, word: str) -> Process:
    return Process(
        key=sign.name, name=sign.node, kind=_("worker") if sign.is_worker else _("beat"), word=WORDS[word],
        tone="ok" if word in health.WELL else "soon" if word == "unknown" else "late", queues=_(", ").join(sign.queues),
        seen=_("%(age)s ago") % {"age": spoken(sign.age)} if sign.age is not None else _("never"), number=sign.data.get("process"),
        ahead=f"{round(sign.ahead, 1) + 0.0:+.1f} s" if sign.ahead is not None else "", may_be_forgotten=word == "dead" and sign.age is not None,
    )  # fmt: skip


def latest() -> list[Told]:
    """The last incidents that were certain, open ones first."""
    rows = Incident.objects.filter(told_at__isnull=False).order_by("-since")[:SHOWN]
    return sorted((_told(row) for row in rows), key=lambda told: told.over)


def _told(row: Incident) -> Told:
    lasted = spoken(row.ended_at - row.since) if row.ended_at else ""
    name = PARTS.get(row.part) or health.Sign(row.part, timedelta(0)).node
    return Told(name, WORDS.get(row.word, _("behind")), row.since, lasted, row.ended_at is not None)


@transaction.atomic
def forget(name: str, *, by: User) -> int:
    """A silent process is not missed any more; on record. Returns 1, or 0 when it is not known, or alive."""
    failures.demand(by, "forget")
    silent = [s for s in health.everybody() if s.name == name and s.is_process and s.age is not None and not s.alive]
    if not silent:
        return 0
    row = ServiceState.objects.filter(name=name)
    LogEntry.objects.log_actions(by.pk, row, DELETION, silent[0].node)
    return row.delete()[0]
