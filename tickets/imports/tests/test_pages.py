"""The way through the back office, as a person goes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from feedback_desk import clock
from feedback_desk.people.models import Refusal, User
from feedback_desk.records.models import Reading
from tickets.imports import services, tasks
from tickets.imports.tests.conftest import GOOD, HEADER, content
from tickets.models import Customer, ImportRun, Ticket


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Messages that would go to the worker."""
    sent: list[tuple[int, str]] = []

    def announce(pk: int, asked: str) -> bool:
        sent.append((pk, asked))
        return True

    monkeypatch.setattr(tasks, "announce", announce)
    return sent


@pytest.fixture
def desk(client: Client, manager: User) -> Client:
    client.force_login(manager, backend="django.contrib.auth.backends.ModelBackend")
    return client


def filled(form: Any, **said: Any) -> dict[str, Any]:
    """What the browser would send back: the fields as they stand, and what is said."""
    values = {field.html_name: field.value() for field in form}
    return {key: value for key, value in {**values, **said}.items() if value not in (None, False)}


def test_from_upload_to_done_through_the_pages(desk: Client, announced: list[tuple[int, str]], cast: Any) -> None:
    answer = desk.post("/admin/imports/", {"kind": "tickets", "file": SimpleUploadedFile("台账.csv", content(HEADER + GOOD, "gb18030"))})
    run = ImportRun.objects.get()
    assert answer.headers["Location"] == f"/admin/imports/{run.pk}/columns/"
    page = desk.get(answer.headers["Location"])
    answer = desk.post(page.request["PATH_INFO"], filled(page.context["form"], type="problem", new_categories="on"))
    page = desk.get(answer.headers["Location"])
    answer = desk.post(page.request["PATH_INFO"], filled(page.context["form"]))
    assert (announced, answer.headers["Location"]) == ([(run.pk, "check")], f"/admin/imports/{run.pk}/")
    assert b"every 1s" in desk.get(answer.headers["Location"]).content
    services.check_run(run_id=run.pk)
    part = desk.get(f"/admin/imports/{run.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert "every 1s" not in part
    assert "冰箱不制冷" in part
    assert "13812342071" not in part
    desk.post(f"/admin/imports/{run.pk}/confirm/")
    assert announced[-1] == (run.pk, "import")
    services.import_run(run_id=run.pk)
    assert desk.get(f"/admin/imports/{run.pk}/").status_code == 200
    assert Ticket.objects.count() == 3


def test_what_is_missing_is_said_at_its_field(desk: Client, cast: Any) -> None:
    desk.post("/admin/imports/", {"kind": "tickets", "file": SimpleUploadedFile("a.csv", b"number,when\n1,01/02/2026\n2,03/04/2026\n")})
    run = ImportRun.objects.get()
    page = desk.get(f"/admin/imports/{run.pk}/columns/")
    answer = desk.post(f"/admin/imports/{run.pk}/columns/", filled(page.context["form"], column_1=""))
    assert (answer.status_code, bool(answer.context["form"].non_field_errors())) == (422, True)
    answer = desk.post(f"/admin/imports/{run.pk}/columns/", filled(page.context["form"], column_1="received_at", order=""))
    assert {"order", "channel", "category"} <= set(answer.context["form"].errors)


def test_another_encoding_is_read_again(desk: Client, cast: Any) -> None:
    desk.post("/admin/imports/", {"kind": "tickets", "file": SimpleUploadedFile("a.csv", "編號,標題,日期\n1,冷氣漏水,2026-01-05\n".encode("big5"))})
    run = ImportRun.objects.get()
    desk.post(f"/admin/imports/{run.pk}/reread/", {"encoding": "big5", "delimiter": ","})
    run.refresh_from_db()
    assert run.columns == ["編號", "標題", "日期"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n\x00\x00"])
def test_a_wrong_file_gets_a_sentence_on_the_same_page(desk: Client, data: bytes) -> None:
    answer = desk.post("/admin/imports/", {"kind": "tickets", "file": SimpleUploadedFile("a.csv", data)})
    assert (answer.status_code, len(answer.context["form"].errors["file"])) == (422, 1)


def test_without_a_broker_the_file_waits_and_the_page_says_so(
    desk: Client, upload: Callable[..., ImportRun], rows: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import current_app

    run = upload(rows)
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.setitem(current_app.conf, "broker_url", "redis+socket:///nowhere/broker.sock")
    monkeypatch.setattr(current_app.amqp, "_producer_pool", None)  # filled for this broker, and put back: nobody else publishes to nowhere
    answer = desk.post(f"/admin/imports/{run.pk}/check/", follow=True)
    run.refresh_from_db()
    assert (answer.status_code, run.state, run.settings["asked"]) == (200, ImportRun.State.UPLOADED, "check")
    assert "notice" in answer.content.decode()
    with clock.at(clock.now() + services.WAITS_AFTER * 2):
        assert f"/admin/imports/{run.pk}/again/" in desk.get(f"/admin/imports/{run.pk}/").content.decode()


@pytest.mark.parametrize("path", ["", "export/", "1/", "1/columns/", "1/errors.csv"])
def test_V1_others_are_refused_and_that_is_recorded(client: Client, agent: User, path: str) -> None:
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(f"/admin/imports/{path}").status_code == 403
    assert Refusal.objects.get().user == agent


def test_a_stranger_is_asked_to_sign_in(client: Client, db: None) -> None:
    assert client.get("/admin/imports/").status_code == 302


def answered(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_V4_an_export_masks_contact_data(desk: Client, customer: Customer) -> None:
    data = answered(desk.post("/admin/imports/export/", {"what": "customers", "form": "csv"}))
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert data.startswith(b"\xef\xbb\xbf")
    assert rows[1][2:6] == ["陈*瑶", rows[1][3], "138****2071", "c***@example.com"]
    assert not Reading.objects.exists()


def test_V4_readable_contact_data_needs_a_reason_and_is_recorded(desk: Client, customer: Customer, manager: User) -> None:
    assert desk.post("/admin/imports/export/", {"what": "customers", "form": "csv", "plain": "on"}).status_code == 422
    data = answered(desk.post("/admin/imports/export/", {"what": "customers", "form": "csv", "plain": "on", "why": "寄送道歉信"}))
    assert "13812342071" in data.decode("utf-8-sig")
    reading = Reading.objects.get()
    assert (reading.by, reading.subject, reading.why) == (manager, customer.number, "寄送道歉信")


def test_V4_an_administrator_never_gets_readable_contact_data(client: Client, administrator: User, customer: Customer) -> None:
    client.force_login(administrator, backend="django.contrib.auth.backends.ModelBackend")
    data = answered(client.post("/admin/imports/export/", {"what": "customers", "form": "csv", "plain": "on", "why": "x"}))
    assert "13812342071" not in data.decode("utf-8-sig")
    assert not Reading.objects.exists()


def test_exported_cells_are_never_formulas(desk: Client, customer: Customer) -> None:
    Customer.objects.filter(pk=customer.pk).update(remark="=HYPERLINK(1)", area="+1\x07")
    sheet = openpyxl.load_workbook(io.BytesIO(answered(desk.post("/admin/imports/export/", {"what": "customers", "form": "xlsx"})))).active
    assert sheet is not None
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value} == {"s"}
    text = answered(desk.post("/admin/imports/export/", {"what": "customers", "form": "csv"})).decode()
    assert "'=HYPERLINK" in text


def test_V3_an_export_leaves_out_what_one_is_named_in(desk: Client, imported: Callable[..., ImportRun], rows: bytes, manager: User) -> None:
    from feedback_desk.people.models import Concern

    imported(rows)
    Concern.objects.create(item=Ticket.objects.get(external_id="A2").item, user=manager, because="x", since=clock.now())
    data = answered(desk.post("/admin/imports/export/", {"what": "tickets", "form": "csv", "received_from": "2026-01-06", "received_to": "2026-01-07"}))
    assert [row[1] for row in csv.reader(io.StringIO(data.decode("utf-8-sig")))][1:] == ["A3"]


@pytest.mark.parametrize("count", [1, 30])
def test_a_page_of_runs_takes_the_same_queries_at_1_and_at_30(desk: Client, manager: User, count: int, django_assert_max_num_queries: Any) -> None:
    ImportRun.objects.bulk_create(ImportRun(kind="tickets", file="x", name="x", uploaded_by=manager, uploaded_at=clock.now()) for _ in range(count))
    with django_assert_max_num_queries(10):  # The state of the machinery in the sidebar takes five of them.
        assert desk.get("/admin/imports/").status_code == 200


def test_the_preview_says_what_would_change_in_words(desk: Client, imported: Callable[..., ImportRun], checked: Callable[..., ImportRun], rows: bytes) -> None:
    imported(rows)
    newer = GOOD.replace("A1,冰箱不制冷,产品故障", "A1,冰箱不制冷,配送延误").replace("2026/1/6 10:00", "2026/1/6 11:00")
    run = checked(content(HEADER + newer))
    page = desk.get(f"/admin/imports/{run.pk}/").content.decode()
    assert "产品故障 → 配送延误" in page
    assert "2026-01-06 10:00 → 2026-01-06 11:00" in page
