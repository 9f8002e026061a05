"""The list page at ten thousand tickets against a bare page: same process, session and frame, one query of fifty rows, no more."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import connection
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import Client, override_settings
from django.urls import include, path

from feedback_desk import clock
from feedback_desk.deadlines import first_rows as deadline_rows
from feedback_desk.people.models import Department, Membership, Role, User
from feedback_desk.records.items import number
from feedback_desk.records.models import Item, Kind
from feedback_desk.workplace import health, rows
from feedback_desk.workplace.benchmarks import Figure, benchmark
from tickets import first_rows as ticket_rows
from tickets.models import Category, ContactPoint, Customer, Ticket

TICKETS = 10_000
CUSTOMERS = 2_000
STAFF = 30
ROUNDS = 40
BARE = (
    '{% extends "desk.html" %}{% block title %}Bare{% endblock %}'
    "{% block page_body %}<ul>{% for item in items %}<li>{{ item.number }} {{ item.title }}</li>{% endfor %}</ul>{% endblock %}"
)


@login_required
def bare(request: HttpRequest) -> HttpResponse:
    """The frame around fifty rows of one query."""
    items = Item.objects.filter(kind=Kind.TICKET, open=True).order_by("next_limit_at")[:50]
    return HttpResponse(engines["django"].from_string(BARE).render({"items": items}, request))


urlpatterns = [path("bare/", bare), path("", include("feedback_desk.urls"))]


@benchmark("list", "the list page at 10,000 open tickets against a bare page")
def list_page() -> Iterator[Figure]:
    supervisor = company()
    with override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"]):
        client = Client()
        client.force_login(supervisor)
        for name, url in (("list page, 50 rows of 10,000 open tickets", "/desk/queue/"), ("my work, 50 rows of 10,000 open tickets", "/desk/?of=team")):
            plain, listed = interleaved(client, "/bare/", url)
            yield Figure(name, listed / plain, "times", f"a bare page with one query of 50 rows ({plain * 1000:.1f} ms)", 2)
            yield Figure(f"{name}, alone", listed * 1000, "ms", "one request of the test client, rows drawn before")
        plain, listed = interleaved(client, "/bare/", "/desk/queue/", before=rows.forget_drawn)
        yield Figure("list page, no row drawn before", listed / plain, "times", "the same bare page; a row is drawn once until it says something else")


def interleaved(client: Client, *urls: str, before: Callable[[], None] = lambda: None) -> list[float]:
    """Median seconds of each address, asked in turns so that whatever slows the machine slows both."""
    taken: dict[str, list[float]] = {url: [] for url in urls}
    for turn in range(ROUNDS + 5):
        for url in urls:
            before()
            start = time.perf_counter()
            answer = client.get(url)
            seconds = time.perf_counter() - start
            assert answer.status_code == 200, (url, answer.status_code)
            if turn >= 5:
                taken[url].append(seconds)
    return [statistics.median(taken[url]) for url in urls]


def company() -> User:
    """Departments, staff, customers with a phone each, and open tickets with limits from long late to far away."""
    deadline_rows.load()
    ticket_rows.load()
    for name in (health.BEAT, *health.WORKERS):
        health.sign(name)
    department = Department.objects.create(name="客服中心")
    staff = User.objects.bulk_create([User(username=f"agent{n}", name=f"客服{n}", department=department, password="!") for n in range(STAFF)])
    supervisor = User.objects.create(username="supervisor", name="主管秦", department=department, password="!")
    Membership.objects.bulk_create([Membership(user=user, role=Role.AGENT) for user in staff] + [Membership(user=supervisor, role=Role.SUPERVISOR)])
    customers = Customer.objects.bulk_create([Customer(number=f"CS{n:06d}", name=f"陈雨{n}", created_at=clock.now()) for n in range(CUSTOMERS)])
    ContactPoint.objects.bulk_create([ContactPoint.of(customer, "phone", f"138{customer.pk:08d}") for customer in customers])
    fill_tickets(staff, customers)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return supervisor


def fill_tickets(staff: list[User], customers: list[Customer]) -> None:
    at, categories = clock.now(), list(Category.objects.all())
    items = Item.objects.bulk_create(
        [
            Item(
                number=number("TASK", at.date(), n + 1),
                kind=Kind.TICKET,
                title=f"洗衣机到货外壳破损，要求换新 {n}",
                changed_at=at - timedelta(seconds=TICKETS - n),
                holder=staff[n % STAFF],
                department=staff[0].department,
                next_limit_at=at + timedelta(minutes=n - 300) if n % 20 else None,
                next_warn_at=at + timedelta(minutes=n - 330) if n % 20 else None,
                next_limit_code="D26",
                next_paused=n % 20 == 0,
            )
            for n in range(TICKETS)
        ],
        batch_size=500,
    )
    Item.objects.filter(kind=Kind.TICKET).update(root=F("pk"))
    Ticket.objects.bulk_create([_ticket(n, item, staff, customers, categories, at) for n, item in enumerate(items)], batch_size=200)


def _ticket(n: int, item: Item, staff: list[User], customers: list[Customer], categories: list[Category], at: Any) -> Ticket:
    received = at - timedelta(minutes=TICKETS - n + 10)
    return Ticket.as_it_was(
        state=("pending", "processing", "waiting", "confirming")[n % 4],
        item=item,
        customer=customers[n % CUSTOMERS],
        type=("complaint", "problem", "after_sales", "consultation")[n % 4],
        category=categories[n % len(categories)],
        urgency=("normal", "urgent", "low")[n % 3],
        channel="phone",
        received_at=received,
        registered_at=received,
        state_since=received,
        what_happened="昨晚七点左右送到，签收时外箱右下角已压扁。" * 5,
        assignee=staff[n % STAFF],
        last_contact_at=received,
        last_contact_how="call_out",
    )
