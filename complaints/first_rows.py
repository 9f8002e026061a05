"""The first rows of complaints from `first_rows.toml`. Idempotent: what stands is left as it is; a removed category of causes stays away."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction

from complaints.models import CauseCategory, DispositionKind, DispositionPolicy, GradeRule

FILE = Path(__file__).with_suffix(".toml")


@transaction.atomic
def load(path: Path = FILE) -> int:
    """Enter what is missing; returns how many rows are new."""
    book = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    graded = set(GradeRule.objects.values_list("grade", flat=True))
    grades = [GradeRule(grade=grade, **row) for grade, row in book["grade"].items() if grade not in graded]
    ruled = set(DispositionPolicy.objects.values_list("kind", flat=True))
    caps = [DispositionPolicy(kind=kind, cap=book["caps"].get(kind)) for kind in DispositionKind.values if kind not in ruled]
    return len(GradeRule.objects.bulk_create(grades)) + len(DispositionPolicy.objects.bulk_create(caps)) + _causes(book["cause"])


def _causes(rows: list[dict[str, Any]]) -> int:
    """C14: the tree, in the order of the file."""
    if CauseCategory.objects.exists():
        return 0
    tops = CauseCategory.objects.bulk_create([_cause(row, order) for order, row in enumerate(rows, 1)])
    parts = [_cause(part, order, top) for top, row in zip(tops, rows, strict=True) for order, part in enumerate(row["part"], 1)]
    return len(tops) + len(CauseCategory.objects.bulk_create(parts))


def _cause(row: dict[str, Any], order: int, parent: CauseCategory | None = None) -> CauseCategory:
    return CauseCategory(slug=row["slug"], parent=parent, name=row["name"], name_en=row["en"], order=order * 10)
