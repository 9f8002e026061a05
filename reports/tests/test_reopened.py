"""C15, R12: what happened in a past period stays in its figures, whatever was reopened or restored since."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from complaints import services as forms
from reports import figures, periods, queries
from reports.queries import Span
from reports.tests import rows
from tests.ways import way as new_way
from tickets import services as tickets
from tickets.models import Ticket

way = new_way
MARCH, APRIL = (periods.containing("monthly", date(2026, month, 1)) for month in (3, 4))


@pytest.fixture
def month(freeze: Any) -> Any:
    """The figures of a period as of an instant, without the instant itself."""

    def of(period: Any, instant: str) -> dict[str, float]:
        at = freeze(instant)
        found = figures.numbers(figures.compute(period, at))
        span = Span.of(period, at)
        assert {what: n for what, n in found.items() if "|" not in what} == {what: queries.counted(span, what).count() for what in found if "|" not in what}
        return found

    return of


def problem(way: Any) -> Any:
    one = way()
    one.ticket_id = tickets.register(**one.said(type="problem")).pk
    return one


def test_C15_a_past_month_is_the_same_after_a_complaint_was_reopened_and_closed_again(way: Any, cast: Any, freeze: Any, month: Any) -> None:
    one = way("III").closed()
    march = month(MARCH, "2026-04-02 09:00")
    assert (march["completed"], march["open"]) == (1, 0)
    forms.reopen(form_id=one.form_id, by=cast.agent, reason="新机仍有异响")
    assert month(MARCH, "2026-04-02 10:00") == march
    assert (month(APRIL, "2026-04-02 10:00")["completed"], month(APRIL, "2026-04-02 10:00")["open"]) == (0, 1)
    one.result()
    tickets.confirm_result(ticket_id=one.ticket_id, by=cast.agent, words="可以了")
    assert month(MARCH, "2026-05-02 09:00") == march
    assert month(APRIL, "2026-05-02 09:00")["completed"] == 1


def test_C15_reopened_within_the_month_it_counts_by_how_the_month_ended(way: Any, cast: Any, freeze: Any, month: Any) -> None:
    one = problem(way)
    one.result()
    tickets.confirm_result(ticket_id=one.ticket_id, by=cast.agent, words="好的")
    tickets.close(ticket_id=one.ticket_id, by=cast.agent)
    freeze("2026-03-20 09:00")
    tickets.reopen(ticket_id=one.ticket_id, by=cast.agent, reason="又坏了")
    march = month(MARCH, "2026-04-02 09:00")
    assert (march["completed"], march["open"]) == (0, 1)
    tickets.offer_result(ticket_id=one.ticket_id, by=cast.agent, result="换新机", agreement="电话同意", late_reason="配件未到")
    tickets.confirm_result(ticket_id=one.ticket_id, by=cast.agent, words="好的")
    assert month(MARCH, "2026-05-02 09:00") == march


def test_C15_an_end_that_came_from_a_file_is_kept_when_it_is_reopened_here(cast: Any, local: Any, freeze: Any, month: Any) -> None:
    closed = local("2026-03-05 14:00")
    one = rows.ticket(local("2026-03-05 10:00"), completed_at=closed, closed_at=closed, state="closed", historic=True)
    march = month(MARCH, "2026-04-02 09:00")
    assert (march["completed"], march["completed|mean"], march["open"]) == (1, 4.0, 0)
    tickets.reopen(ticket_id=one.pk, by=cast.supervisor, reason="又坏了")
    assert Ticket.objects.get(pk=one.pk).completed_at is None
    assert month(MARCH, "2026-04-02 10:00") == march


def test_R12_a_ticket_that_was_invalid_at_the_end_stays_so_after_it_was_restored(way: Any, cast: Any, freeze: Any, month: Any) -> None:
    one = problem(way)
    tickets.invalidate(ticket_id=one.ticket_id, by=cast.supervisor, reason="非我方客户", explanation="已说明，请联系购买渠道。")
    march = month(MARCH, "2026-04-02 09:00")
    assert (march["received"], march["open"]) == (1, 0)
    tickets.restore(ticket_id=one.ticket_id, by=cast.supervisor, reason="核实为本司产品")
    again = month(MARCH, "2026-04-02 10:00")  # its limits, which were void, count from the receipt again (machines.md)
    assert (again["received"], again["open"]) == (1, 0)
