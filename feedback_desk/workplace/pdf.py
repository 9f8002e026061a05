"""The sheet as a PDF, with its Chinese letters inside: reportlab with the font that lies in static/vendor, so that nothing of the system is needed."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from io import BytesIO
from typing import Any

from django.conf import settings
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from feedback_desk.workplace.paper import Row, Sheet

FONT = "NotoSansSC"
FILE = settings.BASE_DIR / "static" / "vendor" / "noto-sans-sc" / "NotoSansSC_400Regular.ttf"
MARGIN = 14 * mm
WIDTH = A4[0] - 2 * MARGIN
LABEL = 28 * mm
LINES_IN_A_CELL, LETTERS_IN_A_LINE = 40, 40
"""A longer text goes on in the next cell, as a cell does not break over pages. Letters: Chinese ones, of which a few more fit."""
HAN = re.compile("[\u3400-\u9fff]")
SMALL = {"fontSize": 9.5, "leading": 14}
LINES = colors.HexColor("#444444")
HEAD = colors.HexColor("#f3f4f5")


@cache
def styles() -> dict[str, ParagraphStyle]:
    pdfmetrics.registerFont(TTFont(FONT, str(FILE)))
    base: dict[str, Any] = {"fontName": FONT}
    kinds: dict[str, dict[str, Any]] = {
        "text": SMALL,
        "sign": SMALL | {"alignment": 2, "textColor": LINES},
        "title": {"fontSize": 16, "leading": 24, "alignment": 1},
    }
    chinese = {name: ParagraphStyle(name, **base, **more, wordWrap="CJK") for name, more in kinds.items()}
    return chinese | {f"{name} in words": ParagraphStyle(f"{name} in words", **base, **more) for name, more in kinds.items()}


def render(sheet: Sheet) -> bytes:
    """A4, page numbers at the foot."""
    into = BytesIO()
    document = SimpleDocTemplate(into, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN, title=sheet.title)
    numbers = "　".join(f"{name} {number}" for name, number in sheet.numbers)
    head: list[Flowable] = [_text(sheet.title, "title"), _text(numbers), Spacer(0, 3 * mm)]
    document.build([*head, *(part for row in sheet.rows for part in _drawn(row))], onFirstPage=_foot, onLaterPages=_foot)
    return into.getvalue()


def _foot(canvas: Any, document: Any) -> None:
    canvas.setFont(FONT, 8)
    canvas.drawRightString(A4[0] - MARGIN, 8 * mm, str(document.page))


def _text(words: str, style: str = "text") -> Paragraph:
    """Chinese breaks between any two letters, other languages between words."""
    kind = styles()[style] if HAN.search(words) else styles()[f"{style} in words"]
    return Paragraph(escape(words, quote=False).replace("\n", "<br/>"), kind)


def _drawn(row: Row) -> list[Flowable]:
    if row.beside:
        label, text = row.beside
        half = WIDTH / 2 - LABEL
        return [_table([[_text(row.label), _text(row.text), _text(label), _text(text)]], [LABEL, half, LABEL, half], heads=(0, 2))]
    parts = _parts(row.text)
    cells = [[_text(row.label if not n else ""), [_text(part)]] for n, part in enumerate(parts)]
    if row.sign is not None:
        cells[-1][1].append(_text(row.sign or "　", "sign"))
    return [_table([cell], [LABEL, WIDTH - LABEL], heads=(0,)) for cell in cells[:-1]] + [KeepTogether(_table([cells[-1]], [LABEL, WIDTH - LABEL], heads=(0,)))]


def _parts(text: str) -> list[str]:
    """Pieces that each fit in one cell, cut where a line ends."""
    pieces: list[str] = []
    for line in text.split("\n"):
        pieces += [line[start : start + LETTERS_IN_A_LINE] for start in range(0, len(line) or 1, LETTERS_IN_A_LINE)]
        pieces[-1] += "\n"
    return ["".join(pieces[start : start + LINES_IN_A_CELL]).removesuffix("\n") for start in range(0, len(pieces), LINES_IN_A_CELL)]


def _table(rows: list[list[Any]], widths: list[float], heads: tuple[int, ...]) -> Table:
    grid: list[Any] = [("GRID", (0, 0), (-1, -1), 0.5, LINES), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    return Table(rows, colWidths=widths, style=TableStyle([*grid, *(("BACKGROUND", (n, 0), (n, -1), HEAD) for n in heads)]))
