"""The page "What if": who may ask, what it answers, and that it changes nothing."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pytest
from django.apps import apps

from feedback_desk.deadlines import services, whatif
from feedback_desk.deadlines.models import Deadline, Rule
from feedback_desk.deadlines.tests.conftest import URGENT
from feedback_desk.people.models import Refusal
from feedback_desk.records.items import open_item

URL = "/admin/what-if/"
MARCH = {"since": "2026-03-01", "until": "2026-03-31"}
SESSION = {"sessions.Session", "people.User"}
"""Signing in writes these; nothing else may differ."""


@pytest.fixture
def march(cast: Any, local: Any, freeze: Any) -> None:
    for hours in (10, 30, 60):
        item = open_item("ticket", title="x", at=local("2026-03-02 09:00"), department=cast.delivery)
        services.start(item, "D08", at=local("2026-03-02 09:00"), facts=URGENT, owner=cast.agent)
        services.settle(item, "D08", at=local("2026-03-02 09:00") + timedelta(hours=hours))
    freeze("2026-04-01 09:00")


@pytest.fixture
def page(client: Any, cast: Any) -> Any:
    def get(user: Any = None, **query: Any) -> Any:
        client.force_login(user or cast.administrator)
        return client.get(f"{URL}?{urlencode(query, doseq=True)}")

    return get


def rule() -> int:
    return Rule.objects.get(code="D08", active=True).pk


def test_E4_the_page_says_how_many_would_have_been_late(march: Any, page: Any) -> None:
    told = page(**MARCH, **{"r0-rule": rule(), "r0-limit": "24 h"}).content.decode()
    assert "共 3 条时限，实际超时 1 条（33.3%）；按假设会超时 2 条（66.7%）。" in told
    assert "配送部" in told
    assert '"was": 33.3, "would": 66.7' in told


def test_E4_a_long_period_goes_on_slice_by_slice_to_the_same_result(march: Any, page: Any, client: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(whatif, "SLICE", 2)
    answer = page(**MARCH, **{"r0-rule": rule(), "r0-limit": "24 h"})
    assert "2 / 3" in answer.content.decode()
    through = client.post(f"{URL}go-on/", {"so_far": answer.context["run"].sealed}, headers={"HX-Request": "true"})
    assert "按假设会超时 2 条" in through.content.decode()
    book = openpyxl.load_workbook(BytesIO(client.post(f"{URL}excel/", {"so_far": through.context["run"].sealed}).content))
    assert [cell.value for cell in book.worksheets[0][2]][1:6] == [3, 1, pytest.approx(1 / 3), 2, pytest.approx(2 / 3)]


def test_E4_sums_that_we_did_not_seal_are_refused(march: Any, page: Any, client: Any) -> None:
    page()
    for address in ("go-on/", "excel/"):
        assert client.post(f"{URL}{address}", {"so_far": "geraten"}).status_code == 400


def _digests() -> dict[str, str]:
    """A digest of every row of every table."""
    found = {}
    for model in apps.get_models():
        rows = model._default_manager.order_by("pk").values_list(*[field.attname for field in model._meta.concrete_fields])
        found[model._meta.label] = hashlib.sha256(repr(list(rows)).encode()).hexdigest()
    return {label: digest for label, digest in found.items() if label not in SESSION}


def test_E4_replaying_changes_no_row_of_any_table(march: Any, page: Any, client: Any, cast: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(whatif, "SLICE", 6)
    client.force_login(cast.administrator)
    before = _digests()
    asked = {**MARCH, "r0-rule": rule(), "r0-limit": "24 h", "presence": "on", "absent": [cast.agent.pk, cast.supervisor.pk]}
    answer = page(**asked)
    through = client.post(f"{URL}go-on/", {"so_far": answer.context["run"].sealed})
    client.post(f"{URL}excel/", {"so_far": through.context["run"].sealed})
    assert "主管秦" in through.content.decode()
    assert _digests() == before
    assert Deadline.objects.count() == 3


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"since": ""}, "这个字段是必填项"),
        ({"since": "2026-04-02"}, "结束日期早于开始日期"),
        ({"since": "2020-01-01"}, "一次最多三年"),
        ({"r0-limit": "24 h"}, "请选择要假设的规则"),
        ({"r0-rule": "D08", "r0-limit": "bald"}, "时限请写数字加单位"),
        ({"r0-rule": "D08", "r1-rule": "D08"}, "这条规则上面已经有了"),
        ({"absent": "999999"}, "999999"),
    ],
)
def test_E4_a_wrong_question_is_answered_with_a_sentence(march: Any, page: Any, query: dict[str, str], sentence: str) -> None:
    asked = {key: rule() if value == "D08" else value for key, value in query.items()}
    answer = page(**{**MARCH, **asked})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_an_empty_period_and_an_empty_page_say_so(march: Any, page: Any) -> None:
    assert "这段时间没有开始计时的时限" in page(since="2026-01-01", until="2026-01-31").content.decode()
    assert "请选择时段" in page().content.decode()


@pytest.mark.parametrize(("who", "may"), [("administrator", True), ("manager", True), ("supervisor", False), ("general_manager", False), ("agent", False)])
def test_V1_administrators_and_the_manager_ask_others_do_not(cast: Any, page: Any, client: Any, who: str, may: bool) -> None:
    assert page(getattr(cast, who)).status_code == (200 if may else 403)
    assert client.post(f"{URL}go-on/").status_code == (400 if may else 403)
    assert client.post(f"{URL}excel/").status_code == (400 if may else 403)
    assert Refusal.objects.exists() != may
