"""The back office in Chinese: names of models, columns and fields, and what stands in the cells."""

from __future__ import annotations

import re
from collections import defaultdict
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
from feedback_desk.records.moves import moves_of
from feedback_desk.settings import BASE_DIR
from feedback_desk.workplace.words import ATTEMPTS, MACHINES, OF_WHATEVER, state_of
from tests import raw_names
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
def test_the_history_and_refusals_are_found_by_the_names_of_their_verbs(cast: Any, customer: Any, freeze: Any, client: Any) -> None:
    freeze(MONDAY)
    one = Way(cast, customer, "II").executing()
    for verb in ("rule", "edit"):
        access.record_refusal(NotYou("", user=cast.visitor, item=one.form.item, verb=verb))
    access.record_refusal(NotYou("", user=cast.visitor, verb="approve"))
    client.force_login(cast.administrator)

    def found(page: str, typed: str) -> set[str]:
        answer = client.get(reverse(f"admin:{page}_changelist"), {"q": typed}, headers={"accept-language": "zh-hans"})
        return {row.verb for row in answer.context["cl"].result_list}

    assert found("records_entry", "裁定") >= {"rule"}
    assert found("records_entry", f"裁定 {one.form.item.number}") >= {"rule"}
    assert found("records_entry", "裁定 没有这个编号") == found("records_entry", "open_form") == set()
    assert found("records_entry", one.form.item.number) > found("records_entry", "裁定")
    assert found("people_refusal", "裁定") == {"rule"}
    assert found("people_refusal", "批准") == {"approve"}
    assert found("people_refusal", "回访王") == {"rule", "edit", "approve"}


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


def test_V3_a_move_that_machines_call_differently_has_a_neutral_name() -> None:
    labels: dict[str, set[str]] = defaultdict(set)
    with translation.override("zh-hans"):
        for model in MACHINES:
            for verb, declared in moves_of(model).items():
                labels[verb].add(str(declared.label))
        assert {verb for verb, said in labels.items() if len(said) > 1} == set(OF_WHATEVER)
        others = {label for verb, said in labels.items() if verb not in OF_WHATEVER for label in said}
        assert not others & {str(label) for label in OF_WHATEVER.values()}


def offered(answer: Any) -> list[Any]:
    """The choices of the filter by what was tried."""
    listed = answer.context["cl"]
    with translation.override("zh-hans"):
        return list(listed.filter_specs[1].choices(listed))


@pytest.mark.django_db
def test_V3_refusals_are_filtered_by_names_each_of_which_stands_there_once(cast: Any, client: Any) -> None:
    for verb in ("approve", "submit", "send_back", "edit", "correct", "rule"):
        access.record_refusal(NotYou("", user=cast.visitor, verb=verb))
    client.force_login(cast.administrator)
    url = reverse("admin:people_refusal_changelist")
    chinese = {"accept-language": "zh-hans"}
    choices = offered(client.get(url, headers=chinese))
    assert sorted(each["display"] for each in choices) == sorted(["全部", "批准", "提交审核", "退回重做", "更正录入错误", "裁定"])
    both = next(each["query_string"] for each in choices if each["display"] == "更正录入错误")
    answer = client.get(url + both, headers=chinese)
    assert {row.verb for row in answer.context["cl"].result_list} == {"edit", "correct"}
    assert [each["display"] for each in offered(answer) if each["selected"]] == ["更正录入错误"]
    assert "更正录入错误 (2)" in [each["display"] for each in offered(client.get(url, {"_facets": "True"}, headers=chinese))]


@pytest.mark.django_db
def test_the_log_is_filtered_by_pages_and_not_by_tables_of_libraries(cast: Any, client: Any) -> None:
    client.force_login(cast.administrator)
    page = client.get(reverse("admin:admin_logentry_changelist"), headers={"accept-language": "zh-hans"}).content.decode()
    assert "时限规则" in page
    assert not re.search(r"(?i)axes|access attempt", page)
