"""What people really upload."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from django.utils import translation

from tickets.imports import values
from tickets.imports.columns import guess_columns, guess_order, likeness
from tickets.imports.files import Table, WrongFile, look
from tickets.imports.tests.conftest import shared


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


TEXT = "编号,标题,创建时间\n1,空调漏水,2026-01-05\n2,配送延误,2026-01-06\n"


def table(tmp_path: Path, data: bytes, name: str = "f") -> Table:
    path = tmp_path / name
    path.write_bytes(data)
    return Table(look(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be"])
def test_chinese_is_read_in_every_usual_encoding(tmp_path: Path, encoding: str) -> None:
    found = table(tmp_path, TEXT.encode(encoding))
    assert found.columns == ["编号", "标题", "创建时间"]
    assert [cells for _row, cells in found.rows()] == [["1", "空调漏水", "2026-01-05"], ["2", "配送延误", "2026-01-06"]]


def test_western_letters_are_not_taken_for_chinese(tmp_path: Path) -> None:
    data = "id;ville;sujet\n1;Montréal;Égout bouché\n2;Québec;Déneigement non effectué à l’entrée\n".encode("cp1252")
    found = table(tmp_path, data)
    assert (found.source.encoding, found.source.delimiter) == ("cp1252", ";")
    assert next(found.rows())[1] == ["1", "Montréal", "Égout bouché"]


def test_one_damaged_character_spoils_its_row_and_not_the_file(tmp_path: Path) -> None:
    data = (TEXT * 30).encode() + b"99,\xe7\xa9,2026-01-07\n"
    found = table(tmp_path, data)
    assert found.source.encoding == "utf-8-sig"
    with pytest.raises(ValueError, match="damaged"):
        values.text(list(found.rows())[-1][1][1])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xd0\xcf\x11\xe0rest of an old workbook", "old Excel"),
        (b"PK\x03\x04 not an archive", "workbook"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", "not a table"),
        (b"a,b,a\n1,2,3\n", "Two columns are called a"),
    ],
)  # fmt: skip
def test_a_wrong_file_gets_one_clear_sentence(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(WrongFile, match=words):
        table(tmp_path, data)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("台账.xlsx", b"this was never a workbook, only words\n1,2\n", "called .xlsx"),
        ("setup.exe", b"MZ,this,is\n1,2,3\n", "type .exe"),
        ("letter.pdf", b"%PDF-1.4\n1 0 obj, a, b\n", "type .pdf"),
        ("noise.csv", bytes(range(1, 256)) * 40, "not a table"),
        ("noise", bytes(range(1, 256)) * 40, "not a table"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_not_taken_for_one(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    path = tmp_path / "upload"
    path.write_bytes(data)
    with pytest.raises(WrongFile, match=words):
        look(path, name)


def test_a_control_character_here_and_there_leaves_a_table_a_table(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(TEXT.replace("\n", "\n", 1).encode() * 20 + b"9,a\x0bb\x02,c\n\x1a")
    assert look(path, "台账.CSV").kind == "csv"


def workbook(rows: list[list[Any]], *, title: str = "Sheet") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_is_read_past_a_title_and_blank_rows(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["2026年1月投诉台账"],
        [],
        ["编号", "标题", "创建时间", None],
        [1, "空调漏水", datetime.fromisoformat("2026-01-05 09:00")],
        [None, None, None],
        [2.0, "=1+1", datetime.fromisoformat("2026-01-06")],
    ]
    found = table(tmp_path, workbook(rows))
    assert found.columns == ["编号", "标题", "创建时间"]
    assert [(row, values.text(cells[0])) for row, cells in found.rows()] == [(4, "1"), (6, "2")]


def test_trailing_commas_and_quoted_commas_are_no_columns(tmp_path: Path) -> None:
    found = table(tmp_path, b'id,desc,\n1,"a, b",\n2,c,,,\n3\n')
    assert found.columns == ["id", "desc"]
    assert [cells for _row, cells in found.rows()] == [["1", "a, b"], ["2", "c"], ["3", None]]


@pytest.mark.parametrize(
    ("cell", "order", "expected"),
    [
        ("2020/6/8", "ymd", "2020-06-07T16:00:00+00:00"),
        ("04/12/2018 11:11:26 AM", "mdy", "2018-04-12T03:11:26+00:00"),
        ("04/12/2018 12:05 am", "mdy", "2018-04-11T16:05:00+00:00"),
        ("12/04/2018 23:15", "dmy", "2018-04-12T15:15:00+00:00"),
        ("2024年5月1日 下午3时20分", "ymd", "2024-05-01T07:20:00+00:00"),
        ("2024-05-01T08:00:00Z", "mdy", "2024-05-01T08:00:00+00:00"),
        ("2024-05-01 08:00:00.123 +02:00", "ymd", "2024-05-01T06:00:00+00:00"),
        ("１２/１３/２０２４", "mdy", "2024-12-12T16:00:00+00:00"),
        ("13-Feb-2019", "dmy", "2019-02-12T16:00:00+00:00"),
        ("20240501083000", "ymd", "2024-05-01T00:30:00+00:00"),
        ("1714521600", "ymd", "2024-05-01T00:00:00+00:00"),
        (45413.5, "ymd", "2024-05-01T04:00:00+00:00"),
        (datetime.fromisoformat("2024-05-01 12:00"), "mdy", "2024-05-01T04:00:00+00:00"),
        ("", "ymd", None),
        (None, "ymd", None),
    ],
)  # fmt: skip
def test_dates_as_people_write_them(cell: Any, order: str, expected: str | None) -> None:
    found = values.instant(cell, order, ZoneInfo("Asia/Shanghai"))
    assert (found.isoformat() if found else None) == expected


@pytest.mark.parametrize(
    ("cell", "order", "words"),
    [
        ("13/02/2019", "mdy", "other way round"),
        ("30/02/2019", "dmy", "no such day"),
        ("soon", "ymd", "can be read"),
        (True, "ymd", "not a date"),
        (3, "ymd", "number"),
    ],
)  # fmt: skip
def test_what_is_no_date_is_said_in_words(cell: Any, order: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        values.instant(cell, order, ZoneInfo("UTC"))


def test_a_number_that_a_spreadsheet_shortened_is_refused() -> None:
    with pytest.raises(ValueError, match="shortened"):
        values.phone("1.38E+10")
    assert values.phone(13812342071.0) == "13812342071"


@pytest.mark.parametrize(
    ("cells", "orders"),
    [(["01/02/2026", "03/04/2026"], ["mdy", "dmy"]), (["13/02/2026"], ["dmy"]), (["02/13/2026", "01/02/2026"], ["mdy"]), (["2026/1/5"], ["ymd", "mdy", "dmy"])],
)  # fmt: skip
def test_an_ambiguous_order_of_day_and_month_is_noticed(cells: list[str], orders: list[str]) -> None:
    assert values.orders_that_fit(cells) == orders


def test_an_ambiguous_order_is_asked_and_a_year_in_front_is_not() -> None:
    sample = [["1", "01/02/2026"], ["2", "03/04/2026"]]
    assert guess_order("tickets", ["id", "created"], sample, {"received_at": "created"}) == ("", True)
    assert guess_order("tickets", ["id", "created"], [["1", "2026/1/2"]], {"received_at": "created"}) == ("ymd", False)


def test_headings_are_recognised_in_chinese_english_and_as_databases_write_them() -> None:
    assert likeness("CreatedDate", ["created date"]) == likeness("created_date", ["created date"]) == likeness("Created Date", ["created date"]) == 1
    columns = ["case_id", "opened_at", "Closed Date", "处理状态", "投诉类别", "Source"]
    sample = [[str(n), f"2026-01-0{n} 10:00", "", "已完成", "配送", "web"] for n in range(1, 6)]
    found = guess_columns("tickets", columns, sample)
    assert found == {
        "external_id": "case_id",
        "received_at": "opened_at",
        "closed_at": "Closed Date",
        "state": "处理状态",
        "category": "投诉类别",
        "channel": "Source",
    }


@pytest.mark.parametrize(
    ("cell", "expected", "why"),
    [
        ("2018-11-04 01:30", "2018-11-04T05:30:00+00:00", "comes twice: the first, still summer time"),
        ("2018-03-11 02:30", "2018-03-11T06:30:00+00:00", "skipped: with the offset of summer time"),
        ("2018-03-11 03:30", "2018-03-11T07:30:00+00:00", "summer time"),
    ],
)  # fmt: skip
def test_local_times_around_a_change_of_the_clocks(cell: str, expected: str, why: str) -> None:
    found = values.instant(cell, "ymd", ZoneInfo("America/New_York"))
    assert found is not None
    assert found.isoformat() == expected, why


@pytest.mark.parametrize("words", ["=1+1", "+86", "-5", "@sum", "\tx", "\rx", "＝1"])
def test_a_cell_is_never_a_formula(words: str) -> None:
    assert values.safe_cell(words) == f"'{words}"
    assert values.safe_cell("A=1") == "A=1"


def test_a_list_in_gbk_as_people_have_it() -> None:
    found = Table(look(shared("car_list_gbk.csv")))
    rows = list(found.rows())
    assert found.source.encoding == "gb18030"
    assert len(rows) == 600
    assert {len(cells) for _row, cells in rows} == {len(found.columns)}
