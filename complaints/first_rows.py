"""The first rows of complaints from `first_rows.toml`. Idempotent: what stands is left as it is."""

import tomllib
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from complaints.models import DispositionKind, DispositionPolicy, GradeRule, ReplyTemplate

FILE = Path(__file__).with_suffix(".toml")


@transaction.atomic
def load(path: Path = FILE) -> int:
    """Enter what is missing; returns how many rows are new."""
    book = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    graded = set(GradeRule.objects.values_list("grade", flat=True))
    grades = [GradeRule(grade=grade, **row) for grade, row in book["grade"].items() if grade not in graded]
    ruled = set(DispositionPolicy.objects.values_list("kind", flat=True))
    caps = [DispositionPolicy(kind=kind, cap=book["caps"].get(kind)) for kind in DispositionKind.values if kind not in ruled]
    letters = [ReplyTemplate(order=n, **row) for n, row in enumerate(book["letter"])] if not ReplyTemplate.objects.exists() else []
    new = len(GradeRule.objects.bulk_create(grades)) + len(DispositionPolicy.objects.bulk_create(caps))
    return new + len(ReplyTemplate.objects.bulk_create(letters))
