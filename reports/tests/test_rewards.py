"""R3: rewards and penalties of the month, on the 4th, by date of ruling; a later reversal is a correction line in the month it happens."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from complaints.models import Disposition
from feedback_desk.deadlines.models import Deadline
from feedback_desk.notices.models import Notice
from feedback_desk.people.models import Concern
from reports import periods, rewards, services
from reports.models import Summary
from reports.tasks import issue_due
from reports.tests import rows

pytestmark = pytest.mark.django_db
FEBRUARY, MARCH = date(2026, 2, 1), date(2026, 3, 1)


@pytest.fixture
def form(cast: SimpleNamespace, local: Any) -> Any:
    return rows.complaint(local("2026-01-20 10:00"), department=cast.delivery).form


@pytest.fixture
def measure(form: Any, cast: SimpleNamespace) -> Any:
    """A measure in any state, written straight into its table."""

    def make(kind: str, amount: str | None = None, *, user: Any = cast.person_concerned, state: str = "ruled", **fields: Any) -> Disposition:
        row = Disposition.as_it_was(
            form=form, round=1, department=cast.delivery, user=user, kind=kind, amount=Decimal(amount) if amount else None,
            clause="奖惩条例 3.2", reason="…", state=state, state_since=rows.LONG_AGO, **fields,
        )  # fmt: skip
        row.save()
        return row

    return make


def of(month: date, at: Any) -> Any:
    return services.compute(periods.starting("rewards", month), at)


def test_R3_by_date_of_ruling_deductions_and_commendations_only(measure: Any, local: Any) -> None:
    ruled = [
        measure("deduct_share", "5", ruled_at=local("2026-02-01 00:00")),
        measure("commendation", "200", ruled_at=local("2026-02-28 23:59"), state="executed"),
    ]
    measure("deduct_amount", "50", ruled_at=local("2026-03-01 00:00"))  # the next month's
    measure("warning", ruled_at=local("2026-02-10 10:00"))
    measure("deduct_amount", "50", state="agreed")
    measure("deduct_amount", "50", state="withdrawn", ruled_at=local("2026-02-10 10:00"))
    figures = of(FEBRUARY, local("2026-03-04 08:00"))
    assert [(line["measure"], line["amount"]) for line in figures["lines"]] == [(ruled[0].pk, "5"), (ruled[1].pk, "200")]
    assert figures["corrections"] == []


def test_R3_a_later_reversal_is_a_correction_line_in_the_month_it_happens(measure: Any, local: Any, cast: SimpleNamespace) -> None:
    taken_back = measure("deduct_amount", "50", ruled_at=local("2026-02-10 10:00"))
    issued = services.issue(kind="rewards", start=FEBRUARY, at=local("2026-03-04 08:00"))
    Disposition._base_manager.filter(pk=taken_back.pk).update(state="reversed", reversed_at=local("2026-03-20 10:00"))
    measure("deduct_amount", "80", ruled_at=local("2026-03-25 10:00"))

    assert [line["measure"] for line in of(FEBRUARY, local("2026-04-04 08:00"))["lines"]] == [taken_back.pk], "the month of the ruling stays"
    assert rewards.differences(issued.figures, of(FEBRUARY, local("2026-04-04 08:00"))) == []
    march = of(MARCH, local("2026-04-04 08:00"))
    assert [line["measure"] for line in march["corrections"]] == [taken_back.pk]
    (person,) = rewards.sums(march)
    assert (person.name, person.amount) == (str(cast.person_concerned), Decimal(30)), "what was ruled less what was corrected"


def test_R3_sums_are_by_person_and_by_department_where_nobody_is_named(measure: Any, local: Any, cast: SimpleNamespace) -> None:
    at = local("2026-02-10 10:00")
    one, nobody = cast.person_concerned, None
    for kind, amount, user in (("deduct_share", "5", one), ("deduct_share", "2.5", one), ("commendation", None, cast.agent), ("deduct_amount", "100", nobody)):
        measure(kind, amount, user=user, ruled_at=at)
    found = {row.name: (row.share, row.amount, row.commendations) for row in rewards.sums(of(FEBRUARY, at))}
    assert found == {str(cast.person_concerned): (Decimal("7.5"), 0, 0), str(cast.agent): (0, 0, 1), "": (0, Decimal(100), 0)}


def test_R3_D33_issued_on_the_4th_and_told_to_its_readers(local: Any, freeze: Any, cast: SimpleNamespace) -> None:
    rows.ticket(local("2026-02-02 10:00"))
    for instant in ("2026-03-01 00:10", "2026-03-04 07:59"):
        freeze(instant)
        issue_due()
    assert not Summary.objects.filter(kind="rewards").exists()
    limit = Deadline.objects.get(code="D33")
    assert (limit.state, limit.owner, limit.due_at) == ("running", cast.office, local("2026-03-05 00:00"))
    freeze("2026-03-04 08:00")
    issue_due()
    issued = Summary.objects.get(kind="rewards")
    assert (issued.start, issued.end) == (FEBRUARY, MARCH)
    assert "奖惩通报 2026-02" in issued.item.title
    limit.refresh_from_db()
    assert (limit.state, limit.late) == ("settled", False)
    told = Notice.objects.filter(item=issued.item, template="summary_issued", channel="page")
    assert set(told.values_list("receiver__username", flat=True)) == {"gm", "manager", "office"}


def test_R12_issued_rewards_stay_and_what_differs_is_shown(measure: Any, local: Any, freeze: Any, cast: SimpleNamespace, client: Any) -> None:
    row = measure("deduct_amount", "50", ruled_at=local("2026-02-10 10:00"))
    services.issue(kind="rewards", start=FEBRUARY, at=local("2026-03-04 08:00"))
    Disposition.objects.filter(pk=row.pk).update(amount=Decimal(80))
    freeze("2026-03-10 10:00")
    client.force_login(cast.general_manager)
    url = reverse("reports:summary", args=["rewards", FEBRUARY])
    assert "50" in client.get(url).content.decode()
    assert "扣款 80 元" not in client.get(url).content.decode()
    today = client.get(f"{url}?view=today").content.decode()
    assert "扣款 50 元" in today
    assert "扣款 80 元" in today


@pytest.mark.parametrize(
    ("who", "status"),
    [
        *((who, 200) for who in ("general_manager", "manager", "office")),
        *((who, 403) for who in ("supervisor", "department_head", "agent", "administrator", "person_concerned")),
    ],
)
def test_R3_read_by_those_it_is_issued_to_and_nobody_else(who: str, status: int, cast: SimpleNamespace, local: Any, freeze: Any, client: Any) -> None:
    services.issue(kind="rewards", start=FEBRUARY, at=local("2026-03-04 08:00"))
    freeze("2026-03-10 10:00")
    client.force_login(getattr(cast, who))
    for name in ("summary", "excel"):
        assert client.get(reverse(f"reports:{name}", args=["rewards", FEBRUARY])).status_code == status, name
    listed = client.get(reverse("admin:reports_summary_changelist"))
    if listed.status_code == 200:
        assert ("奖惩通报 2026-02" in listed.content.decode() or "rewards/2026-02-01" in listed.content.decode()) == (status == 200)


def test_R3_leads_to_the_ticket_where_the_reader_may_see_it(
    measure: Any, form: Any, local: Any, freeze: Any, cast: SimpleNamespace, client: Any
) -> None:
    measure("deduct_amount", "50", ruled_at=local("2026-02-10 10:00"))
    freeze("2026-03-10 10:00")
    client.force_login(cast.office)
    page, ticket = reverse("reports:summary", args=["rewards", FEBRUARY]), reverse("workplace:ticket", args=[form.ticket.item.number])
    assert ticket in client.get(page).content.decode()
    Concern.objects.create(item=form.ticket.item, user=cast.office, because="…", since=rows.LONG_AGO)
    assert ticket not in client.get(page).content.decode(), "V3"


def test_R11_the_workbook_has_amounts_as_numbers(measure: Any, local: Any, freeze: Any, cast: SimpleNamespace, client: Any) -> None:
    measure("deduct_amount", "50", ruled_at=local("2026-02-10 10:00"))
    measure("deduct_share", "5", ruled_at=local("2026-02-10 10:00"), state="reversed", reversed_at=local("2026-02-20 10:00"))
    freeze("2026-03-10 10:00")
    client.force_login(cast.office)
    book = load_workbook(BytesIO(client.get(reverse("reports:excel", args=["rewards", FEBRUARY])).content))
    people, ruled, corrections = book.worksheets
    assert [cell.value for cell in people[2]][2:4] == [0, 50]
    assert [cell.value for cell in ruled[2]][5] == 50
    assert [cell.value for cell in corrections[2]][4] == 5


def test_R3_an_empty_month_says_so_and_has_no_rows_behind_numbers(cast: SimpleNamespace, freeze: Any, client: Any) -> None:
    freeze("2026-03-10 10:00")
    client.force_login(cast.office)
    assert "本月没有裁定扣减或表彰" in client.get(reverse("reports:summary", args=["rewards", FEBRUARY])).content.decode()
    assert client.get(reverse("reports:tickets", args=["rewards", FEBRUARY]) + "?what=received").status_code == 404
