"""The figures of the machinery: what is due and not taken, what waits, what failed, who lives, how much room there is. Sentences about them: `machinery`."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Q
from django.utils.dateparse import parse_datetime

from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline, DeadlineState, StepFailure
from feedback_desk.notices.models import Notice, NoticeState, ServiceState
from feedback_desk.workplace import health
from feedback_desk.workplace.models import Incident
from tickets.models import ImportRun

SWEEP, BACKUP = "deadlines.sweep", "backup"
BEHIND = timedelta(minutes=1)
"""From here on pages say that limits are looked at late."""
LONGEST_PAUSE = timedelta(hours=1)
"""Between two attempts to send a notice."""
ON_ITS_WAY = (NoticeState.WAITING, NoticeState.SENDING)


@dataclass(frozen=True)
class Sweep:
    """`age`: since the last one, None when there was none. `due`: steps not taken yet; `lag`: since when the oldest of them is due. `aside`: rows set aside."""

    age: timedelta | None
    due: int
    lag: timedelta
    aside: int

    @property
    def behind(self) -> bool:
        return self.lag > BEHIND

    def as_json(self) -> dict[str, float | int | None]:
        age = None if self.age is None else round(self.age.total_seconds(), 1)
        return {"age_seconds": age, "lag_seconds": round(self.lag.total_seconds(), 1), "due": self.due, "set_aside": self.aside}


@dataclass(frozen=True)
class Outbox:
    """Notices on their way, for how long the oldest has been, and how many failed for good. What waits for its hour is not on its way."""

    waiting: int
    oldest: timedelta
    failed: int

    def as_json(self) -> dict[str, float | int]:
        return {"waiting": self.waiting, "oldest_seconds": round(self.oldest.total_seconds(), 1), "failed": self.failed}


@dataclass(frozen=True)
class Room:
    """Bytes: of the database, free and in all where DATA_DIR lies."""

    database: int
    free: int
    total: int


@dataclass(frozen=True)
class Figures:
    """Everything at one instant. `words`: of each sign (health.judged). `queues`: messages waiting, None when the broker is away. `ahead`: of each clock."""

    sweep: Sweep
    outbox: Outbox
    failed_imports: int
    failed_acts: int
    signs: list[health.Sign]
    words: dict[str, str]
    queues: dict[str, int] | None
    room: Room
    backup: timedelta | None
    ahead: dict[str, float]
    incidents: int


def instant() -> datetime:
    """The database's clock, whatever the desk's is set to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()" if connection.vendor == "postgresql" else "SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
        found = cursor.fetchone()[0]
    parsed = parse_datetime(found) if isinstance(found, str) else found
    assert parsed is not None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def due(at: Any) -> Q:
    """Running deadlines with a step that nobody took yet; those set aside are counted apart."""
    return Q(state=DeadlineState.RUNNING, next_step_at__lte=at, aside_since=None)


def sweep(at: datetime | None = None) -> Sweep:
    at = at or instant()
    last = ServiceState.objects.filter(name=SWEEP).values_list("at", flat=True).first()
    lying = Deadline.objects.filter(due(at)).aggregate(n=Count("pk"), oldest=Min("next_step_at"))
    aside = Deadline.objects.filter(state=DeadlineState.RUNNING, aside_since__isnull=False).count()
    return Sweep(None if last is None else at - last, lying["n"], since(lying["oldest"], at), aside)


def outbox(at: datetime | None = None) -> Outbox:
    at = at or instant()
    going = Q(state__in=ON_ITS_WAY) & (Q(send_after__lte=at) | Q(attempts__gt=0, send_after__lte=at + LONGEST_PAUSE))
    counted = Notice.objects.filter(state__in=(*ON_ITS_WAY, NoticeState.FAILED)).aggregate(
        waiting=Count("pk", filter=going),
        oldest=Min("created_at", filter=going),
        failed=Count("pk", filter=Q(state=NoticeState.FAILED)),
    )  # fmt: skip
    return Outbox(counted["waiting"], since(counted["oldest"], at), counted["failed"])


def since(moment: datetime | None, at: datetime) -> timedelta:
    return max(at - moment, timedelta(0)) if moment else timedelta(0)


def failed_imports() -> Any:
    """Imports that ended with a fault; files that were merely kept too long are none."""
    return ImportRun.objects.filter(state=ImportRun.State.FAILED).exclude(settings__has_key="tidied")


def queues() -> dict[str, int] | None:
    """Messages waiting in each queue; None when the broker does not answer within a second."""
    try:
        with health.link_to_broker() as link:
            return {name: health.unread(link.default_channel, name) for name in health.WORKERS}
    except health.AWAY:
        return None


def ahead(signs: Iterable[health.Sign], here: datetime, at: datetime) -> dict[str, float]:
    """Seconds by which clocks are before the database's: of every living process, and of this one (`web`)."""
    return {sign.node: sign.ahead for sign in signs if sign.is_process and sign.alive and sign.ahead is not None} | {"web": (here - at).total_seconds()}


def room() -> Room:
    disk = shutil.disk_usage(settings.DATA_DIR)
    return Room(database_bytes(), disk.free, disk.total)


def database_bytes() -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    files = (Path(f"{connection.settings_dict['NAME']}{suffix}") for suffix in ("", "-wal"))
    return sum(file.stat().st_size for file in files if file.is_file())


def everything() -> Figures:
    """All of it, in nine statements; asks the broker, and the workers when one is silent."""
    here, at = clock.of_this_machine(), instant()
    signs, waiting = health.everybody(), queues()
    kept = ServiceState.objects.filter(name=BACKUP).values_list("at", flat=True).first()
    return Figures(
        sweep=sweep(at), outbox=outbox(at), failed_imports=failed_imports().count(), failed_acts=StepFailure.objects.count(), signs=signs,
        words=health.judged(signs, broker=waiting is not None, answering=health.workers_that_answer), queues=waiting, room=room(),
        backup=None if kept is None else at - kept, ahead=ahead(signs, here, at), incidents=Incident.objects.filter(ended_at=None).count(),
    )  # fmt: skip
