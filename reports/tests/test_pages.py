"""The pages of the summaries in a browser's eyes: who may read them, what they show, where every number leads."""

from __future__ import annotations

import html
import json
import re
from datetime import date
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from feedback_desk.people.models import Absence, Concern
from reports import services
from reports.tests import rows

MARCH = "/admin/summaries/monthly/2026-03-01/"
WEEK = "/admin/summaries/weekly/2026-03-02/"


@pytest.fixture
def read(client: Client) -> Any:
    def get(user: Any, url: str, **query: str) -> Any:
        client.force_login(user)
        return client.get(url, query)

    return get


@pytest.fixture
def week(cast: SimpleNamespace, local: Any, freeze: Any) -> SimpleNamespace:
    """A week of 2 to 8 March with two complaints, one of them late, and a visit; now it is Tuesday the 10th."""
    one = rows.complaint(local("2026-03-03 09:30"), grade="I", department=cast.delivery, slug="transport-damage")
    rows.limit(one, "D13", local("2026-03-04 09:30"), ended_at=local("2026-03-04 10:00"))
    two = rows.complaint(local("2026-03-04 15:30"), department=cast.service)
    rows.limit(two, "D13", local("2026-03-05 15:30"), ended_at=local("2026-03-05 10:00"))
    rows.visit(one, local("2026-03-06 10:00"), cast.visitor, (5, 4, 3))
    freeze("2026-03-10 12:00")
    return SimpleNamespace(one=one, two=two)


@pytest.mark.parametrize("who", ["general_manager", "manager", "office", "supervisor", "administrator"])
def test_V1_management_reads_summaries(who: str, cast: SimpleNamespace, week: Any, read: Any) -> None:
    for url in (WEEK, WEEK + "excel/", WEEK + "tickets/?what=received"):
        assert read(getattr(cast, who), url).status_code == 200


@pytest.mark.parametrize("who", ["agent", "department_head", "person_concerned", "visitor", "inspector", "outsider"])
def test_V1_others_do_not(who: str, cast: SimpleNamespace, week: Any, read: Any) -> None:
    for url in (WEEK, WEEK + "excel/", WEEK + "tickets/?what=received", "/admin/summaries/weekly/"):
        assert read(getattr(cast, who), url).status_code == 403


def test_V2_a_backup_reads_while_the_manager_is_away(cast: SimpleNamespace, week: Any, read: Any, local: Any) -> None:
    assert read(cast.deputy, WEEK).status_code == 403
    Absence.objects.create(user=cast.general_manager, starts_at=local("2026-03-09 00:00"), ends_at=local("2026-03-20 00:00"))
    assert read(cast.deputy, WEEK).status_code == 200


def test_somebody_not_signed_in_is_asked_to(db: None, client: Client) -> None:
    assert client.get(WEEK).status_code == 302
    assert "accounts" in client.get(WEEK)["Location"]


@pytest.mark.parametrize(
    "url",
    ["weekly/2026-03-03/", "monthly/2026-03-02/", "weekly/2026-03-16/", "yearly/2026-01-01/", "weekly/2026-02-31/", "weekly/2026-03-02/tickets/?what=nothing"],
)
def test_periods_and_numbers_that_do_not_exist(url: str, cast: SimpleNamespace, week: Any, read: Any) -> None:
    assert read(cast.manager, f"/admin/summaries/{url}").status_code == 404


def test_card_table_and_chart_show_the_same_number(cast: SimpleNamespace, week: Any, read: Any) -> None:
    page = read(cast.manager, WEEK)
    c = page.context
    chart = json.loads(re.search(r'<script id="compliance" type="application/json">(.*?)</script>', page.content.decode(), re.S)[1])  # type: ignore[index]
    card = {str(x.name): x for x in c["cards"]}
    reply = next(x for x in c["cards"] if x.below)
    assert (reply.value, c["tables"]["compliance"].rows[0][3].text, c["tables"]["departments"].total[3].text) == ("50.0%",) * 3
    assert (chart["rows"][0]["value"], chart["rows"][0]["below"]) == (50.0, True)
    assert sum(int(row[1].text) for row in c["tables"]["days"].rows) == int(c["cards"][0].value) == 2
    assert len(card) == 10


def test_every_link_on_the_page_lists_as_many_rows_as_it_says(cast: SimpleNamespace, week: Any, read: Any) -> None:
    page = read(cast.manager, WEEK).content.decode()
    links = {html.unescape(url): text for url, text in re.findall(r'<a href="([^"]*/tickets/\?what=[^"]*)">([\d,]+)</a>', page)}
    assert len(links) > 20
    listed = {url: str(read(cast.manager, url).context["listed"].counted) for url in links}
    assert listed == links


def test_a_list_shows_what_was_counted_masked(cast: SimpleNamespace, week: Any, read: Any) -> None:
    page = read(cast.manager, WEEK + "tickets/", what="due:D13:late").content.decode()
    assert week.one.item.number in page
    assert week.two.item.number not in page
    assert "陈雨瑶" not in page
    assert "2026-03-04 10:00" in page


def test_V3_a_person_concerned_sees_the_number_but_not_the_row(cast: SimpleNamespace, week: Any, read: Any, local: Any) -> None:
    Concern.objects.create(item=week.one.item, user=cast.supervisor, because="named", since=local("2026-03-03 10:00"))
    for what in ("complaints", "due:D13:all", "visits"):
        response = read(cast.supervisor, WEEK + "tickets/", what=what)
        assert (response.context["listed"].hidden, week.one.item.number in response.content.decode()) == (1, False), what


def test_R12_issued_and_recalculated(cast: SimpleNamespace, week: Any, read: Any, local: Any) -> None:
    services.issue(kind="weekly", start=date(2026, 3, 2), at=local("2026-03-10 08:00"))
    assert "HZ20260310" in read(cast.manager, WEEK).content.decode()
    rows.ticket(local("2026-03-07 09:00"), registered_at=local("2026-03-10 10:00"))
    issued, today = read(cast.manager, WEEK), read(cast.manager, WEEK, view="today")
    assert (issued.context["cards"][0].value, today.context["cards"][0].value) == ("2", "3")
    assert (issued.context["changes"], len(today.context["changes"].rows)) == (None, len(issued.context["page"].differences))
    assert [c.text for c in today.context["changes"].rows[0]][1:] == ["2", "3", "+1"]
    assert read(cast.manager, WEEK + "tickets/", what="received").context["issued_number"] == 2


def test_a_running_period_says_so(cast: SimpleNamespace, week: Any, read: Any) -> None:
    page = read(cast.manager, MARCH).context["page"]
    assert (page.running, page.summary, page.after_url) == (True, None, "")


def test_the_menu_leads_to_the_newest_issued_one(cast: SimpleNamespace, week: Any, read: Any, local: Any) -> None:
    assert read(cast.manager, "/admin/summaries/monthly/")["Location"] == "/admin/summaries/monthly/2026-02-01/"
    services.issue(kind="weekly", start=date(2026, 2, 23), at=local("2026-03-03 08:00"))
    assert read(cast.manager, "/admin/summaries/weekly/")["Location"] == "/admin/summaries/weekly/2026-02-23/"


def test_an_empty_period_is_a_page_too(cast: SimpleNamespace, freeze: Any, read: Any) -> None:
    freeze("2026-03-10 12:00")
    assert read(cast.manager, WEEK).status_code == 200
    assert read(cast.manager, WEEK + "excel/").status_code == 200


def test_R11_excel_holds_the_same_numbers_and_no_formulas(cast: SimpleNamespace, week: Any, read: Any) -> None:
    type(week.one.category).objects.filter(pk=week.one.category_id).update(name="=1+1")
    book = openpyxl.load_workbook(BytesIO(read(cast.manager, WEEK + "excel/").content))
    assert len(book.sheetnames) == 9
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert [c.data_type for c in cells if c.value == "=1+1"] == ["s", "s"]
    assert book.worksheets[0]["B2"].value == 2


def test_a_page_of_lists_asks_as_often_for_one_row_as_for_fifty(cast: SimpleNamespace, local: Any, freeze: Any, read: Any) -> None:
    freeze("2026-03-10 12:00")

    def add() -> None:
        one = rows.complaint(local("2026-03-03 09:30"), grade="I", department=cast.delivery)
        rows.limit(one, "D13", local("2026-03-04 09:30"), ended_at=local("2026-03-04 10:00"))
        rows.visit(one, local("2026-03-06 10:00"), cast.visitor, (5, 4, 3))

    def asked() -> list[int]:
        counts = []
        for url in (WEEK, *(f"{WEEK}tickets/?what={what}" for what in ("received", "due:D13:late", "visits"))):
            with CaptureQueriesContext(connection) as context:
                read(cast.manager, url)
            counts.append(len(context))
        return counts

    add()
    read(cast.manager, WEEK)
    once = asked()
    for _ in range(50):
        add()
    assert asked() == once


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_both_languages(language: str, cast: SimpleNamespace, week: Any, client: Client) -> None:
    client.force_login(cast.manager)
    client.cookies["django_language"] = language
    assert client.get(WEEK).status_code == 200
