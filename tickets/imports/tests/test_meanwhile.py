"""An import never holds up the desk: somebody registers while it writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, connections

from feedback_desk import clock
from tickets import services as desk
from tickets.imports.tests.conftest import HEADER, content
from tickets.models import Category, Customer, ImportRun, Ticket


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_registering_goes_on_while_a_file_is_imported(imported: Callable[..., ImportRun], cast: SimpleNamespace, customer: Customer) -> None:
    category = Category.objects.order_by("pk")[0]
    over, errors, registered = threading.Event(), [], []

    def register() -> None:
        while not over.wait(0.1):
            try:
                ticket = desk.register(
                    by=cast.agent, customer_id=customer.pk, summary="冰箱不制冷", type="problem", category_id=category.pk, channel="phone",
                    received_at=clock.now(), what_happened="昨晚起不制冷",
                )  # fmt: skip
                registered.append(ticket.pk)
            except Exception as error:
                errors.append(error)
        connections.close_all()

    clerk = threading.Thread(target=register)
    clerk.start()
    lines = "".join(f"B{n},空调漏水,产品故障,电话,已关闭,2026/1/{n % 28 + 1} 9:05,2026/1/30 18:00,2026/1/29 10:00,客户{n},1390000{n:04}\n" for n in range(1500))
    run = imported(content(HEADER + lines))
    time.sleep(0.3)
    over.set()
    clerk.join()
    assert (errors, run.state, Ticket.objects.filter(historic=True).count()) == ([], "done", 1500)
    assert len(set(registered)) == Ticket.objects.filter(historic=False).count() > 1


def test_reserved_keys_are_nobody_elses(db: Any) -> None:
    from tickets.imports.bulk import reserve

    taken = reserve(Category, 3)
    made = Category.objects.create(slug="later", name="later")
    assert len(set(taken)) == 3
    assert made.pk not in taken
    assert connection.vendor in ("sqlite", "postgresql")
    assert set(reserve(Category, 2)).isdisjoint({*taken, made.pk})
