"""Rows of a complaint are locked so that others may point at them meanwhile (decision 47)."""

from __future__ import annotations

import re
from pathlib import Path

import complaints

LOCK = re.compile(r"select_for_update\((.*?)\)(?=[.\s)])", re.DOTALL)


def test_every_lock_of_a_complaint_lets_others_point_at_its_row():
    sources = [path for path in Path(complaints.__file__).parent.rglob("*.py") if "tests" not in path.parts]
    locks = [(path.name, lock) for path in sources for lock in LOCK.findall(path.read_text(encoding="utf-8"))]
    assert len(locks) >= 8
    assert [where for where in locks if "no_key=True" not in where[1]] == []
