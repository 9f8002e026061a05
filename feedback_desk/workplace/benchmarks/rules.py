"""A changed rule with 100,000 limits running: how long the preview and the change take, and what a registration waits meanwhile (E5)."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta

from django.db import connection

from feedback_desk import clock
from feedback_desk.deadlines import changing, first_rows, services, versions
from feedback_desk.deadlines.models import Change, Deadline, Rule
from feedback_desk.people.models import Department, Membership, Role, User
from feedback_desk.records.items import open_item
from feedback_desk.records.models import Entry, Item
from feedback_desk.workplace.benchmarks import Figure, benchmark
from feedback_desk.workplace.benchmarks.import_ import _command, _environment

RUNNING = 100_000
CODE = "D08"


@benchmark("rules", "changing a rule with 100,000 limits that run, while tickets are registered")
def rules() -> Iterator[Figure]:
    by = _people()
    _limits(by)
    rule = Rule.objects.get(code=CODE)
    rule.amount = 60 * 3600
    began = time.perf_counter()
    change = changing.ask(by=by, rule=versions.replace(rule, at=clock.now()))
    while changing.work(change.pk):
        pass
    yield Figure(f"preview of {RUNNING:,} limits that run", time.perf_counter() - began, "s", f"{connection.vendor}, without a lock")
    changing.order(change_id=change.pk, by=by)
    yield from _applied(change)


def _applied(change: Change) -> Iterator[Figure]:
    """A second process registers a ticket every 200 ms meanwhile."""
    clerk = subprocess.Popen(_command("clerk"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment())
    assert clerk.stdout is not None
    clerk.stdout.readline()
    began = time.perf_counter()
    while changing.work(change.pk):
        pass
    spent = time.perf_counter() - began
    told = json.loads(clerk.communicate("stop\n")[0].splitlines()[-1])
    change.refresh_from_db()
    changed = change.outcome["counts"]["changed"]
    assert changed == Entry.objects.filter(verb="deadline_rule_changed").count() == RUNNING
    yield Figure(f"change of {changed:,} limits that run", spent, "s", f"{connection.vendor}, batches of {changing.BATCH}, pauses for the desk included")
    yield Figure("slowest registration meanwhile", told["slowest"], "s", f"{told['registered']} tickets, median {told['median']:.3f} s")
    yield Figure("registrations that failed", told["failed"], "tickets", f"{told['registered']} tried", 0)


def _people() -> User:
    first_rows.load()
    by = User.objects.create(username="rules", name="管理员")
    Membership.objects.create(user=by, role=Role.ADMINISTRATOR)
    return by


def _limits(owner: User) -> None:
    """All copies of one limit, begun an hour ago, in two departments."""
    at = clock.now() - timedelta(hours=1)
    places = [Department.objects.create(name=name) for name in ("客服一部", "客服二部")]
    model = services.start(open_item("ticket", title="样本", at=at), CODE, at=at, facts={"kind": "problem"}, owner=owner)
    assert model is not None
    items = [Item(number=f"B{n}", kind="ticket", title=f"第 {n} 件", changed_at=at, department=places[n % 2]) for n in range(RUNNING - 1)]
    Item.objects.bulk_create(items, batch_size=2000)
    fields = {field.attname: getattr(model, field.attname) for field in Deadline._meta.concrete_fields if not field.primary_key}
    rows = (Deadline(**{**fields, "item_id": item.pk, "root_id": item.pk, "department_id": item.department_id}) for item in items)
    Deadline.objects.bulk_create(rows, batch_size=2000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
