"""Rows that are laid down are those that the services write; whatever begins differently is made anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from complaints.models import Disposition
from feedback_desk import clock
from feedback_desk.people.models import User
from feedback_desk.records.models import Entry
from tests import stages
from tests.stages import contents_of_all
from tests.ways import Way
from tickets.models import Customer

pytestmark = pytest.mark.django_db


def kept() -> int:
    return len(stages._made)


def test_what_is_laid_down_is_what_the_services_wrote(cast: Any, way: Callable[..., Way], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "_made", {})
    cast.stages.usable, path, before = True, cast.stages.path, cast.stages.contents
    found = []
    for _turn in range(2):
        with transaction.atomic():
            cast.stages.path, cast.stages.contents, cast.stages.seen = path, before, cast.stages.writes
            way("I").awaiting_ruling()
            found.append((kept(), contents_of_all({})))
            transaction.set_rollback(True)
    assert found[0] == found[1]
    assert found[0][0] >= 8


def test_a_test_goes_on_from_rows_laid_down_as_from_its_own(way: Callable[..., Way]) -> None:
    for _turn in range(2):
        with transaction.atomic():
            one = way().executing().carry_out()
            assert one.measure.state == "executed"
            assert Entry.objects.filter(item=one.form.item, verb="carry_out").count() == 1
            transaction.set_rollback(True)


@pytest.mark.parametrize("change", ["a row", "nothing left of what was reached"])
def test_what_begins_differently_is_made_anew(cast: Any, way: Callable[..., Way], change: str) -> None:
    way().graded()
    if change == "a row":
        User.objects.filter(pk=cast.outsider.pk).update(name="品管何二")
    else:
        with transaction.atomic():
            way().graded()
            transaction.set_rollback(True)
    before = kept()
    one = way().determined()
    assert kept() == before
    assert Disposition.objects.filter(form_id=one.form_id).count() == 1


def test_another_word_another_clock_another_grade_is_another_stage(way: Callable[..., Way], freeze: Any) -> None:
    assert way("III").graded(reason="客户要求").form.grade == "III"
    assert way("II").graded().form.grade == "II"
    at = freeze("2026-03-02 09:30")
    assert way("III").graded().form.graded_at == at


def test_a_test_that_swaps_code_keeps_nothing(cast: Any, way: Callable[..., Way], monkeypatch: pytest.MonkeyPatch) -> None:
    before = kept()
    assert not cast.stages.usable
    way("I").closed()
    assert kept() == before


@pytest.fixture
def early(db: None) -> None:
    """Written before the company is there."""
    Customer.objects.create(number="CS20200101001", name="早客户", contact_name="早客户", created_at=clock.now())


def test_a_test_whose_fixture_wrote_before_the_company_keeps_nothing(early: None, way: Callable[..., Way]) -> None:
    before = kept()
    way("I").graded(reason="早于班底")
    assert kept() == before


def test_a_test_that_looks_at_mail_keeps_nothing(cast: Any, way: Callable[..., Way], mailoutbox: list[Any]) -> None:
    before = kept()
    way("I").graded(reason="看邮件")
    assert kept() == before


@pytest.mark.usefixtures("caplog")
def test_a_test_that_looks_at_the_log_keeps_nothing(cast: Any, way: Callable[..., Way]) -> None:
    assert not cast.stages.usable


def test_append_only_rows_stay_so(way: Callable[..., Way]) -> None:
    one = way().graded()
    entry = Entry.objects.filter(item=one.form.item).earliest("pk")
    with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE records_entry SET verb = 'x' WHERE id = %s", [entry.pk])


def test_what_is_written_after_rows_laid_down_has_the_next_key(way: Callable[..., Way]) -> None:
    one = way().graded()
    newest = Entry.objects.latest("pk").pk
    assert Entry.objects.create(item=one.form.item, root=one.ticket.item, at=clock.now(), verb="note").pk > newest
