"""Cases between the rules: reopened after a withdrawal, named while being assigned, a stand-in's pages, odd addresses and keys."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.core.exceptions import ValidationError
from django.urls import reverse

from complaints import services as forms
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.notices.models import Notice
from feedback_desk.people import services as people
from feedback_desk.people.models import Absence
from feedback_desk.records.models import Reading
from feedback_desk.workplace.models import Draft
from feedback_desk.workplace.tests import way
from tickets import services as tickets
from tickets.models import CorrectionWords, CustomerCorrection, Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    return way.complaint(cast, customer)


def live(item, code):
    return Deadline.objects.filter(item=item, code=code, state__in=("running", "paused"))


@pytest.mark.parametrize("station", ["registered", "graded", "determining"])
def test_C15_reopened_after_a_withdrawal_the_form_has_its_limit_again(cast, ticket, station):
    form = way.walk(cast, ticket, station)
    tickets.withdraw(ticket_id=ticket.pk, by=cast.agent, reason="客户来电撤诉")
    assert not live(form.item, "D14").exists()
    tickets.reopen(ticket_id=ticket.pk, by=cast.agent, reason="客户又来电,问题仍在")
    assert live(form.item, "D14").count() == 1


def test_T1_an_ended_ticket_does_not_become_a_complaint_without_a_form(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    ticket = way.complaint(cast, customer, type="problem")
    tickets.invalidate(ticket_id=ticket.pk, by=cast.supervisor, reason="不属受理范围", explanation="已向客户说明不在受理范围,建议联系厂家")
    with pytest.raises(ValidationError):
        tickets.correct(ticket_id=ticket.pk, by=cast.supervisor, changes={"type": "complaint"}, reason="选错类型")


def test_T16_a_call_from_before_the_promise_does_not_keep_it(cast, ticket, freeze):
    freeze("2026-03-02 10:00")
    said = {"ticket_id": ticket.pk, "by": cast.agent, "way": "call_out", "customer_says": "好的,等您电话", "no_step_why": "按约定时间回电,已作承诺"}
    tickets.record_contact(**said, said="约定下午三点前回电", promised_at=clock.now() + timedelta(hours=5))
    freeze("2026-03-02 10:05")
    tickets.record_contact(**said, said="补记早上九点半的通话:核对订单号", at=clock.now() - timedelta(minutes=35))
    assert live(ticket.item, "D38").exists()
    tickets.record_contact(**said, said="回电说明换新安排")
    assert not live(ticket.item, "D38").exists()


def test_T6_an_owner_who_no_longer_handles_tickets_does_not_stop_the_registration(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    customer.owner = cast.inspector
    customer.save(update_fields=["owner"])
    assert way.complaint(cast, customer, assignee_id=None).assignee is None


def test_V3_who_was_named_meanwhile_is_told_nothing_more(cast, ticket):
    tickets.assign(ticket_id=way.complaint(cast, ticket.customer, assignee_id=None).pk, by=cast.supervisor, assignee_id=cast.agent.pk)
    other = Ticket.objects.get(assigned_by=cast.supervisor)
    people.name_concerned(other.item, cast.supervisor, because="客户点名", by=cast.administrator, at=clock.now())
    tickets.decline(ticket_id=other.pk, by=cast.agent, reason="客户点名主管,另派")
    assert not Notice.objects.filter(receiver=cast.supervisor, item=other.item).exists()


def test_V4_a_correction_of_many_fields_fits_its_record(cast, customer):
    changes = {"name": "陈雨", "kind": "person", "level": "vip", "contact_name": "陈女士", "area": "武汉", "phone": "13900001111"}
    tickets.correct_customer(by=cast.agent, customer_id=customer.pk, changes=changes, reason="登记时听错")
    Reading.objects.get(subject=customer.number).clean_fields(exclude=["item"])
    assert Reading.objects.get(subject=customer.number).what.startswith("corrected: phone")


@pytest.fixture
def corrected(cast, customer):
    """A customer's file that was corrected."""
    changes = {"name": "陈宇瑶", "kind": customer.kind, "area": "武汉", "remark": "家里有老人", "phone": "13900001111"}
    tickets.correct_customer(by=cast.agent, customer_id=customer.pk, changes=changes, reason="登记时听错陈宇瑶的名字")
    return CustomerCorrection.objects.select_related("words").get(customer=customer)


def test_V5_a_corrected_customer_file_keeps_old_and_new_for_ever_and_the_personal_words_sealed(cast, corrected, customer):
    assert (corrected.by, corrected.changes) == (cast.agent, {"area": ["武汉市洪山区", "武汉"], "phone": None})
    assert corrected.told() == ({"name": ["陈雨瑶", "陈宇瑶"], "remark": ["", "家里有老人"], **corrected.changes}, "登记时听错陈宇瑶的名字")
    assert [word for word in ("陈", "老人", "139") if word in corrected.words.sealed + json.dumps(corrected.changes, ensure_ascii=False)] == []
    assert hashlib.sha256(corrected.words.sealed.encode()).hexdigest() == corrected.words_digest
    with pytest.raises(ValidationError):
        corrected.save()
    CorrectionWords.objects.filter(pk=corrected.pk).update(sealed="")
    assert CustomerCorrection.objects.get().told() == (corrected.changes, "")


def test_V5_V4_corrections_stand_on_the_file_with_names_masked_and_whole_where_it_is_corrected(cast, corrected, customer, client):
    client.force_login(cast.agent)
    file = client.get(f"/desk/customers/{customer.number}/").content.decode()
    assert [said for said in ("陈*瑶 → 陈*瑶", "武汉市洪山区 → 武汉", "空 → 家里有老人", "电话已更换", "登记时听错", "客服林") if said not in file] == []
    assert "陈雨瑶" not in file
    assert "陈雨瑶 → 陈宇瑶" in client.get(f"/desk/customers/{customer.number}/correct/").content.decode()


def test_V4_a_draft_is_sealed_in_its_row(cast, client):
    client.force_login(cast.agent)
    body = {"place": "register", "data": {"new-name": ["陈雨瑶"], "new-phone": ["13812342071"]}}
    assert client.post("/desk/drafts/", json.dumps(body), content_type="application/json").status_code == 204
    assert "13812342071" not in json.dumps(Draft.objects.get().data)
    assert client.get("/desk/drafts/", {"place": "register"}).json() == body["data"]


@pytest.mark.parametrize("assignee", ["²", "abc", "999999", "9" * 30, "9" * 6000])
@pytest.mark.parametrize("key", ["²", "9" * 30, "1"])
def test_ticked_rows_and_a_person_that_do_not_exist_are_a_sentence(cast, ticket, client, assignee, key):
    client.force_login(cast.supervisor)
    assert client.post("/desk/queue/", {"item": key, "assignee": assignee}).status_code == 302


TOO_LONG = "9" * 25


@pytest.mark.parametrize(("act", "field", "who"), [("decide_handling", "departments", "manager"), ("record_meeting", "people", "agent")])
def test_G2_T14_a_number_that_no_database_takes_is_a_sentence_in_a_dialog(cast, ticket, client, act, field, who):
    form = way.walk(cast, ticket, "graded")
    client.force_login(getattr(cast, who))
    answer = client.post(reverse("workplace:form_act", args=[form.item.number, act]), {field: [TOO_LONG, "1"]})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors


def test_I2_a_number_that_no_database_takes_is_a_sentence_at_registering(cast, client):
    client.force_login(cast.agent)
    answer = client.post("/desk/register/", {"about": TOO_LONG})
    assert answer.status_code == 422
    assert "about" in answer.context["form"].errors


@pytest.mark.parametrize("model", ["tickets.Skill.categories", "tickets.Seat.skills"])
def test_T6_a_number_that_no_database_takes_is_a_sentence_in_the_back_office(cast, rf, model):
    name, field = model.rsplit(".", 1)
    row = apps.get_model(name)
    asked: Any = site.get_model_admin(row).formfield_for_manytomany(row._meta.get_field(field), rf.get("/"))
    with pytest.raises(ValidationError):
        asked.clean([TOO_LONG])


@pytest.mark.parametrize("since", ["2026-01-01T00:00:00+00:00~b1~n²~", "0001-01-01T00:00:00+00:00", "x", "0001-01-01T00:00:00+14:00"])
def test_a_strange_since_is_no_error_of_the_desk(cast, client, since):
    client.force_login(cast.agent)
    assert client.get("/desk/changes", {"since": since}).status_code in (200, 204, 400)


STRANGE = ["/desk/search/?q=a%00b", "/desk/customers/?q=%00", "/desk/tickets/TASK%00/", "/desk/register/customers/?who=%00", "/desk/drafts/?place=a%00",
           "/desk/register/customers/?pick=%00", "/desk/register/duplicates/?summary=a%00&product=b&customer=%00", "/desk/queue/?holder=%00"]  # fmt: skip


@pytest.mark.parametrize("address", STRANGE)
def test_a_null_in_an_address_never_reaches_the_database(cast, client, address):
    client.force_login(cast.agent)
    assert client.get(address).status_code in (400, 404)


def test_a_null_in_what_is_sent_never_reaches_the_database(cast, ticket, client):
    client.force_login(cast.agent)
    assert client.post("/desk/register/", {"pick": "CS\0", "who": "\0"}).status_code == 400


UNREAD = {"zh-hans": ("未能读取提交的内容", "无法识别的字符"), "en": ("This could not be read", "a character that is no text")}


@pytest.mark.parametrize("language", UNREAD)
@pytest.mark.parametrize("address", ["/desk/search/?q=a%00b", "/desk/tickets/TASK%00/"])
def test_what_cannot_be_read_is_said_in_the_readers_language(cast, client, address, language, settings):
    client.force_login(cast.agent)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    answer = client.get(address)
    assert answer.status_code == 400
    assert [words for words in UNREAD[language] if words not in answer.content.decode()] == []


def test_inside_a_page_what_cannot_be_read_is_a_sentence_and_what_was_typed_stays(cast, ticket, client):
    client.force_login(cast.agent)
    door = reverse("workplace:ticket_move", args=[ticket.item.number, "withdraw"])
    answer = client.post(door, {"reason": "不要了\0"}, headers={"HX-Request": "true"})
    words = answer.content.decode()
    assert (answer.status_code, answer["HX-Retarget"], "<html" in words) == (400, "#toasts", False)
    assert [said for said in ("无法识别的字符", "您写的内容还在") if said not in words] == []


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_body_that_is_too_large_is_told_the_limit(cast, ticket, client, headers):
    client.force_login(cast.agent)
    door = reverse("workplace:ticket_move", args=[ticket.item.number, "withdraw"])
    answer = client.post(door, "reason=" + "x" * 3_000_000, content_type="application/x-www-form-urlencoded", headers=headers)
    assert answer.status_code == 400
    assert "2.5" in answer.content.decode()
    too_many = client.post(door, "&".join(f"a{n}=1" for n in range(4100)), content_type="application/x-www-form-urlencoded", headers=headers)
    assert (too_many.status_code, "4000" in too_many.content.decode()) == (400, True)


@pytest.mark.parametrize(("who", "size", "read"), [("agent", 3_000_000, 3_000_000), ("agent", 40_000_000, 27_000_000), (None, 3_000_000, 0)])
def test_a_body_that_is_too_large_is_read_to_its_end_for_people_only_and_never_for_long(cast, ticket, client, who, size, read):
    if who:
        client.force_login(getattr(cast, who))
    body = io.BytesIO(b"x" * size)
    sent = {"wsgi.input": body, "CONTENT_LENGTH": str(size), "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    door = reverse("workplace:ticket_move", args=[ticket.item.number, "withdraw"])
    assert client.generic("POST", door, **sent).status_code == 400
    assert read * 0.9 <= body.tell() <= read


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "最多 80 字"), ("en", "At most 80 characters; these are 90.")])
def test_too_long_is_one_sentence_of_the_desk_for_every_field(cast, ticket, client, language, words):
    from django import forms as django_forms
    from django.utils.translation import override

    from tickets.models import Category

    class Model(django_forms.ModelForm):  # type: ignore[type-arg]  # cannot be subscripted at run time
        class Meta:
            model = Category
            fields = ("slug",)

    with override(language):
        plain = type("Plain", (django_forms.Form,), {"name": django_forms.CharField(max_length=80)})({"name": "x" * 90})
        assert words in str(plain.errors["name"])
        limit = Category._meta.get_field("slug").max_length
        assert str(limit) in str(Model({"slug": "x" * 300}).errors["slug"])
        assert "确保" not in str(Model({"slug": "x" * 300}).errors) + str(plain.errors)


def test_F1_an_empty_contact_names_all_that_is_missing_at_once(cast, ticket, client):
    client.force_login(cast.agent)
    url = reverse("workplace:contact", args=[ticket.item.number])
    empty = {"way": "call_out", "reached": "yes", "purpose": "follow_up"}
    for more in ({}, {"at": "gestern"}):
        answer = client.post(url, empty | more)
        assert answer.status_code == 422
        found = set(answer.context["composer"].bound.errors)
        assert found == {"said", "customer_says", "next_step", "next_at", *more}


@pytest.mark.parametrize(
    ("typed", "gaps"),
    [
        ({"next_step": "寄出配件"}, "next_at"),
        ({"next_step": "寄出配件", "next_at": "2026-03-01T09:00"}, "next_at"),
        ({"next_step": "持续跟进", "next_at": "2026-03-04T09:00"}, "next_step"),
        ({"no_step": "on"}, "no_step_why"),
        ({"no_step": "on", "no_step_why": "无"}, "no_step_why"),
        ({"next_step": "寄出配件", "promised_at": "2026-03-04T09:00"}, ""),
        ({"next_step": "寄出配件", "promised_at": "morgen"}, "promised_at"),
        ({"no_step": "on", "no_step_why": "客户已收到新机"}, ""),
    ],
)
def test_F1_a_gap_in_what_comes_next_is_told_with_a_date_that_cannot_be_read(cast, ticket, client, typed, gaps):
    client.force_login(cast.agent)
    said = {"way": "call_out", "reached": "yes", "purpose": "follow_up", "said": "说明正在核实", "customer_says": "好，等消息", "at": "gestern"}
    answer = client.post(reverse("workplace:contact", args=[ticket.item.number]), said | typed)
    assert set(answer.context["composer"].bound.errors) == {"at", *gaps.split()}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00", "9999-12-31T23:59", "1000-06-01T08:00"])
def test_a_date_out_of_this_world_is_a_sentence(cast, ticket, client, moment):
    client.force_login(cast.agent)
    number = ticket.item.number
    said = {
        "way": "call_out",
        "said": "核对了订单与照片",
        "customer_says": "等换新",
        "reached": "yes",
        "purpose": "follow_up",
        "at": moment,
        "promised_at": moment,
    }
    assert client.post(reverse("workplace:contact", args=[number]), said).status_code in (302, 422)
    waits = {"question": "请提供照片", "until": moment}
    assert client.post(reverse("workplace:ticket_move", args=[number, "ask_customer"]), waits).status_code in (302, 422)
    assert client.post("/desk/register/", {"received_at": moment, "customer": ticket.customer.number, "type": "problem", "channel": "phone",
        "summary": "门打不开", "what_happened": "门打不开", "urgency": "normal", "category": str(ticket.category_id)}).status_code in (302, 422)  # fmt: skip


def test_V2_the_deputy_of_an_absent_general_manager_finds_and_makes_the_ruling(cast, ticket, client):
    form = way.walk(cast, ticket, "awaiting_ruling")
    Absence.objects.create(user=cast.general_manager, starts_at=clock.now() - timedelta(days=1), ends_at=clock.now() + timedelta(days=1), reason="出差")
    client.force_login(cast.deputy)
    number = form.item.number
    assert number in client.get("/desk/approvals/").content.decode() or ticket.item.title in client.get("/desk/approvals/").content.decode()
    assert client.get(reverse("workplace:ruling", args=[number])).status_code == 200
    assert forms.rule(form_id=form.pk, by=cast.deputy).state == "executing"


def test_a_host_that_is_not_ours_is_400_and_no_error_of_the_desk(client, settings):
    settings.ALLOWED_HOSTS = ["desk.example"]
    answer = client.get("/desk/", headers={"Host": "scanner.example", "Referer": "https://scanner.example/"})
    assert answer.status_code == 400
    assert "未能读取提交的内容" in answer.content.decode()
