"""The back office in Chinese: names of models, columns and fields, and what stands in the cells."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.urls import reverse
from django.utils import translation

from complaints.models import GradeRule
from feedback_desk.notices.models import Template
from feedback_desk.people import access
from feedback_desk.people.access import NotYou
from feedback_desk.people.models import Refusal
from feedback_desk.records.models import Entry
from feedback_desk.settings import BASE_DIR
from feedback_desk.workplace import raw_names
from feedback_desk.workplace.words import ATTEMPTS, MACHINES, state_of
from tests.ways import MONDAY, Way
from tickets import services as tickets


def test_everything_the_back_office_shows_has_a_chinese_name() -> None:
    assert raw_names.found() == []


@pytest.mark.parametrize(
    ("model", "attribute", "value", "line"),
    [
        (Entry, "source", "source", "records.Entry.source: 'source'"),
        (GradeRule, "short_way", "On the spot", "complaints.GradeRule.short_way: 'On the spot'"),
    ],
)
def test_a_field_without_a_name_is_found(monkeypatch: pytest.MonkeyPatch, model: type[models.Model], attribute: str, value: str, line: str) -> None:
    """As Django makes it of the Python name, or as somebody wrote it without marking it."""
    monkeypatch.setattr(model._meta.get_field(attribute), "verbose_name", value)
    page = admin.site._registry[model]
    monkeypatch.setattr(page, "list_display", (*page.list_display, attribute))
    assert raw_names.found() == [f"no Chinese name in the back office: {line}"]


def test_a_model_a_column_and_an_explanation_without_a_name_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    page = admin.site._registry[Entry]
    monkeypatch.setattr(Entry._meta, "verbose_name", "entry")
    monkeypatch.setattr(vars(type(page))["who"], "short_description", "who did it")
    monkeypatch.setattr(Entry._meta.get_field("at"), "help_text", "In UTC.")
    monkeypatch.setattr(Entry, "__str__", models.Model.__str__)
    places = [line.split(": ")[1] for line in raw_names.found()]
    assert places == ["records.Entry.Meta.verbose_name", "records.Entry.__str__", "records.Entry.at (help_text)", "records.Entry.who"]


def test_every_notice_has_a_name() -> None:
    files = {path.stem for path in (BASE_DIR / "templates" / "notices").glob("*.txt") if ".subject" not in path.name}
    assert files == set(Template.values)


def test_every_state_of_every_machine_has_a_name() -> None:
    with translation.override("zh-hans"):
        for model, kind in MACHINES.items():
            part = getattr(model, "part_of_item", "")
            for state, label in dict(model._meta.get_field("state").flatchoices).items():  # type: ignore[union-attr]
                assert state_of(kind, state, {part: 1} if part else {}) == str(label) != state


def cells(client: Any, name: str) -> list[str]:
    page = client.get(reverse(f"admin:{name}_changelist"), headers={"accept-language": "zh-hans"}).content.decode()
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r'<t[dh] class="field-[^>]*>(.*?)</t[dh]>', page, re.DOTALL)]


@pytest.mark.django_db
def test_the_history_reads_in_chinese(cast: Any, customer: Any, freeze: Any, client: Any) -> None:
    freeze(MONDAY)
    Way(cast, customer, "II").executing().carry_out()
    client.force_login(cast.administrator)
    found = cells(client, "records_entry")
    assert {"总经理裁定", "登记了事项"} & set(found), found
    raw = {word for word in found if re.fullmatch(r"[a-z_]+", word)}
    assert not raw


@pytest.mark.django_db
def test_V3_refusals_say_in_chinese_what_was_tried(cast: Any, customer: Any, freeze: Any, client: Any) -> None:
    freeze(MONDAY)
    one = Way(cast, customer, "II").graded()
    with pytest.raises(NotYou) as refused:
        tickets.reassign(ticket_id=one.ticket_id, by=cast.visitor, assignee_id=cast.colleague.pk, reason="换人")
    access.record_refusal(refused.value)
    for verb in (*ATTEMPTS, "some_page"):
        access.record_refusal(NotYou("", user=cast.visitor, item=one.ticket.item, verb=verb))
    assert Refusal.objects.filter(verb="reassign").exists()
    client.force_login(cast.administrator)
    page = client.get(reverse("admin:people_refusal_changelist"), headers={"accept-language": "zh-hans"}).content.decode()
    said = re.sub(r"<[^>]+>", " ", page.split('id="content"')[1])
    assert not {verb for verb in (*ATTEMPTS, "reassign", "some_page") if re.search(rf"\b{verb}\b", said)}


@pytest.mark.django_db
def test_the_log_is_filtered_by_pages_and_not_by_tables_of_libraries(cast: Any, client: Any) -> None:
    client.force_login(cast.administrator)
    page = client.get(reverse("admin:admin_logentry_changelist"), headers={"accept-language": "zh-hans"}).content.decode()
    assert "时限规则" in page
    assert not re.search(r"(?i)axes|access attempt", page)
