"""What similar complaints got, as whoever decides reads it: complaints are counted, not their measures (C7)."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import override

from feedback_desk import clock
from feedback_desk.workplace.determination import similar
from tests.ways import way as new_way

way = new_way


def test_C7_a_complaint_with_three_measures_is_one_case(cast, way, django_assert_num_queries):
    first, second = way(), way()
    first.executing(first.one("deduct_share", Decimal(10)), first.one("deduct_share", Decimal(20), department=cast.product), first.one("talk"))
    second.executing(second.one("talk"))
    here = way().determining().form
    with override("en"), django_assert_num_queries(1):
        found = similar(here, clock.now())
    assert found is not None
    assert found.count_text == "2 cases in the last 12 months"
    assert found.kinds_text.startswith("Talk in 2 cases · ")
    assert "in 1 case;" in found.kinds_text
    assert "10 %–20 %" in found.kinds_text
