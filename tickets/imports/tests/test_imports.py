"""From a file to rows: all or nothing, once, and nothing starts to tick (M5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import IntegrityError
from django.utils import timezone

from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline, DeadlineState, StepTaken
from feedback_desk.deadlines.sweep import sweep
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import User
from feedback_desk.records.models import Entry, Item
from tickets.imports import checking, services, writing
from tickets.imports.bulk import Spool
from tickets.imports.files import WrongFile
from tickets.imports.tests.conftest import GOOD, HEADER, content
from tickets.imports.tests.test_files import workbook
from tickets.models import Category, ContactPoint, Customer, ImportRun, Outcome, Ticket

State = ImportRun.State
Do = Callable[..., ImportRun]


def test_rows_become_historic_tickets_with_customers_history_and_promises(imported: Do, rows: bytes, manager: User) -> None:
    run = imported(rows)
    assert (run.state, run.result["written"]["new"], run.result["written"]["customers"]) == (State.DONE, 3, 2)
    first, second, third = Ticket.objects.select_related("item", "customer", "category").order_by("external_id")
    assert (first.state, first.outcome, first.historic, first.channel) == ("closed", Outcome.HISTORIC, True, "phone")
    assert timezone.localtime(first.received_at).isoformat() == "2026-01-05T09:05:00+08:00"
    assert (first.category.slug, first.item.title, first.item.open) == ("product-fault", "冰箱不制冷", False)
    assert first.number == "TASK20260105001"
    assert (third.state, third.item.open, third.category.name) == ("pending", True, "退货退款")
    assert first.customer_id == third.customer_id
    assert first.customer.name == "陈雨瑶"
    point = ContactPoint.objects.get(customer=first.customer)
    assert (point.masked, point.reveal()) == ("138****2071", "13812342071")
    entry = Entry.objects.get(item=first.item)
    assert (entry.verb, entry.by, entry.data) == ("imported", manager, {"run": run.pk, "row": 2})
    assert Item.objects.filter(root=None).count() == 0
    late = {row.item_id: (row.state, row.late) for row in Deadline.objects.all()}
    assert late == {first.item_id: (DeadlineState.SETTLED, False), second.item_id: (DeadlineState.SETTLED, True)}
    assert third.promised_due_at is not None


def test_imported_history_starts_no_ladder(imported: Do, rows: bytes) -> None:
    imported(rows)
    assert sweep(clock.now() + timedelta(days=400)) == 0
    assert not StepTaken.objects.exists()
    assert not Deadline.objects.filter(state__in=("running", "paused")).exists()


def test_numbers_go_on_where_the_day_stands(imported: Do, rows: bytes) -> None:
    imported(rows)
    imported(content(HEADER + GOOD.replace("A1,", "B1,").replace("A2,", "B2,").replace("A3,", "B3,")))
    assert sorted(Item.objects.values_list("number", flat=True))[:2] == ["TASK20260105001", "TASK20260105002"]


def test_the_same_file_twice_makes_nothing_twice(imported: Do, checked: Do, rows: bytes) -> None:
    imported(rows)
    again = checked(rows)
    assert again.result["counts"] == {"new": 0, "changed": 0, "unchanged": 3, "kept": 0}
    imported(rows)
    assert (Ticket.objects.count(), Customer.objects.count(), Entry.objects.count(), Deadline.objects.count()) == (3, 2, 3, 2)


def test_rows_without_numbers_are_told_apart_by_what_they_say(imported: Do, checked: Do) -> None:
    lines = "\n".join(line.partition(",")[2] for line in (HEADER + GOOD).splitlines())
    imported(content(lines))
    assert checked(content(lines)).result["counts"]["unchanged"] == 3
    assert Ticket.objects.count() == 3


def test_a_newer_file_brings_history_up_to_date_and_says_what_changed(imported: Do, checked: Do, rows: bytes) -> None:
    imported(rows)
    newer = content(HEADER + GOOD.replace("待处理,2026/1/7 11:30,2026/1/9 18:00,,", "已关闭,2026/1/7 11:30,2026/1/9 18:00,2026/1/12 8:00,"))
    preview = checked(newer).result
    assert preview["counts"] == {"new": 0, "changed": 1, "unchanged": 2, "kept": 0}
    assert preview["changes"][0]["changes"]["state"] == ["pending", "closed"]
    imported(newer)
    third = Ticket.objects.select_related("item").get(external_id="A3")
    assert (third.state, third.version, third.item.open) == ("closed", 2, False)
    assert Deadline.objects.get(item=third.item).late is True
    assert Entry.objects.get(item=third.item, verb="import_changed").data["changes"]["state"] == ["pending", "closed"]


def test_what_colleagues_worked_on_is_left_alone(imported: Do, rows: bytes, manager: User) -> None:
    imported(rows)
    third = Ticket.objects.get(external_id="A3")
    Entry.objects.create(item=third.item, root=third.item, at=clock.now(), by=manager, verb="note")
    run = imported(content(HEADER + GOOD.replace("想退货", "想换货")))
    assert run.result["written"] == {**run.result["written"], "kept": 1, "changed": 0}
    third.refresh_from_db()
    assert Item.objects.get(pk=third.item_id).title == "想退货"


def test_a_ticket_that_moved_between_preview_and_writing_is_not_overwritten(
    checked: Do, imported: Do, rows: bytes, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(rows)
    run = checked(content(HEADER + GOOD.replace("想退货", "想换货")))
    services.ask_import(run_id=run.pk, by=manager)
    once = writing._commit

    def meanwhile(*args: Any) -> Any:
        monkeypatch.setattr(writing, "_commit", once)
        ticket = Ticket.objects.get(external_id="A3")
        Ticket.objects.filter(pk=ticket.pk).update(version=7, item=ticket.item_id)
        Entry.objects.create(item=ticket.item, root=ticket.item, at=clock.now(), by=manager, verb="note")
        return once(*args)

    monkeypatch.setattr(writing, "_commit", meanwhile)
    services.import_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.result["written"]["kept"], Item.objects.get(ticket__external_id="A3").title) == (State.DONE, 1, "想退货")


FAULTY = HEADER + GOOD + (
    "A4,没有时间,产品故障,电话,已关闭,,,,张三,13700000000\n"
    "A5,时间不对,产品故障,电话,已关闭,2026/13/45 8:00,,2026/1/6 10:00,张三,13700000000\n"
    "A6,先关后收,产品故障,电话,已关闭,2026/1/6 8:00,,2026/1/5 10:00,张三,13700000000\n"
    "A7,没有关闭时间,产品故障,电话,已关闭,2026/1/6 8:00,,,张三,13700000000\n"
    "A1,重复编号,产品故障,电话,已关闭,2026/1/6 8:00,,2026/1/7 10:00,张三,=cmd|calc\n"
    "A8,多一格,产品故障,电话,已关闭,2026/1/6 8:00,,2026/1/7 10:00,张三,13700000000,多的\n"
)  # fmt: skip


def test_nothing_is_imported_while_one_row_has_an_error(checked: Do, cast: Any, manager: User) -> None:
    run = checked(content(FAULTY))
    assert (run.state, run.result["faulty"], run.result["good"]) == (State.FAULTY, 6, 3)
    said = {row: (column, sentence) for row, column, _value, sentence in run.result["errors"]}
    assert [said[row][0] for row in (5, 6, 7, 8, 9)] == ["创建时间", "创建时间", "办结时间", "办结时间", "联系电话"]
    with pytest.raises(NotNow):
        services.ask_import(run_id=run.pk, by=manager)
    assert Ticket.objects.count() == 0


def test_all_errors_can_be_downloaded_and_hold_no_formula(checked: Do, cast: Any) -> None:
    run = checked(content(FAULTY.replace("2026/13/45 8:00", "=1+1")))
    path = services.errors_path(run)
    assert path is not None
    words = path.read_text(encoding="utf-8-sig")
    assert words.count("\n") == 1 + run.result["error_count"]
    assert ",'=1+1," in words


def test_faulty_rows_are_left_out_only_when_that_is_said(imported: Do, cast: Any) -> None:
    run = imported(content(FAULTY), leave_out=True)
    assert (run.state, Ticket.objects.count()) == (State.DONE, 3)


def test_an_error_while_writing_undoes_everything(checked: Do, rows: bytes, manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    run = checked(rows)
    services.ask_import(run_id=run.pk, by=manager)

    def broken(spool: Spool) -> None:
        once(spool)
        raise IntegrityError("one ticket too many")

    once = Spool.run
    monkeypatch.setattr(Spool, "run", broken)
    services.import_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, Ticket.objects.count(), Customer.objects.count(), Item.objects.count()) == (State.FAILED, 0, 0, 0)
    assert run.result["sentence"]


class Killed(BaseException):
    """What a worker that is killed leaves behind: nothing more happens."""


@pytest.mark.parametrize("moment", ["prepare", "_commit"])
def test_a_worker_killed_in_the_middle_leaves_nothing_half_done_and_nothing_twice(
    checked: Do, rows: bytes, manager: User, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    run = checked(rows)
    services.ask_import(run_id=run.pk, by=manager)
    holder = writing.Writer if moment == "prepare" else writing
    once = getattr(holder, moment)

    def killed(*args: Any) -> None:
        if moment == "prepare":
            once(*args)
        raise Killed

    monkeypatch.setattr(holder, moment, killed)
    with pytest.raises(Killed):
        services.import_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, Ticket.objects.count()) == (State.IMPORTING, 0)
    monkeypatch.setattr(holder, moment, once)
    assert services.import_run(run_id=run.pk) is False, "the worker may still live"
    assert services.stuck() == []
    with clock.at(clock.now() + timedelta(minutes=3)):
        assert services.stuck() == [(run.pk, "import")]
        assert services.import_run(run_id=run.pk) is True
        assert services.import_run(run_id=run.pk) is False
    run.refresh_from_db()
    assert (run.state, Ticket.objects.count(), Customer.objects.count()) == (State.DONE, 3, 2)


def test_a_worker_that_dies_again_and_again_ends_with_a_sentence(checked: Do, rows: bytes, manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    run = checked(rows)
    services.ask_import(run_id=run.pk, by=manager)
    monkeypatch.setattr(writing, "write", lambda *args: (_ for _ in ()).throw(Killed()))
    at = clock.now()
    for minutes in (1, 4, 7):
        with clock.at(at + timedelta(minutes=minutes)), pytest.raises(Killed):
            services.import_run(run_id=run.pk)
    with clock.at(at + timedelta(minutes=10)):
        assert services.stuck() == []
    run.refresh_from_db()
    assert (run.state, Ticket.objects.count()) == (State.FAILED, 0)


def test_two_workers_that_both_write_write_once(checked: Do, rows: bytes, manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    run = checked(rows)
    services.ask_import(run_id=run.pk, by=manager)
    once = writing._commit

    def overtaken(*args: Any) -> Any:
        monkeypatch.setattr(writing, "_commit", once)
        with clock.at(clock.now() + timedelta(minutes=3)):
            assert services.import_run(run_id=run.pk)
        return once(*args)

    monkeypatch.setattr(writing, "_commit", overtaken)
    assert services.import_run(run_id=run.pk) is False
    assert Ticket.objects.count() == 3


def test_a_run_waits_for_the_broker_and_is_announced_again(upload: Do, rows: bytes, manager: User) -> None:
    run = upload(rows)
    services.ask_check(run_id=run.pk, by=manager)
    assert services.stuck() == []
    with clock.at(clock.now() + timedelta(minutes=1)):
        assert services.stuck() == [(run.pk, "check")]


def test_uploads_are_removed_when_done_or_after_a_week(imported: Do, checked: Do, rows: bytes) -> None:
    done, waiting = imported(rows), checked(rows)
    assert not Path(done.file.path).exists()
    assert Path(waiting.file.path).exists()
    with clock.at(clock.now() + timedelta(days=8)):
        assert services.tidy() == 2
        assert services.tidy() == 0
    waiting.refresh_from_db()
    assert not Path(waiting.file.path).exists()
    assert (waiting.state, waiting.sample, "rows" in waiting.result) == (State.FAILED, [], False)


def test_staged_rows_hold_no_readable_contact_data(checked: Do, rows: bytes) -> None:
    run = checked(rows)
    assert "13812342071" not in checking.beside(Path(run.file.path), "rows").read_text()
    assert "138****2071" in str(run.result["rows"])
    assert "13812342071" not in str(run.result)


def test_gbk_with_unpadded_dates_becomes_tickets(imported: Do, cast: Any) -> None:
    run = imported(content(HEADER + GOOD, "gb18030"))
    assert run.settings["encoding"] == "gb18030"
    assert set(Item.objects.values_list("title", flat=True)) == {"冰箱不制冷", "配送晚了两天", "想退货"}


def test_a_workbook_becomes_tickets(imported: Do, cast: Any) -> None:
    lines = [line.split(",") for line in (HEADER + GOOD).splitlines()]
    imported(workbook([[cell or None for cell in line] for line in lines]), name="book.xlsx")
    assert Ticket.objects.count() == 3


def test_an_event_log_becomes_one_ticket_per_number(imported: Do, cast: Any) -> None:
    log = (
        "case id,activity,timestamp,category\n"
        "1,新建,2026-01-05 09:00,配送延误\n2,新建,2026-01-05 09:30,配送延误\n1,处理中,2026-01-05 10:00,配送延误\n1,关闭,2026-01-06 10:00,\n"
    )
    run = imported(content(log))
    assert run.settings["merge"] is True
    assert (run.state, Ticket.objects.count()) == (State.DONE, 2)
    first = Ticket.objects.get(external_id="1")
    assert first.closed_at is not None
    assert (first.state, first.closed_at - first.received_at, first.category.slug) == ("closed", timedelta(hours=25), "logistics-delay")


def test_without_leave_to_merge_a_number_that_comes_twice_is_an_error(checked: Do, cast: Any) -> None:
    run = checked(content(HEADER + GOOD + GOOD.splitlines()[0] + "\n"), merge=False)
    assert (run.state, run.result["errors"][0][0]) == (State.FAULTY, 5)
    assert "2" in run.result["errors"][0][3]


def test_an_unknown_category_is_made_only_when_that_was_chosen(checked: Do, rows: bytes) -> None:
    run = checked(rows, new_categories=False)
    assert run.state == State.FAULTY
    assert run.result["unknown"] == {"category": {"退货退款": 1}}
    assert not Category.objects.filter(name="退货退款").exists()


CUSTOMERS = (
    "客户编号,客户名称,客户类型,手机,邮箱,地址,客户等级,备注\n"
    "K1,陈雨瑶,个人,13812342071,chen@example.com,武汉市珞喻路1号,VIP,老客户\n"
    "K2,长江物流有限公司,企业,027-87654321,,,普通,\n"
)


def test_customers_are_imported_sealed_and_found_by_phone(imported: Do, cast: Any) -> None:
    run = imported(content(CUSTOMERS), kind="customers")
    assert run.result["written"]["new"] == 2
    chen = Customer.objects.found_by("13812342071").get()
    assert (chen.level, chen.kind, chen.external_id, chen.contact_points.count()) == ("vip", "person", "K1", 3)
    assert chen.number.startswith("CS")
    again = imported(content(CUSTOMERS), kind="customers")
    assert again.result["written"]["unchanged"] == 2
    assert Customer.objects.count() == 2


INDUSTRIES = "客户名称,行业\n江城电机厂,制造业\n长江物流有限公司,物流\n汉口印刷所,教育培训\n"


def test_I2_an_industry_elsewhere_is_one_of_the_sections_here(imported: Do, checked: Do, cast: Any) -> None:
    assert checked(content(INDUSTRIES + "某某堂,算命\n"), kind="customers", values={"industry": {"制造业": "C"}}).result["unknown"] == {
        "industry": {"物流": 1, "教育培训": 1, "算命": 1}
    }
    imported(content(INDUSTRIES), kind="customers")
    assert dict(Customer.objects.values_list("name", "industry")) == {"江城电机厂": "C", "长江物流有限公司": "G", "汉口印刷所": "P"}


RECEIVED = "编号,创建时间,接收人\nB1,2026/1/5 9:05,{0}\nB2,2026/1/6 9:05,查无此人\nB3,2026/1/7 9:05,\n"


def test_I2_who_received_it_elsewhere_is_somebody_of_the_house_or_stays_in_the_remark(imported: Do, cast: Any) -> None:
    imported(content(RECEIVED.format(cast.agent.name)))
    found = {ticket.external_id: (ticket.received_by, ticket.remark) for ticket in Ticket.objects.select_related("received_by")}
    assert found == {"B1": (cast.agent, ""), "B2": (None, "接收人: 查无此人"), "B3": (None, "")}


def test_a_customer_known_by_phone_is_changed_and_not_doubled(imported: Do, customer: Customer) -> None:
    imported(content(CUSTOMERS.replace("武汉市珞喻路1号", "武汉市中山路2号")), kind="customers")
    customer.refresh_from_db()
    assert (customer.external_id, customer.level, customer.remark) == ("K1", "vip", "老客户")
    addresses = customer.contact_points.filter(kind="address").order_by("pk")
    assert [(point.reveal(), point.primary) for point in addresses] == [("武汉市洪山区珞喻路 1 号", True), ("武汉市中山路2号", False)]
    assert Customer.objects.count() == 2


@pytest.mark.parametrize("data", [b"", HEADER.encode(), b"\x00\x01\x02\x03binary"])
def test_a_wrong_file_is_refused_and_nothing_is_kept(manager: User, data: bytes, settings: Any) -> None:
    with pytest.raises(WrongFile):
        services.upload(by=manager, kind="tickets", name="f.csv", content=ContentFile(data))
    assert not ImportRun.objects.exists()
    assert [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()] == []


def test_V1_an_agent_cannot_import(agent: User) -> None:
    with pytest.raises(NotYou):
        services.upload(by=agent, kind="tickets", name="f.csv", content=ContentFile(b"a,b\n1,2\n"))


def test_bulk_rows_are_the_rows_that_the_plain_way_writes(imported: Do, rows: bytes, manager: User) -> None:
    """The twin: django-import-export row by row, over the same models."""
    import tablib

    from tickets.imports.plan import Plan
    from tickets.imports.resources import HistoricTicketResource

    run = imported(rows)
    bulk = _told_apart_from_numbers()
    lines = [line.split(",") for line in (HEADER + GOOD.replace("A1", "T1").replace("A2", "T2").replace("A3", "T3")).splitlines()]
    resource = HistoricTicketResource(Plan.of("tickets", run.settings), by=manager)
    result = resource.import_data(tablib.Dataset(*lines[1:], headers=lines[0]), raise_errors=True, use_transactions=True)
    assert result.totals["new"] == 3
    plain = [row for row in _told_apart_from_numbers() if row["external_id"].startswith("T")]
    assert [{**row, "external_id": row["external_id"].replace("T", "A")} for row in plain] == bulk


def _told_apart_from_numbers() -> list[dict[str, Any]]:
    rows = Ticket.objects.order_by("external_id").values()
    kept = [{key: value for key, value in row.items() if key not in ("id", "item_id")} for row in rows]
    return [
        {**row, "limits": list(Deadline.objects.filter(item__ticket__external_id=row["external_id"]).values_list("due_at", "ended_at", "late", "state"))}
        for row in kept
    ]
