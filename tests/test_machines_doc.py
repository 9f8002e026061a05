"""docs/machines.md says of every move what the machines declare: where from, where to, who, with a reason or not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils.translation import override

from complaints.models import ComplaintForm, CorrectiveAction, Disposition, Remedy
from feedback_desk.records.moves import Move, moves_of
from feedback_desk.workplace.management.commands import draw_machines
from tickets.models import Ticket

BOOK = (Path(settings.BASE_DIR) / "docs" / "machines.md").read_text()
CHAPTERS: dict[str, type[Any]] = {
    "## Ticket": Ticket, "## Complaint form": ComplaintForm, "## Disposition": Disposition, "## Remedy": Remedy,
    "## Corrective or preventive action": CorrectiveAction,
}  # fmt: skip
Row = tuple[set[str], str, str, set[str], bool, str]


def chapter(heading: str) -> str:
    return BOOK.partition(f"\n{heading}")[2].partition("\n## ")[0]


def written(heading: str) -> dict[str, Row]:
    """Move → (from, to, name, who, reason, eyes), as the chapter's table has it."""
    found = {}
    for line in chapter(heading).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if " → " not in line or not re.fullmatch(r"`\w+`", cells[0]):
            continue
        source, target = cells[1].split(" → ")
        eyes = cells[4] if len(cells) > 6 and cells[4] != "–" else ""
        found[cells[0].strip("`")] = (words(source), target, cells[2].removesuffix("*r*").strip(), words(cells[3]), cells[2].endswith("*r*"), eyes)
    return found


def declared(move: Move) -> Row:
    with override("zh-hans"):
        name = str(move.label)
    return {str(s) for s in move.sources}, str(move.target) if move.target else "=", name, {str(w) for w in move.who}, move.reason, move.eyes


def words(text: str) -> set[str]:
    return {word.strip() for word in text.split(",")}


@pytest.mark.parametrize("heading", CHAPTERS)
def test_the_book_of_machines_is_what_the_machines_do(heading: str) -> None:
    assert written(heading) == {name: declared(move) for name, move in moves_of(CHAPTERS[heading]).items()}


@pytest.mark.parametrize("heading", CHAPTERS)
def test_the_book_of_machines_names_every_state(heading: str) -> None:
    named = set(re.findall(r"`(\w+)` [\u4e00-\u9fff]", chapter(heading).partition("\nStates:")[2].partition("\n\n")[0]))
    assert {value for value, _label in CHAPTERS[heading]._meta.get_field("state").choices} == named


def test_the_drawing_is_the_one_of_these_moves() -> None:
    assert draw_machines.PLACE.read_text() == draw_machines.page()
