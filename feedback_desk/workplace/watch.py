"""The watch over the machinery: what does not work becomes an incident, told to the administrators once when it is certain and once when it is over.

Beat and every worker look, whoever's turn it is: one of them is enough to miss the others. Rows that were set aside are reported here too, once each.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Now

from feedback_desk.deadlines.models import Deadline, DeadlineState, StepFailure
from feedback_desk.notices import outbox
from feedback_desk.notices.models import Notice, ServiceState
from feedback_desk.notices.tasks import deliver_notices
from feedback_desk.people import receivers
from feedback_desk.people.models import Concern, Role
from feedback_desk.workplace import health, measuring
from feedback_desk.workplace.models import Incident

log = logging.getLogger(__name__)
TURN = "watch"
EVERY = timedelta(seconds=8)
CERTAIN_AFTER = timedelta(seconds=20)
"""A restart is no incident. With the 20 s after which a sign is stale, the administrators know within a minute."""
GONE_AFTER = timedelta(days=1)
"""A machine that was taken away without a word is forgotten after so long."""
TRIED = 3
"""An act that failed so often will not go by itself."""


def look(at: datetime | None = None) -> None:
    """Compare what should work with what does; at most every eight seconds, whoever asks."""
    if at is None and not _my_turn():
        return
    at = at or measuring.instant()
    broker = health.broker_answers()
    signs = health.everybody()
    words = health.judged(signs, broker=broker, answering=health.workers_that_answer)
    found = health.troubles(signs, words, broker=broker)
    if measuring.sweep(at).behind and (not found or Incident.objects.filter(part="limits", ended_at=None).exists()):
        found["limits"] = "behind"
    told = _open(found, at) + (_over(found, at) if broker else 0) + _poisoned(at)
    _forget_the_gone(signs, words, at)
    if told:
        _hurry()


def _my_turn() -> bool:
    """One of those that ask at once gets it."""
    if ServiceState.objects.filter(name=TURN, at__lt=Now() - Value(EVERY)).update(at=Now()):
        return True
    _row, fresh = ServiceState.objects.get_or_create(name=TURN, defaults={"at": Now()})
    return fresh


def _open(found: dict[str, str], at: datetime) -> int:
    """Suspected at first; told when it is still so after a while. Returns how many were told."""
    Incident.objects.bulk_create([Incident(part=part, word=word, since=at) for part, word in found.items()], ignore_conflicts=True)
    told = 0
    for incident in Incident.objects.filter(part__in=found, ended_at=None, told_at=None, since__lte=at - CERTAIN_AFTER):
        incident.word = found[incident.part]
        with transaction.atomic():
            if Incident.objects.filter(pk=incident.pk, told_at=None, ended_at=None).update(told_at=at, word=incident.word):
                tell(incident, "machinery_trouble", at)
                told += 1
    return told


def _over(found: dict[str, str], at: datetime) -> int:
    """Well again: told to those who were told; what was only suspected leaves no trace. Not asked while the broker is away: nobody can be judged then."""
    told = 0
    Incident.objects.filter(ended_at=None, told_at=None).exclude(part__in=found).delete()
    for incident in Incident.objects.filter(ended_at=None).exclude(part__in=found):
        with transaction.atomic():
            if Incident.objects.filter(pk=incident.pk, ended_at=None).update(ended_at=at):
                tell(incident, "machinery_well", at)
                told += 1
    return told


def tell(incident: Incident, template: str, at: datetime) -> None:
    """One notice to each administrator, by the key once."""
    log.warning("%s: %s (%s)", template, incident.part, incident.word)
    name = health.Sign(incident.part, None).node
    kind = "worker" if incident.part.startswith(health.WORKER) else "beat" if incident.part.startswith(health.ONE_BEAT) else incident.part
    minutes = max(round((at - incident.since).total_seconds() / 60), 1)
    data = {"kind": kind, "name": name, "word": incident.word, "since_at": incident.since, "minutes": minutes, "urgent": True}
    cause = f"{template}:{incident.pk}"
    for user in receivers.holders(Role.ADMINISTRATOR):
        outbox.tell(key=cause, cause=cause, item=None, receiver=user, template=template, data=data, at=at)


def _poisoned(at: datetime) -> int:
    """Limits set aside, and acts that failed again and again: reported once, by their key. Returns how many are new."""
    aside = Deadline.objects.filter(state=DeadlineState.RUNNING, aside_since__isnull=False).select_related("item", "rule")[:100]
    acts = StepFailure.objects.filter(attempts__gte=TRIED).select_related("step__deadline__item", "step__deadline__rule")[:100]
    reports = [(f"aside:{row.pk}:{row.aside_since:%Y%m%d%H%M%S}", row, "limit_set_aside") for row in aside if row.aside_since]
    reports += [(f"act:{row.pk}:{row.since:%Y%m%d%H%M%S}", row.step.deadline, "act_failed") for row in acts]
    known = set(Notice.objects.filter(cause__in=[cause for cause, _row, _template in reports]).values_list("cause", flat=True)) if reports else set()
    fresh = [report for report in reports if report[0] not in known]
    outbox.tell_many(_reports(fresh, at))
    return len(fresh)


def _reports(fresh: list[tuple[str, Deadline, str]], at: datetime) -> Iterable[Notice]:
    """To the administrators who are not named in the matter (V3); number and summary only (V7)."""
    if not fresh:
        return
    administrators = [user.pk for user in receivers.holders(Role.ADMINISTRATOR)]
    roots = {row.root_id for _cause, row, _template in fresh}
    named = set(Concern.objects.filter(item_id__in=roots, user_id__in=administrators).values_list("item_id", "user_id"))
    for cause, row, template in fresh:
        data = {"number": row.item.number, "title": row.item.title, "code": row.code, "name": row.rule.name, "name_en": row.rule.name_en}
        for user_id in administrators:
            if (row.root_id, user_id) in named:
                continue
            for channel in outbox.BOTH:
                yield outbox.notice(
                    key=cause, cause=cause, item_id=row.item_id, receiver_id=user_id, template=template, data=data, at=at, channel=channel
                )


def _forget_the_gone(signs: list[health.Sign], words: dict[str, str], at: datetime) -> None:
    """A worker that has been silent for a day while others do its work was taken away."""
    served = {queue for s in signs if s.is_worker and s.alive for queue in s.queues}
    gone = [s.name for s in signs if s.is_process and s.age and s.age > GONE_AFTER and words[s.name] == "dead" and served.issuperset(s.queues)]
    if gone:
        ServiceState.objects.filter(name__in=gone).delete()


def _hurry() -> None:
    """By either queue, whichever is served: the notice of a dead worker must not wait for it."""
    for queue in health.WORKERS:
        try:
            deliver_notices.apply_async(queue=queue, expires=60, retry=False)
        except health.AWAY as error:
            log.warning("the mail waits for the broker: %s", error)
