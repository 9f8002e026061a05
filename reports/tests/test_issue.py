"""R12: issued once, on its day or later, and never changed again."""

from __future__ import annotations

import contextlib
import threading
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.urls import reverse

from feedback_desk.deadlines.models import Deadline, Rule
from feedback_desk.deadlines.sweep import sweep
from feedback_desk.notices import wording
from feedback_desk.notices.models import Notice
from feedback_desk.people.models import Absence
from feedback_desk.records.models import Item
from reports import figures, periods, services
from reports.models import Summary
from reports.tasks import issue_due
from reports.tests import rows

WEEK = date(2026, 3, 2)


def test_R1_R2_issued_on_their_days_and_told(cast: SimpleNamespace, local: Any, freeze: Any) -> None:
    rows.ticket(local("2026-02-25 10:00"))
    for instant in ("2026-03-02 07:59", "2026-03-02 08:00", "2026-03-03 08:00", "2026-03-03 08:10"):
        freeze(instant)
        issue_due()
    assert list(Summary.objects.order_by("issued_at").values_list("kind", "start")) == [("monthly", date(2026, 2, 1)), ("weekly", date(2026, 2, 23))]
    assert set(Notice.objects.filter(channel="page", template="summary_issued").values_list("receiver__username", flat=True)) == {"gm", "manager", "office"}
    assert Notice.objects.filter(channel="page").count() == 6


def test_V2_the_notice_goes_to_the_backup_of_somebody_away(cast: SimpleNamespace, local: Any) -> None:
    Absence.objects.create(user=cast.general_manager, starts_at=local("2026-03-01 00:00"), ends_at=local("2026-04-01 00:00"))
    assert {u.username for u in services.readers(local("2026-03-10 08:00"))} == {"deputy", "manager", "office"}


def test_the_notice_reads_well_and_is_about_the_summary(cast: SimpleNamespace, local: Any) -> None:
    summary = services.issue(kind="weekly", start=WEEK, at=local("2026-03-10 08:00"))
    notice = Notice.objects.filter(item=summary.item)[0]
    assert "2026-03-02" in wording.subject(notice, "en")
    assert "2026-03-08" in wording.subject(notice, "en")
    assert summary.item.number.startswith("HZ20260310")
    assert summary.item.number in wording.text(notice, "en")


def test_D31_a_summary_caught_up_is_on_record_as_late(cast: SimpleNamespace, local: Any) -> None:
    services.issue(kind="weekly", start=WEEK, at=local("2026-03-10 08:00"))
    services.issue(kind="monthly", start=date(2026, 2, 1), at=local("2026-03-05 08:00"))
    assert list(Deadline.objects.order_by("code").values_list("code", "state", "late")) == [("D31", "settled", False), ("D32", "settled", True)]


def test_D31_D32_run_from_the_end_of_the_period_and_are_settled_by_the_summary(cast: SimpleNamespace, local: Any, freeze: Any) -> None:
    rows.ticket(local("2026-02-25 10:00"))
    for instant in ("2026-02-28 23:50", "2026-03-01 00:00", "2026-03-01 00:10", "2026-03-02 00:00", "2026-03-02 00:10"):
        freeze(instant)
        assert issue_due() == 0
    limits = Deadline.objects.exclude(code="D33").order_by("code")
    assert [(d.code, d.part, d.state, d.owner, d.start_at, d.due_at) for d in limits] == [
        ("D31", "2026-02-23", "running", cast.office, local("2026-03-02 00:00"), local("2026-03-04 00:00")),
        ("D32", "2026-02-01", "running", cast.office, local("2026-03-01 00:00"), local("2026-03-03 00:00")),
    ]
    freeze("2026-03-03 08:00")
    assert issue_due() == 2
    assert list(limits.values_list("state", "late")) == [("settled", False), ("settled", True)]
    assert {summary.item_id for summary in Summary.objects.all()} == {d.item_id for d in limits}


def test_D31_a_summary_that_cannot_be_issued_for_days_warns_and_is_told(
    cast: SimpleNamespace, local: Any, freeze: Any, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    def broken(*args: Any) -> None:
        raise ArithmeticError

    rows.ticket(local("2026-03-04 10:00"))
    compute = services.compute
    monkeypatch.setattr(services, "compute", broken)
    for day in ("2026-03-09 00:10", "2026-03-09 09:00", "2026-03-10 08:00", "2026-03-11 00:00", "2026-03-12 00:00"):
        at = freeze(day)
        with contextlib.suppress(ArithmeticError):
            issue_due()
        sweep(at)
    told = Notice.objects.filter(channel="page", template="deadline_step").order_by("created_at")
    assert list(told.values_list("receiver__username", "created_at"))[:2] == [("office", local("2026-03-09 09:00")), ("gm", local("2026-03-11 00:00"))]
    monkeypatch.setattr(services, "compute", compute)
    client.force_login(cast.general_manager)
    followed = client.get(reverse("workplace:notice", args=[told[1].pk]))
    assert followed.url == reverse("reports:summary", args=["weekly", WEEK])
    assert client.get(followed.url).status_code == 200
    freeze("2026-03-12 10:00")
    assert issue_due() == 1
    assert Deadline.objects.filter(state="settled", late=True).count() == Deadline.objects.count() == Item.objects.filter(kind="period").count() == 1


def test_D31_switched_off_the_summary_is_issued_without_a_limit(cast: SimpleNamespace, local: Any, freeze: Any) -> None:
    Rule.objects.filter(code="D31").update(active=False)
    rows.ticket(local("2026-03-04 10:00"))
    freeze("2026-03-10 08:00")
    assert (issue_due(), Deadline.objects.count()) == (1, 0)


def test_three_weeks_down_are_caught_up_period_by_period(cast: SimpleNamespace, local: Any, freeze: Any) -> None:
    rows.ticket(local("2026-03-04 10:00"))
    rows.ticket(local("2026-03-12 10:00"))
    freeze("2026-03-10 08:00")
    assert issue_due() == 1
    freeze("2026-03-31 15:00")
    assert issue_due() == 3
    assert issue_due() == 0
    assert list(Summary.objects.order_by("start").values_list("start", flat=True)) == [date(2026, 3, d) for d in (2, 9, 16, 23)]
    assert [s.figures["headline"]["received"]["n"] for s in Summary.objects.order_by("start")] == [1, 1, 0, 0]


def test_nothing_is_owed_before_the_first_ticket_nor_for_imported_history(cast: SimpleNamespace, local: Any) -> None:
    assert services.issue_due(local("2026-03-31 15:00")) == []
    rows.ticket(local("2019-02-13 10:00"), historic=True, state="closed", closed_at=local("2019-02-14 10:00"))
    assert services.issue_due(local("2026-03-31 15:00")) == []


def test_a_running_period_is_not_issued(cast: SimpleNamespace, local: Any) -> None:
    with pytest.raises(ValueError, match="not over"):
        services.issue(kind="weekly", start=WEEK, at=local("2026-03-08 23:59"))


def test_R12_issued_figures_stay_and_differences_are_shown(cast: SimpleNamespace, local: Any) -> None:
    rows.ticket(local("2026-03-04 10:00"), department=cast.delivery)
    summary = services.issue(kind="weekly", start=WEEK, at=local("2026-03-10 08:00"))
    again = services.issue(kind="weekly", start=WEEK, at=local("2026-03-11 08:00"))
    assert (again.pk, again.figures) == (summary.pk, summary.figures)
    rows.ticket(local("2026-03-05 11:00"), department=cast.delivery, registered_at=local("2026-03-12 10:00"))
    now = services.compute(periods.starting("weekly", WEEK), local("2026-03-12 12:00"))
    stored = Summary.objects.get(pk=summary.pk)
    assert stored.figures["headline"]["received"]["n"] == 1
    changed = {what: (then, today) for what, then, today in figures.differences(stored.figures, now)}
    delivery = f"department:{cast.delivery.pk}:received"
    assert {k: v for k, v in changed.items() if not k.startswith("category")} == {
        "received": (1, 2), "open": (1, 2), "type:consultation": (1, 2), delivery: (1, 2), "day:2026-03-05": (0, 1), "slot:4:11": (0, 1),
    }  # fmt: skip


def test_R12_nobody_changes_a_summary(cast: SimpleNamespace, local: Any) -> None:
    summary = services.issue(kind="weekly", start=WEEK, at=local("2026-03-10 08:00"))
    summary.figures = {}
    for change in (lambda: summary.save(update_fields=["figures"]), summary.delete, lambda: Summary.objects.update(version=2)):
        with pytest.raises(ValidationError):
            change()
    with pytest.raises(Exception, match=r"."), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE reports_summary SET version = 2")


def test_compared_with_the_period_before_as_it_was_issued(cast: SimpleNamespace, local: Any) -> None:
    rows.ticket(local("2026-03-04 10:00"))
    services.issue(kind="weekly", start=WEEK, at=local("2026-03-10 08:00"))
    rows.ticket(local("2026-03-05 10:00"))
    following = services.issue(kind="weekly", start=date(2026, 3, 9), at=local("2026-03-17 08:00"))
    assert following.figures["before"]["headline"]["received"]["n"] == 1
    earlier = services.compute(periods.starting("weekly", WEEK), local("2026-03-17 08:00"))
    assert earlier["before"]["headline"]["received"]["n"] == 0


def test_R12_a_rival_who_was_faster_wins(cast: SimpleNamespace, local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rival issues between our adding up and our writing."""
    compute, at = services.compute, local("2026-03-10 08:00")

    def overtaken(period: periods.Period, when: Any) -> figures.Figures:
        monkeypatch.setattr(services, "compute", compute)
        rival.append(services.issue(kind="weekly", start=WEEK, at=when))
        return compute(period, when)

    rival: list[Summary] = []
    monkeypatch.setattr(services, "compute", overtaken)
    assert services.issue(kind="weekly", start=WEEK, at=at).pk == rival[0].pk
    assert Summary.objects.count() == Item.objects.filter(kind="period").count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_R12_two_at_once_issue_one(cast: SimpleNamespace, local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have added up before either writes: the unique key lets one of them win, the other returns what stands."""
    both, issued = threading.Barrier(2), []
    compute = services.compute
    monkeypatch.setattr(services, "compute", lambda period, at: (compute(period, at), both.wait(20))[0])

    def run() -> None:
        try:
            issued.append(services.issue(kind="weekly", start=WEEK, at=local("2026-03-10 08:00")).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(issued), len(set(issued))) == (2, 1)
    assert Summary.objects.count() == Item.objects.filter(kind="period").count() == 1
    assert Notice.objects.filter(template="summary_issued", channel="page").count() == 3
