"""Grading six hundred complaints in one go against one indexed SELECT that reads all columns of the same rows, in turns (G1)."""

from __future__ import annotations

import csv
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from complaints import first_rows as complaint_rows
from complaints.grading import propose_many
from complaints.models import ComplaintForm
from feedback_desk import clock
from feedback_desk.records.items import next_number, number
from feedback_desk.records.models import Item, Kind
from feedback_desk.workplace.benchmarks import Figure, benchmark
from tickets import first_rows as ticket_rows
from tickets.models import Category, Customer, Ticket

CARS = Path(settings.BASE_DIR).parent / "shared" / "data" / "car_complaints_zh.csv"
COMPLAINTS = 600
ROUNDS = 31


class Said(NamedTuple):
    """One complaint as it is read from a file."""

    brand: str
    series: str
    problem: str
    text: str
    on: datetime


@benchmark("grade", "proposing the grades of 600 complaints against one SELECT of the same rows")
def grade() -> Iterator[Figure]:
    ticket_rows.load()
    complaint_rows.load()
    there = CARS.exists()
    ids = enter(cars(CARS) if there else made_up())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    at = clock.now()

    def proposed() -> None:
        assert all(found.reasons for found in propose_many(ids, at=at).values())

    plain, graded = interleaved(lambda: selected(ids), proposed)
    of = "car complaints" if there else "complaints made up"
    yield Figure(f"grades of {len(ids)} {of}, with reasons", graded / plain, "times", f"one SELECT of their rows ({plain * 1000:.1f} ms)", 4)
    yield Figure("grades, alone", graded * 1000, "ms", f"{connection.vendor}, median of {ROUNDS}")


def selected(ids: list[int]) -> None:
    """Tickets, forms, items, categories and customers by primary keys, every column fetched."""
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT f.*, t.*, i.*, c.*, u.* FROM complaints_complaintform f JOIN tickets_ticket t ON t.id = f.ticket_id "
            "JOIN records_item i ON i.id = f.item_id JOIN tickets_category c ON c.id = t.category_id JOIN tickets_customer u ON u.id = t.customer_id "
            f"WHERE f.id IN ({marks})",
            ids,
        )
        assert len(cursor.fetchall()) == len(ids)


def interleaved(*ways: Callable[[], None]) -> list[float]:
    """Median seconds of each, in turns so that whatever slows the machine slows both."""
    taken: list[list[float]] = [[] for _way in ways]
    for turn in range(ROUNDS + 3):
        for way, seconds in zip(ways, taken, strict=True):
            start = time.perf_counter()
            way()
            if turn >= 3:
                seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in taken]


def cars(path: Path) -> list[Said]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [_read(row) for row in csv.DictReader(file)]


def _read(row: dict[str, str]) -> Said:
    on = timezone.make_aware(datetime.fromisoformat(row["投诉日期"]))
    return Said(row["投诉品牌"], row["投诉车系"], f"{row['投诉问题']}/{row['问题类型']}", row["投诉简述"], on)


def made_up() -> list[Said]:
    """As many, over a hundred days, sixteen series with four problems each."""
    rng, start = random.Random(600), timezone.make_aware(datetime(2024, 1, 1))  # noqa: DTZ001 - made aware around it
    words = ("行驶中动力中断，仪表不提示故障。", "更换后仍有异响，多次维修无果。", "冷车启动抖动，4S店称属正常。")
    found = []
    for n in range(COMPLAINTS):
        series, problem = rng.randrange(16), rng.randrange(4)
        found.append(Said(f"品牌{series % 5}", f"车系{series}", f"部位/问题{problem}", words[n % 3] * 4, start + timedelta(days=rng.randrange(100))))
    return found


def enter(said: list[Said]) -> list[int]:
    """Written in bulk as open complaints, one customer each; a category of product quality for each problem. Answers the ids of the forms."""
    kinds: dict[str, Category] = {}
    for one in said:
        if one.problem not in kinds:
            kinds[one.problem] = Category.objects.create(slug=f"car-{len(kinds)}", name=one.problem[:60], quality=True)
    at = clock.now()
    for prefix in ("TASK", "FK"):
        next_number(prefix, at.date(), len(said))  # The first of the day: whoever registers meanwhile gets those after them.
    customers = Customer.objects.bulk_create(Customer(number=f"CAR{n:05d}", name=f"车主{n}", created_at=one.on) for n, one in enumerate(said))
    items = [Item(number=number("TASK", at.date(), n + 1), kind=Kind.TICKET, title=one.text[:60], changed_at=at) for n, one in enumerate(said)]
    Item.objects.bulk_create(items)
    Item.objects.filter(kind=Kind.TICKET).update(root=F("pk"))
    rows: list[Any] = []
    for one, item, customer in zip(said, items, customers, strict=True):
        rows.append(Ticket.as_it_was(
            state="processing", item=item, customer=customer, type="complaint", category=kinds[one.problem], channel="phone", received_at=one.on,
            registered_at=one.on, state_since=one.on, what_happened=one.text, product=one.brand, model=one.series,
        ))  # fmt: skip
    tickets = Ticket.objects.bulk_create(rows)
    parts = [Item(number=number("FK", at.date(), n + 1), kind=Kind.FORM, title=item.title, root=item, changed_at=at) for n, item in enumerate(items)]
    Item.objects.bulk_create(parts)
    forms = [
        ComplaintForm.as_it_was(state="registered", item=part, ticket=ticket, opened_at=ticket.registered_at, state_since=ticket.registered_at)
        for part, ticket in zip(parts, tickets, strict=True)
    ]
    return [form.pk for form in ComplaintForm.objects.bulk_create(forms)]
