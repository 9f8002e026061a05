"""The first rows: whole, named in both languages, agreed with the rules, entered once."""

import pytest

from complaints import first_rows as complaints
from complaints.models import DispositionKind, DispositionPolicy, GradeRule
from feedback_desk.deadlines import first_rows as deadlines
from feedback_desk.deadlines.models import Rule
from tickets import first_rows as tickets
from tickets.models import Category, EmptyPhrase, Level, PriorityRule, Urgency

pytestmark = pytest.mark.django_db


def test_first_rows_are_entered_once_and_what_was_removed_stays_away():
    assert tickets.load() > 0
    assert complaints.load() > 0
    EmptyPhrase.objects.filter(text="ok").delete()
    Category.objects.filter(slug="pests").update(name="害虫", active=False)
    assert (tickets.load(), complaints.load()) == (0, 0)
    assert not EmptyPhrase.objects.filter(text="ok").exists()
    assert Category.objects.get(slug="pests").name == "害虫"


def test_T2_every_category_that_a_rule_names_is_there():
    deadlines.load()
    tickets.load()
    named = {slug for when in Rule.objects.filter(code="D26").values_list("when", flat=True) for slug in when.get("category", [])}
    assert named
    assert named <= set(Category.objects.values_list("slug", flat=True))
    assert not Category.objects.filter(name_en="").exists()


@pytest.mark.parametrize(
    ("urgency", "level", "priority"),
    [
        ("urgent", "ordinary", "urgent"), ("urgent", "vip", "urgent"), ("urgent", "strategic", "urgent"),
        ("normal", "ordinary", "medium"), ("normal", "vip", "high"), ("normal", "strategic", "high"),
        ("low", "ordinary", "low"), ("low", "vip", "medium"), ("low", "strategic", "medium"),
    ],
)  # fmt: skip
def test_T4_the_matrix(urgency, level, priority):
    tickets.load()
    assert PriorityRule.objects.get(urgency=urgency, level=level).priority == priority
    assert PriorityRule.objects.count() == len(Urgency) * len(Level)


def test_F1_G2_C7_phrases_grades_and_caps():
    tickets.load()
    complaints.load()
    assert {"已处理", "客户满意", "done"} <= set(EmptyPhrase.objects.values_list("text", flat=True))
    grades = GradeRule.objects.order_by("grade").values_list("grade", "short_way", "visit")
    assert list(grades) == [("I", False, True), ("II", False, True), ("III", True, False)]
    assert set(DispositionPolicy.objects.values_list("kind", flat=True)) == set(DispositionKind.values)
