"""What happens at the desk of the fault machine, and what its rows say afterwards; each function runs in a process of the desk's own environment."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import Now

from conftest import make_person
from feedback_desk import clock
from feedback_desk.deadlines import services
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.first_rows import VALID_FROM
from feedback_desk.deadlines.models import Deadline, DeadlineState, Ladder, LadderStep, Rule, StepOutcome, StepTaken
from feedback_desk.notices.models import Channel, Notice, NoticeState, ServiceState
from feedback_desk.people.models import Role, User
from feedback_desk.records.models import Item
from tests import stories

CODE = "X01"
SHARES = (50, 100, 200)
"""Percent of the allowance at which the three steps are due."""
SHOWN = 10
"""Of each kind of violation so many are told."""


def fall_due(count: int, ahead: float, over: float, seconds: int, loud: int) -> int:
    """`count` limits of `seconds` each whose last steps fall due evenly from `ahead` seconds from now on, `over` seconds long.

    Every `loud`-th belongs to people with an address, so that its steps leave as e-mail; the others' are told in the page only.
    """
    stories.people()
    owners = [_silent_agent(), User.objects.get(username="agent")]
    rule, hours, last = _rule(seconds), hours_of([None])[None], timedelta(seconds=seconds * SHARES[-1] / 100)
    first = clock.now() + timedelta(seconds=ahead) - last
    items = Item.objects.bulk_create([Item(number=f"X{n:06}", kind="ticket", title="外壳破损", changed_at=first) for n in range(count)], batch_size=1000)
    starts = [first + timedelta(seconds=over * n / count) for n in range(count)]
    owned = [owners[n % loud == 0] for n in range(count)]
    rows = [services._begin(item, rule, hours, start, None, owner=owner, facts={}) for item, start, owner in zip(items, starts, owned, strict=True)]
    return len(Deadline.objects.bulk_create(rows, batch_size=1000))


def _silent_agent() -> User:
    chief = make_person("silent-chief", "主管无信箱", Role.SUPERVISOR)
    agent = make_person("silent", "客服无信箱", Role.AGENT, superior=chief)
    User.objects.filter(username__startswith="silent").update(email="")
    return agent


def _rule(seconds: int) -> Rule:
    ladder = Ladder.objects.create(name="三级")
    steps = zip(SHARES, ("owner", "superior", "superior"), strict=True)
    LadderStep.objects.bulk_create(LadderStep(ladder=ladder, order=n, percent=share, receiver=receiver) for n, (share, receiver) in enumerate(steps, 1))
    values = {"clock": "calendar", "amount": seconds, "owner": "assignee", "ladder": ladder, "may_pause": True, "valid_from": VALID_FROM}
    return Rule.objects.create(code=CODE, name="故障试验", **values)


# --- people at work meanwhile ---


def bustle(seconds: float, seed: int, share: int, of: int) -> dict[str, int]:
    """Settle, stop and let go on, at random, the limits of one share of the items. Whatever the database refuses is tried again, as people would."""
    random, done, end = Random(seed), Counter[str](), time.monotonic() + seconds
    items = list(Item.objects.filter(number__startswith="X").order_by("pk").values_list("pk", flat=True))[share::of]
    standing: set[int] = set()
    while time.monotonic() < end:
        pk = random.choice(items)
        act = "go_on" if pk in standing else random.choice(("settle", "stop", "stop", "stop"))
        if _persist(act, pk, end + 60, done):
            done[act] += 1
            standing = (standing | {pk}) if act == "stop" else (standing - {pk})
        if len(standing) > 10:
            done["go_on"] += _persist("go_on", standing.pop(), end + 60, done)
        time.sleep(random.random() / 20)
    # A stop may stand although its commit was never confirmed: the database went away in between.
    standing |= set(Deadline.objects.filter(item__in=items, state=DeadlineState.PAUSED).values_list("item_id", flat=True))
    for pk in sorted(standing):
        done["go_on"] += _persist("go_on", pk, end + 60, done)
    return dict(done)


def _persist(act: str, pk: int, end: float, done: Counter[str]) -> bool:
    while time.monotonic() < end:
        try:
            return _do(act, pk)
        except (DatabaseError, InterfaceError):
            done["refused"] += 1
            connection.close()
            time.sleep(0.3)
    raise TimeoutError(f"{act} {pk}")


@transaction.atomic
def _do(act: str, pk: int) -> bool:
    """As a room's service does: the subject first, then its limits."""
    item = Item.objects.select_for_update(no_key=True).get(pk=pk)
    at = clock.now()
    match act:
        case "settle":
            return bool(services.settle(item, CODE, at=at))
        case "stop":
            return bool(services.pause(item, CODE, at=at, because="等待客户"))
    return bool(services.resume(item, CODE, at=at))


# --- counted from rows ---


def left_to_do() -> dict[str, int]:
    running = Deadline.objects.filter(code=CODE, state=DeadlineState.RUNNING)
    return {
        "due": running.filter(next_step_at__lte=Now()).count(), "to_come": running.filter(next_step_at__gt=Now()).count(),
        "stopped": Deadline.objects.filter(code=CODE, state=DeadlineState.PAUSED).count(), "steps": StepTaken.objects.count(),
        "notices": _of_steps().count(), "unsent": _of_steps().filter(state__in=(NoticeState.WAITING, NoticeState.SENDING)).count(),
    }  # fmt: skip


def examined() -> dict[str, Any]:
    """Counts, and violations of what is promised: each step once, none lost, none early, each at its own time; each notice once.

    What is left at a pause is kept in whole seconds: so many a step may differ from its time to the microsecond.
    """
    found: dict[str, list[Any]] = {"lost": [], "early": [], "elsewhere": [], "after_the_end": []}
    rows = Deadline.objects.filter(code=CODE).prefetch_related("steps__outcome", "pauses").order_by("pk")
    for row in rows.iterator(chunk_size=1000):
        _examine(row, found)
    twice = StepTaken.objects.values("deadline", "step", "round").annotate(n=Count("pk")).filter(n__gt=1)
    told = Notice.objects.values("cause", "receiver", "channel").annotate(n=Count("pk")).filter(n__gt=1)
    kinds = {name: found[name][:SHOWN] for name in found} | {"twice": list(twice[:SHOWN]), "told_twice": list(told[:SHOWN])}
    kinds["broken"] = list(Deadline.objects.exclude(broken_at=None).values_list("pk", "broken_why")[:SHOWN])
    kinds["unsent"] = list(_by_mail().filter(~Q(state__in=(NoticeState.SENT, NoticeState.WITHDRAWN))).values_list("key", "state", "last_error")[:SHOWN])
    return {"violations": {name: rows for name, rows in kinds.items() if rows}, "counts": _counts(found), "mails": _mails()}


def _examine(row: Deadline, found: dict[str, list[Any]]) -> None:
    pauses = sorted((p.from_at, p.until_at) for p in row.pauses.all() if p.until_at)
    own = {order: row.start_at + timedelta(seconds=row.allowance["amount"] * share / 100) for order, share in enumerate(SHARES, 1)}
    taken = {step.step: step for step in row.steps.all()}
    if row.state == DeadlineState.RUNNING:
        found["lost"] += [[row.pk, order] for order in own if order not in taken]
    for order, step in taken.items():
        expected = {moved(own[order], pauses), moved(own[order], pauses, step.taken_at)}
        if step.taken_at < step.at:
            found["early"].append([row.pk, order, str(step.at), str(step.taken_at)])
        if not overtaken(step) and min(abs(step.at - at) for at in expected) > timedelta(seconds=len(pauses) + 0.01):
            found["elsewhere"].append([row.pk, order, str(step.at), *map(str, expected), [list(map(str, pause)) for pause in pauses]])
        if row.ended_at and step.at >= row.ended_at and not overtaken(step):
            found["after_the_end"].append([row.pk, order, str(step.at), str(row.ended_at)])


def moved(at: datetime, pauses: Iterable[tuple[datetime, datetime]], taken_at: datetime | None = None) -> datetime:
    """A step's time after the pauses that began before it; or before it was taken, as one that is due and not taken waits like the rest."""
    for begin, end in pauses:
        if begin < (taken_at or at):
            at += end - begin
    return at


def overtaken(step: StepTaken) -> bool:
    return hasattr(step, "outcome") and step.outcome.outcome == "overtaken"


def _of_steps() -> Any:
    return Notice.objects.filter(cause__startswith="step:")


def _by_mail() -> Any:
    """E-mails to people who have an address."""
    return _of_steps().filter(channel=Channel.EMAIL).exclude(receiver__email="")


def _counts(found: dict[str, list[Any]]) -> dict[str, Any]:
    states = dict(Deadline.objects.filter(code=CODE).values_list("state").annotate(Count("pk")))
    return {
        "deadlines": states, "steps": StepTaken.objects.count(), "steps skipped": StepTaken.objects.filter(skipped=True).count(),
        "steps overtaken": StepOutcome.objects.filter(outcome="overtaken").count(), "notices": _of_steps().count(), "e-mails": _by_mail().count(),
        "e-mails withdrawn": _by_mail().filter(state=NoticeState.WITHDRAWN).count(), "latest step after": _longest_wait(),
        "skew reported": [state.data for state in ServiceState.objects.filter(name="clock_skew")],
        **{name: len(rows) for name, rows in found.items()},
    }  # fmt: skip


def _longest_wait() -> float:
    waits = [(taken_at - at).total_seconds() for at, taken_at in StepTaken.objects.values_list("at", "taken_at")]
    return round(max(waits, default=0), 1)


def _mails() -> list[list[Any]]:
    """[key, state, when its step was due] of every e-mail to somebody with an address."""
    due = {f"step:{pk}": at.timestamp() for pk, at in StepTaken.objects.values_list("pk", "at")}
    return [[key, state, due[cause]] for key, state, cause in _by_mail().values_list("key", "state", "cause")]
