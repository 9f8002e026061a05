"""The figures agree with rows counted by hand; every number opens the rows it counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from feedback_desk.people.actors import SYSTEM
from feedback_desk.records import history
from reports import figures, periods, queries
from reports.queries import Span
from reports.tests import rows
from tickets.models import Category

MARCH = periods.containing("monthly", date(2026, 3, 1))


@pytest.fixture
def march(cast: SimpleNamespace, local: Any) -> Any:
    """A hand-counted March 2026: 7 received (one of them imported, one invalid), 1 merged, neighbours on both sides. Returns 2 April, 09:00."""
    c = cast
    first = rows.complaint(local("2026-03-02 09:30"), grade="I", department=c.delivery, slug="transport-damage", repeat=True)
    rows.limit(first, "D13", local("2026-03-03 09:30"), ended_at=local("2026-03-03 09:30"))
    rows.limit(first, "D26", local("2026-03-10 00:00"), ended_at=local("2026-03-10 00:01"))
    second = rows.complaint(local("2026-03-02 09:59"), grade="II", department=c.delivery, slug="transport-damage")
    rows.limit(second, "D13", local("2026-03-03 09:59"))
    rows.limit(second, "D14", local("2026-03-03 10:00"), ended_at=local("2026-03-03 10:30"), state="void")
    third = rows.complaint(local("2026-03-31 23:59"), department=c.service)
    rows.limit(third, "D13", local("2026-04-01 23:59"), ended_at=local("2026-04-01 12:00"))
    done = rows.ticket(
        local("2026-03-05 10:00"), department=c.service, state="closed", completed_at=local("2026-03-05 14:00"), closed_at=local("2026-03-06 09:00"),
    )  # fmt: skip
    rows.limit(done, "D26", local("2026-03-07 00:00"), ended_at=local("2026-03-05 14:00"))
    rows.ticket(local("2026-03-06 10:00"), state="invalid", type="problem", closed_at=None)
    rows.ticket(
        local("2026-03-08 03:00"), type="other", historic=True, state="closed", completed_at=local("2026-03-08 05:00"), closed_at=local("2026-04-01 10:00"),
    )  # fmt: skip
    rows.ticket(local("2026-03-08 04:00"), type="other", department=c.product)
    rows.ticket(local("2026-03-09 04:00"), state="merged")
    rows.ticket(local("2026-02-28 23:59"), completed_at=local("2026-03-01 09:59"), state="completed")
    rows.ticket(local("2026-04-01 00:00"))
    rows.visit(first, local("2026-03-20 10:00"), c.visitor, (5, 4, 3))
    rows.visit(done, local("2026-03-21 10:00"), c.visitor, (5, 5, 5))
    rows.visit(done, local("2026-03-22 10:00"), c.visitor, None)
    rows.visit(done, local("2026-04-01 10:00"), c.visitor, (1, 1, 1))
    parked(second, local("2026-03-20 10:00"), local("2026-04-01 09:00"))
    return local("2026-04-02 09:00")


def parked(subject: Any, since: datetime, until: datetime | None = None) -> None:
    """The form was set aside, and resumed if `until`; a measure of an earlier round moved meanwhile."""
    history.record(subject.form.item, "park", by=SYSTEM, at=since, source="determining", target="outstanding")
    history.record(subject.form.item, "reverse", by=SYSTEM, at=since + timedelta(hours=1), source="executed", target="reversed")
    if until:
        history.record(subject.form.item, "resume", by=SYSTEM, at=until, source="outstanding", target="determining")


def test_R2_key_figures_as_counted_by_hand(march: datetime) -> None:
    h = figures.compute(MARCH, march)["headline"]
    assert {k: h[k]["n"] for k in ("received", "complaints", "repeats", "completed", "open", "late", "outstanding")} == {
        "received": 7, "complaints": 3, "repeats": 1, "completed": 3, "open": 6, "late": 1, "outstanding": 1,
    }  # fmt: skip


def test_R5_on_time_is_judged_by_when_it_happened_and_void_is_not_judged(march: datetime) -> None:
    found = figures.compute(MARCH, march)
    assert {r["code"]: (r["all"]["n"], r["late"]["n"], r["share"]) for r in found["compliance"]} == {"D13": (2, 1, 0.5), "D26": (2, 1, 0.5)}
    assert found["headline"]["formal_reply"] == {k: v for k, v in found["compliance"][0].items() if k not in ("code", "name", "name_en")}


def test_figures_by_type_category_grade_day_and_hour(march: datetime) -> None:
    found = figures.compute(MARCH, march)
    assert {r["key"]: r["n"] for r in found["types"]} == {"consultation": 1, "problem": 1, "complaint": 3, "other": 2}
    assert {r["name"]: r["n"] for r in found["causes"]} == {"运输破损": 2, "配送延误": 1}
    assert {r["key"]: r["n"] for r in found["grades"]} == {"I": 1, "II": 1, "": 1}
    assert [r["n"] for r in found["days"]] == [0, 2, 0, 0, 1, 1, 0, 2, *[0] * 22, 1]
    assert {(r["weekday"], r["hour"]): r["n"] for r in found["slots"]} == {(1, 9): 2, (4, 10): 1, (5, 10): 1, (7, 3): 1, (7, 4): 1, (2, 23): 1}


def test_F3_scores_and_handling_time(march: datetime) -> None:
    h = figures.compute(MARCH, march)["headline"]
    assert (h["scores"]["n"], h["scores"]["mean"], h["scores"]["attitude"], h["scores"]["low"]["n"]) == (2, 4.5, 4.0, 1)
    assert (h["completed"]["median"], h["completed"]["mean"]) == (4.0, pytest.approx((4 + 2 + 10) / 3, abs=0.001))


def test_departments_add_up_to_the_whole(march: datetime) -> None:
    found = figures.compute(MARCH, march)
    h, parts = found["headline"], found["departments"]
    assert [(r["name"], r["received"]["n"], r["complaints"]["n"]) for r in parts] == [("客服中心", 2, 1), ("配送部", 2, 2), ("品管部", 1, 0), ("", 2, 0)]
    for name in ("received", "complaints", "repeats", "scores", "outstanding"):
        assert sum(r[name]["n"] for r in parts) == h[name]["n"], name
    for name in ("formal_reply", "closing"):
        assert sum(r[name]["late"]["n"] for r in parts) == h[name]["late"]["n"], name


def test_every_number_opens_the_rows_it_counted(march: datetime) -> None:
    span = Span.of(MARCH, march)
    numbers = {what: n for what, n in figures.numbers(figures.compute(MARCH, march)).items() if "|" not in what}
    assert len(numbers) > 60
    assert {what: queries.counted(span, what).count() for what in numbers} == numbers


def test_all_others_is_one_row_and_opens_what_it_counted(march: datetime, local: Any) -> None:
    slugs = [c.slug for c in Category.objects.filter(parent__isnull=False)[:12]]
    for n, slug in enumerate(slugs):
        for _ in range(n + 1):
            rows.complaint(local("2026-03-12 12:00"), slug=slug)
    found, span = figures.compute(MARCH, march), Span.of(MARCH, march)
    assert len(found["causes"]) == queries.TOP_CATEGORIES + 1
    assert sum(r["n"] for r in found["causes"]) == found["headline"]["complaints"]["n"]
    assert queries.counted(span, found["causes"][-1]["what"]).count() == found["causes"][-1]["n"]


NO_NUMBERS = ["", "nothing", "type", "grade", "day:yesterday", "category:x", "department:1:due", "due:D14:soon", "slot:1", "department:none:received:x"]


@pytest.mark.parametrize("what", NO_NUMBERS)
def test_a_number_that_does_not_exist_has_no_rows(what: str, march: datetime) -> None:
    with pytest.raises(KeyError):
        queries.counted(Span.of(MARCH, march), what)


def test_a_running_period_judges_only_what_is_due(cast: SimpleNamespace, local: Any) -> None:
    at = local("2026-03-10 12:00")
    late, coming = rows.complaint(local("2026-03-09 09:00")), rows.complaint(local("2026-03-10 09:00"))
    rows.limit(late, "D13", local("2026-03-10 09:00"))
    rows.limit(coming, "D13", local("2026-03-11 09:00"))
    found = figures.compute(MARCH, at)
    assert (found["headline"]["formal_reply"]["all"]["n"], found["whole"], len(found["days"])) == (1, False, 10)


def test_a_paused_limit_is_late_only_if_it_had_passed(cast: SimpleNamespace, local: Any) -> None:
    one = rows.ticket(local("2026-03-02 09:00"))
    rows.limit(one, "D26", local("2026-03-10 00:00"), state="paused", paused_at=local("2026-03-09 00:00"))
    two = rows.ticket(local("2026-03-02 09:00"))
    rows.limit(two, "D26", local("2026-03-10 00:00"), state="paused", paused_at=local("2026-03-11 00:00"))
    h = figures.compute(MARCH, local("2026-04-02 09:00"))["headline"]
    assert (h["closing"]["late"]["n"], h["late"]["n"]) == (1, 1)


def test_figures_ask_as_often_at_one_ticket_as_at_fifty(cast: SimpleNamespace, local: Any, django_assert_num_queries: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    at = local("2026-04-02 09:00")

    def add(day: int) -> None:
        row = rows.complaint(local(f"2026-03-{day:02d} 09:00"), completed_at=local(f"2026-03-{day:02d} 10:00"), state="completed", department=cast.delivery)
        rows.limit(row, "D26", local("2026-03-29 09:00"))
        rows.visit(row, local("2026-03-29 09:00"), cast.visitor, (5, 5, 5))

    def asked() -> int:
        with CaptureQueriesContext(connection) as context:
            figures.compute(MARCH, at)
        return len(context)

    add(1)
    once = asked()
    for n in range(50):
        add(n % 28 + 1)
    assert asked() == once <= 18


def test_control_limits_of_daily_numbers() -> None:
    assert figures.control([10, 10, 10, 10, 10, 10, 10]) == {"mean": 10.0, "upper": 10.0, "lower": 10.0}
    assert figures.control([1, 3, 1, 3, 1, 3, 1]) == {"mean": 1.9, "upper": 7.2, "lower": 0}
    assert figures.control([5] * 6)["mean"] is None


def test_the_day_is_the_desks_own(cast: SimpleNamespace) -> None:
    """31 March 17:00 UTC is 1 April in Shanghai."""
    rows.ticket(datetime(2026, 3, 31, 17, tzinfo=UTC))
    assert figures.compute(MARCH, datetime(2026, 4, 2, tzinfo=UTC))["headline"]["received"]["n"] == 0
