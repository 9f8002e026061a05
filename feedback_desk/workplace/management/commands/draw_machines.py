"""``manage.py draw_machines``: docs/machines-drawn.md, from the moves as they are declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import override

from complaints.models import ComplaintForm, CorrectiveAction, Disposition, Remedy
from feedback_desk.records.moves import moves_of
from tickets.models import Ticket

PLACE = Path(settings.BASE_DIR) / "docs" / "machines-drawn.md"
MACHINES: tuple[tuple[str, type[Any], str], ...] = (
    ("Ticket", Ticket, "pending"), ("Complaint form", ComplaintForm, "registered"), ("Disposition", Disposition, "draft"), ("Remedy", Remedy, "draft"),
    ("Corrective or preventive action", CorrectiveAction, "draft"),
)  # fmt: skip
INTRO = """# The machines, drawn

Made from the code by `manage.py draw_machines`; do not edit. Moves that leave the state stand in it.
Who makes them, guards and deadlines: [machines.md](machines.md).
"""


class Command(BaseCommand):
    help = "Draw the machines into docs/machines-drawn.md."

    def handle(self, *args: Any, **options: Any) -> None:
        PLACE.write_text(page())
        self.stdout.write(f"Written: {PLACE}")


def page() -> str:
    with override("en"):
        chapters = [f"## {title}\n\n```mermaid\n{drawing(model, first)}\n```\n" for title, model, first in MACHINES]
    return "\n".join([INTRO, *chapters])


def drawing(model: type[Any], first: str) -> str:
    """A state diagram: an arrow for each pair of states, with the moves that lead along it."""
    states = model._meta.get_field("state").choices
    arrows, staying = _arrows(model)
    lines = ["stateDiagram-v2", f"    [*] --> {first}"]
    for value, label in states:
        lines.append(f"    {value}: {label}{''.join(f'<br/>({name})' for name in staying.get(value, []))}")
    lines += [f"    {source} --> {target}: {', '.join(names)}" for (source, target), names in arrows.items()]
    return "\n".join(lines)


def _arrows(model: type[Any]) -> tuple[dict[tuple[str, str], list[str]], dict[str, list[str]]]:
    """(from, to) → moves; state → moves that leave it as it is. In the order of declaration and of the states."""
    arrows: dict[tuple[str, str], list[str]] = {}
    staying: dict[str, list[str]] = {}
    order = [value for value, _label in model._meta.get_field("state").choices]
    for move in moves_of(model).values():
        for source in sorted(move.sources, key=order.index):
            if move.target is None:
                staying.setdefault(source, []).append(move.name)
            else:
                arrows.setdefault((source, str(move.target)), []).append(move.name)
    return arrows, staying
