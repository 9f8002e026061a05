"""A summary as an Excel workbook (R11, its simple form): one sheet per table, numbers as numbers."""

from __future__ import annotations

from io import BytesIO

from openpyxl import Workbook
from openpyxl.cell.cell import TYPE_STRING
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from reports.pages import Cell, Table

FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))


def workbook(tables: list[Table], *, about: list[str]) -> bytes:
    """`about` stands under the first table: period, issued when, definitions."""
    book = Workbook()
    sheets = [_sheet(book, table) for table in tables]
    for line in about:
        _append(sheets[0], [Cell(line, numeric=False)])
    book.remove(book.worksheets[0])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _sheet(book: Workbook, table: Table) -> Worksheet:
    sheet: Worksheet = book.create_sheet(table.title.translate(FORBIDDEN)[:31])
    _append(sheet, [Cell(head, numeric=False) for head in table.heads], bold=True)
    for row in table.rows:
        _append(sheet, row)
    if table.total:
        _append(sheet, table.total, bold=True)
    _append(sheet, [])
    sheet.freeze_panes = "B2"
    for column in range(1, len(table.heads) + 1):
        sheet.column_dimensions[get_column_letter(column)].width = 30 if column == 1 else 14
    return sheet


def _append(sheet: Worksheet, cells: list[Cell], bold: bool = False) -> None:
    """Names are written as text, whatever they begin with: a name is never a formula."""
    row = sheet.max_row + 1 if any(sheet.values) else 1
    for column, cell in enumerate(cells, 1):
        written = sheet.cell(row, column)
        written.value = cell.text if not cell.numeric or cell.value is None else cell.value
        if isinstance(written.value, str):
            written.data_type = TYPE_STRING
        if bold:
            written.font = Font(bold=True)
