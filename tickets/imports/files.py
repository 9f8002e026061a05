"""What was uploaded: CSV in the encodings people have, or an Excel workbook. Answers rows of cells, or one sentence that says what is wrong."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeAlias

import openpyxl
from django.utils.translation import gettext as _

Cell: TypeAlias = Any
Row: TypeAlias = tuple[int, list[Cell]]
"""The row's number as a spreadsheet shows it, and its cells."""

MAX_BYTES = 100 * 1024 * 1024
MAX_UNPACKED = 800 * 1024 * 1024
MAX_ROWS = 500_000
ENCODINGS = ("utf-8-sig", "gb18030", "big5", "utf-16", "cp1252", "shift_jis")
DELIMITERS = (",", ";", "\t", "|")
HEADER_WITHIN = 10
"""A title may stand above the header: the first row with two filled cells among so many is the header."""
BLOCK = 1 << 20
WORKBOOKS, TABLES = (".xlsx", ".xlsm"), (".csv", ".txt", ".tsv")
CONTROL = re.compile(rb"[\x01-\x08\x0e-\x19\x1b-\x1f\x7f]")
"""Never part of a text in any of the encodings of single and double bytes (\x1a may end one); programs, pictures and packed files are full of them."""
csv.field_size_limit(1 << 22)


class WrongFile(Exception):
    """The file cannot be imported; the sentence says why and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Source:
    """How to read a file: `kind` csv or xlsx; `sheet` is the name of the worksheet."""

    path: Path
    kind: str
    encoding: str = ""
    delimiter: str = ","
    sheet: str = ""
    rows: int = 0
    """About how many rows a worksheet has, as it says itself; 0 when it does not."""

    def with_settings(self, settings: dict[str, Any]) -> Source:
        """As chosen on the mapping page."""
        chosen = {name: settings[name] for name in ("encoding", "delimiter", "sheet") if settings.get(name)}
        return replace(self, **chosen, rows=self.rows if chosen.get("sheet", self.sheet) == self.sheet else 0)


def look(path: Path, name: str = "") -> Source:
    """Find out what the file is; `name` is how it was called where it came from. Raises WrongFile."""
    size = path.stat().st_size
    if not size:
        raise WrongFile(_("The file is empty."))
    if size > MAX_BYTES:
        raise WrongFile(_("The file is larger than %(megabytes)s MB. Split it and import the parts one after the other.") % {"megabytes": MAX_BYTES >> 20})
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise WrongFile(_("This is an old Excel file (.xls) or a protected one. Save it as .xlsx or CSV without a password and upload that."))
    if head.startswith(b"PK"):
        return _workbook(path)
    ending = Path(name).suffix.lower()
    if ending in WORKBOOKS:
        raise WrongFile(_("This is called %(ending)s, but it is not a workbook, or it is damaged. Save it again as .xlsx or CSV.") % {"ending": ending})
    if ending and ending not in TABLES:
        raise WrongFile(_("Files of the type %(ending)s are not imported: upload a CSV file or an Excel workbook (.xlsx).") % {"ending": ending})
    encoding = _encoding(path)
    return Source(path, "csv", encoding, _delimiter(path, encoding))


def _workbook(path: Path) -> Source:
    with _book(path) as book:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
        if not sheets:
            raise WrongFile(_("The workbook has no worksheet with a table."))
        said = {sheet.title: sheet.max_row or 0 for sheet in sheets}
        filled = next((sheet for sheet in sheets if next(_cells(sheet), None)), sheets[0])
        return Source(path, "xlsx", sheet=filled.title, rows=said[filled.title])


@contextmanager
def _book(path: Path) -> Iterator[Any]:
    """The workbook, read row by row. Opened as a file, because openpyxl judges a path by its ending."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED:
                    raise WrongFile(_("Unpacked, the workbook is too large. Save the sheet as CSV and upload that."))
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except WrongFile:
            raise
        except Exception as error:  # openpyxl raises whatever the broken part of the archive makes it raise
            raise WrongFile(_("This is not a workbook that can be read, or it is damaged. Save it again as .xlsx or CSV.")) from error
        try:
            yield book
        finally:
            book.close()


def sheets_of(path: Path) -> list[str]:
    with _book(path) as book:
        return [sheet.title for sheet in book.worksheets]


def _cells(sheet: Any) -> Iterator[Row]:
    """Rows that hold something. The sheet's own dimension is often wrong, so it is not believed."""
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(cell not in (None, "") for cell in row):
            yield number, list(row)


def _encoding(path: Path) -> str:
    """By the mark at the beginning, else the first encoding in which nearly everything can be read; single high bytes are Western."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if 0 in head:
        for encoding in ("utf-16-le", "utf-16-be"):
            if _is_text(head[: len(head) // 2 * 2], encoding):
                return encoding
        raise WrongFile(_no_table())
    if len(CONTROL.findall(head)) * 100 > len(head):
        raise WrongFile(_no_table())
    if _readable(path, "utf-8"):
        return "utf-8-sig"
    if _western(path):
        return "cp1252"
    if _readable(path, "gb18030"):
        return "gb18030"
    if _readable(path, "big5"):
        return "big5"
    raise WrongFile(_("The characters of this file cannot be read. Save it as CSV UTF-8 or as an Excel workbook (.xlsx) and upload that."))


def _no_table() -> str:
    return _("This is not a table: upload a CSV file or an Excel workbook (.xlsx).")


def _is_text(head: bytes, encoding: str) -> bool:
    """Letters, digits, punctuation and line ends only; a letter cut off at the end does not count."""
    words = head.decode(encoding, errors="replace").rstrip("\ufffd")
    return any(mark in words for mark in DELIMITERS) and all(character in "\t\r\n" or unicodedata.category(character)[0] not in "C" for character in words)


def _readable(path: Path, encoding: str) -> bool:
    """At most one in fifty characters beyond ASCII is damaged: those become errors of their rows, the file is still of this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    foreign = damaged = 0
    for block in _blocks(path):
        text = decoder.decode(block)
        damaged += text.count("\ufffd")
        foreign += len(text) - sum(map(len, re.findall(r"[\x00-\x7f]+", text)))
    return damaged * 50 <= foreign


def _western(path: Path) -> bool:
    """High bytes stand alone in Western text (é between letters) and in pairs in Chinese."""
    alone = together = 0
    for block in _blocks(path):
        for run in re.findall(rb"[\x80-\xff]+", block):
            alone, together = (alone + 1, together) if len(run) == 1 else (alone, together + 1)
    return alone > together * 4


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    return path.open(encoding=encoding, errors="replace", newline="")


def _delimiter(path: Path, encoding: str) -> str:
    """The one that splits the first lines into the most columns, in the same number each."""
    with _text(path, encoding) as file:
        lines = [line for _number, line in zip(range(20), file, strict=False) if line.strip()]

    def worth(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        return (widths.count(max(widths)) * (max(widths) > 1), max(widths)) if widths else (0, 0)

    return max(DELIMITERS, key=worth)


def _lines(source: Source) -> Iterator[Row]:
    with _text(source.path, source.encoding) as file:
        rows = csv.reader(file, delimiter=source.delimiter)
        try:
            for number, row in enumerate(rows, 1):
                if any(map(str.strip, row)):
                    yield number, list(row)
        except csv.Error as error:
            raise WrongFile(_("From line %(line)s on this is not a table: %(why)s.") % {"line": rows.line_num, "why": error}) from error


def rows_of(source: Source) -> Iterator[Row]:
    """Every row that holds something, the header included; closes the file at the end."""
    if source.kind == "csv":
        yield from _lines(source)
        return
    with _book(source.path) as book:
        if source.sheet not in book.sheetnames:
            raise WrongFile(_("The workbook has no sheet %(sheet)s.") % {"sheet": source.sheet})
        yield from _cells(book[source.sheet])


class Table:
    """A header and the rows below it; `head` holds the first of them, because opening a large workbook takes seconds."""

    def __init__(self, source: Source, keep: int = 0) -> None:
        self.source = source
        read = rows_of(source)
        first = list(islice(read, HEADER_WITHIN))
        if not first:
            raise WrongFile(_("The file has no rows."))
        self.header_row, cells = next(((number, cells) for number, cells in first if sum(cell not in (None, "") for cell in cells) > 1), first[0])
        self.columns = _names(cells)
        self.head = [cells for _number, cells in islice(self._below(chain(first, read)), keep)]

    def rows(self) -> Iterator[Row]:
        """Rows below the header, as long as the header; what stands beyond it is appended and is an error of the row."""
        return self._below(rows_of(self.source))

    def _below(self, read: Iterable[Row]) -> Iterator[Row]:
        width, count = len(self.columns), 0
        for number, cells in read:
            if number <= self.header_row:
                continue
            count += 1
            if count > MAX_ROWS:
                raise WrongFile(_("The file has more than %(rows)s rows. Split it and import the parts one after the other.") % {"rows": MAX_ROWS})
            if len(cells) < width:
                cells += [None] * (width - len(cells))
            while len(cells) > width and cells[-1] in (None, ""):
                cells.pop()
            yield number, cells

    def estimate(self) -> int:
        """About how many rows, for the progress bar."""
        if self.source.kind == "csv":
            return max(sum(block.count(b"\n") for block in _blocks(self.source.path)) - self.header_row, 0)
        return max(self.source.rows - self.header_row, 0)


def _names(cells: list[Cell]) -> list[str]:
    """The header's words; a column without a name gets its place, two of one name are refused."""
    while cells and cells[-1] in (None, ""):
        cells.pop()
    names = [" ".join(str(cell).split()) if cell not in (None, "") else _("Column %(number)s") % {"number": place} for place, cell in enumerate(cells, 1)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise WrongFile(_("Two columns are called %(name)s. Give each column a name of its own and upload the file again.") % {"name": twice})
    return names
