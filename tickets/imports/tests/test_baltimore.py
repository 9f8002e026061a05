"""Real history of a city: its promises are kept as they were, and our arithmetic finds the same limits (what the desk must show, 4)."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from feedback_desk import clock
from feedback_desk.deadlines import clocks
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.models import Deadline, Ladder, Rule
from feedback_desk.deadlines.services import fitting_rules
from feedback_desk.deadlines.sweep import sweep
from tickets.imports import checking, writing
from tickets.imports.compliance import kept_promises
from tickets.imports.plan import slug_for
from tickets.models import Category, Customer, ImportRun, Ticket

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
Do = Callable[..., ImportRun]
AS_OF = datetime(2019, 2, 13, 16, 18, 56, tzinfo=UTC)


def enter_limits(truth: dict[str, Any]) -> set[str]:
    """The 67 limits of the truth file as rules, one per category; answers the categories."""
    ladder = Ladder.objects.order_by("pk")[0]
    limits = {slug_for(name): round(limit["mode_hours"] * 3600) for name, limit in truth["due_rule_hours_by_type_20plus"].items()}
    Rule.objects.bulk_create(
        Rule(
            code="D26",
            name=slug,
            when={"category": [slug]},
            clock="calendar",
            amount=seconds,
            owner="assignee",
            ladder=ladder,
            valid_from=datetime(2014, 1, 1, tzinfo=UTC),
        )
        for slug, seconds in limits.items()
    )
    return set(limits)


def our_due(slug: str, received: datetime, found: dict[str, Rule]) -> datetime:
    """By the rule that the desk itself chooses for the category, on the desk's own clocks."""
    if slug not in found:
        found[slug] = fitting_rules(["D26"], {"category": [slug], "kind": "ticket"}, clock.now())["D26"]
    rule = found[slug]
    return clocks.due(received, clocks.Allowance(rule.clock, rule.amount, rule.at_time), hours_of([rule.calendar_id])[rule.calendar_id])


def test_the_citys_history_keeps_its_promises_and_starts_nothing(imported: Do, cast: Any, baltimore: Path, truth: dict[str, Any]) -> None:
    slugs = enter_limits(truth)
    run = imported(baltimore.read_bytes(), zone="UTC")
    assert (len(slugs), run.result["written"]["new"], Ticket.objects.filter(historic=True).count()) == (67, 10_000, 10_000)

    rows = list(Ticket.objects.filter(category__slug__in=slugs, promised_due_at__isnull=False).values_list("category__slug", "received_at", "promised_due_at"))
    found: dict[str, Rule] = {}
    assert (sum(our_due(slug, received, found) == due for slug, received, due in rows), len(rows)) == (8861, 8861)

    assert Ticket.objects.filter(promised_due_at__isnull=False).count() == truth["rows_with_due"] == 9714
    kept = kept_promises(AS_OF)
    assert kept == (7988, 9555, 9690)
    assert round(kept.closed_on_time / kept.closed_with_promise, 6) == truth["on_time_share_of_closed_with_due"]
    assert round(kept.closed_on_time / kept.with_open_overdue, 6) == truth["on_time_share_counting_open_overdue_as_late"]
    assert (Deadline.objects.filter(late=False).count(), Deadline.objects.count()) == (7988, 9555)

    assert sweep(clock.now()) == 0
    assert Ticket.objects.filter(item__open=True).count() == truth["open_rows"]


def test_the_promises_are_counted_in_one_statement(cast: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert kept_promises(AS_OF) == (0, 0, 0)


@pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="the embedded run has it")
def test_read_in_the_citys_own_zone_749_limits_differ_by_the_hour_of_summer_time(checked: Do, cast: Any, baltimore: Path, truth: dict[str, Any]) -> None:
    slugs = enter_limits(truth)
    run = checked(baltimore.read_bytes(), zone="America/New_York")
    found: dict[str, Rule] = {}
    apart = [
        abs((our_due(row["category"], datetime.fromisoformat(row["received_at"]), found) - datetime.fromisoformat(row["due_at"])).total_seconds())
        for row in writing.staged(checking.beside(Path(run.file.path), "rows"))
        if row["category"] in slugs and row["due_at"]
    ]
    assert (len(apart), sum(seconds > 0 for seconds in apart), {seconds for seconds in apart if seconds}) == (8861, 749, {3600.0})


def test_a_list_of_complaints_in_gbk_becomes_tickets(imported: Do, cast: Any) -> None:
    from tickets.imports.tests.conftest import shared

    run = imported(shared("car_list_gbk.csv").read_bytes())
    assert (run.state, run.result["written"]["new"], Category.objects.filter(name="").count()) == ("done", 600, 0)
    assert Customer.objects.get(tickets__external_id="482028").masked_name == "未具名"
