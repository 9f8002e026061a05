"""Registering at the desk: what is typed stays, customers are found masked, drafts, the customer's file, revealing, notices."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from feedback_desk import clock
from feedback_desk.notices.models import Notice
from feedback_desk.people import services as people
from feedback_desk.people.models import Concern, Refusal, User
from feedback_desk.records.models import Reading
from feedback_desk.workplace.models import Draft
from tickets import services
from tickets.forms import CustomerForm
from tickets.models import Category, Customer, Ticket

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082")


@pytest.fixture
def at_desk(client: Client) -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client.cookies.clear()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def typed(cast: SimpleNamespace, customer: Any) -> Callable[..., dict[str, Any]]:
    def make(**changed: Any) -> dict[str, Any]:
        said = {
            "customer": customer.number,
            "type": "problem",
            "channel": "phone",
            "summary": "冰箱不制冷",
            "what_happened": "昨晚起不制冷。",
            "urgency": "urgent",
            "category": Category.objects.get(slug="staff-conduct").pk,
            "received_at": f"{timezone.localtime(clock.now()):%Y-%m-%dT%H:%M}",
            "serial": "SN-1",
            "batch": "2609B",
            "register": "1",
        }
        return said | changed

    return make


def test_I2_an_item_is_registered_and_its_page_follows(at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
    answer = at_desk(cast.agent).post("/desk/register/", typed(uploads=[SimpleUploadedFile("箱.png", PNG), SimpleUploadedFile("底.png", PNG)]))
    ticket = Ticket.objects.get()
    assert answer.headers["Location"] == f"/desk/tickets/{ticket.item.number}/"
    assert (ticket.item.title, ticket.serial, ticket.batch, ticket.urgency, ticket.registered_by) == ("冰箱不制冷", "SN-1", "2609B", "urgent", cast.agent)
    assert sorted(a.name for a in ticket.item.attachments.all()) == ["底.png", "箱.png"]


def test_I2_who_received_it_is_chosen_among_the_house_and_corrected_later(at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
    client = at_desk(cast.agent)
    assert cast.visitor in client.get("/desk/register/").context["form"].fields["received_by"].queryset
    client.post("/desk/register/", typed(received_by=cast.visitor.pk))
    ticket = Ticket.objects.get()
    assert (ticket.received_by, ticket.registered_by) == (cast.visitor, cast.agent)
    url = f"/desk/tickets/{ticket.item.number}/correct/"
    form = client.get(url).context["form"]
    people.name_concerned(ticket.item, cast.colleague, because="客户点名", by=cast.supervisor, at=clock.now())
    assert form.fields["received_by"].required
    same = {name: "" if (value := form[name].value()) in (None, False) else value for name in form.fields}
    same["received_at"] = f"{timezone.localtime(ticket.received_at):%Y-%m-%dT%H:%M}"
    refused = client.post(url, same | {"received_by": cast.colleague.pk, "reason": "记错"})
    assert "received_by" in refused.context["form"].errors
    assert client.post(url, same | {"received_by": cast.supervisor.pk, "reason": "接听的是主管"}).status_code == 302
    assert Ticket.objects.get().received_by == cast.supervisor


def test_I2_the_industry_of_a_new_customer_is_one_of_the_sections(at_desk: Any, cast: SimpleNamespace) -> None:
    client, said = at_desk(cast.agent), {"new-name": "江城电机厂", "new-kind": "company", "new-level": "ordinary", "create": "1"}
    choices = list(CustomerForm().fields["industry"].choices)  # type: ignore[attr-defined]
    assert [key for key, _label in choices] == ["", *"ABCDEFGHIJKLMNOPQRST"]
    assert ("C", "C 制造业") in choices
    client.post("/desk/register/", said | {"new-industry": "C"})
    made = Customer.objects.get(name="江城电机厂")
    assert "制造业" in client.get(f"/desk/customers/{made.number}/").content.decode()


def test_I2_a_free_text_of_before_stays_as_the_industry_until_it_is_changed(at_desk: Any, cast: SimpleNamespace, customer: Any) -> None:
    Customer.objects.filter(pk=customer.pk).update(industry="机械配件")
    client, url = at_desk(cast.agent), f"/desk/customers/{customer.number}/correct/"
    assert "机械配件" in client.get(f"/desk/customers/{customer.number}/").content.decode()
    form = client.get(url).context["form"]
    assert form["industry"].value() == "机械配件"
    said = {name: form[name].value() or "" for name in form.fields} | {"reason": "更正"}
    for industry, kept in (("机械配件", "机械配件"), ("C", "C")):
        assert client.post(url, said | {"industry": industry, "area": f"武汉{kept}"}).status_code == 302
        assert Customer.objects.get(pk=customer.pk).industry == kept
    assert client.post(url, said | {"industry": "机械配件"}).status_code == 422
    assert "行业: 机械配件 → 制造业" in client.get(url).content.decode().replace("：", ": ")


def test_register_and_take_the_next_leads_back_to_an_empty_form(at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
    said = typed(next="1")
    del said["register"]
    assert at_desk(cast.agent).post("/desk/register/", said).headers["Location"] == "/desk/register/"


def test_errors_are_said_per_field_and_everything_typed_is_kept(at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
    future = timezone.localtime(clock.now() + timedelta(hours=2))
    said = typed(summary="", category="", received_at=f"{future:%Y-%m-%dT%H:%M}", remark="备注在此", witnesses="王师傅", expectation="换新")
    answer = at_desk(cast.agent).post("/desk/register/", said | {"uploads": [SimpleUploadedFile("收据.png", PNG)]})
    form, shown = answer.context["form"], answer.content.decode()
    assert answer.status_code == 422
    assert not Ticket.objects.exists()
    assert {"summary", "category", "received_at", "uploads"} <= set(form.errors)
    assert "收据.png" in str(form.errors["uploads"])
    for words in ("昨晚起不制冷。", "备注在此", "王师傅", "换新", "SN-1", "2609B", f"{future:%Y-%m-%dT%H:%M}"):
        assert words in shown
    assert answer.context["customer_number"] == said["customer"]


@pytest.mark.parametrize(("name", "content"), [("病毒.exe", b"MZ"), ("空.png", b""), ("假.png", b"not a picture")])
def test_a_file_that_is_refused_says_why_and_nothing_is_registered(at_desk: Any, typed: Any, cast: SimpleNamespace, name: str, content: bytes) -> None:
    answer = at_desk(cast.agent).post("/desk/register/", typed(uploads=[SimpleUploadedFile(name, content)]))
    assert answer.status_code == 422
    assert name in str(answer.context["form"].errors["uploads"])
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-03T08:52", "08:52"),
        ("2026-11-03 08:52", "08:52"),
        ("2026/11/3 8:52", "08:52"),
        ("11-03 08:52", "08:52"),
        ("11月3日 8:52", "08:52"),
        ("8:52", "08:52"),
        ("8：52", "08:52"),
        ("0852", "08:52"),
        ("soon", None),
    ],
)
def test_received_is_read_as_people_write_it(freeze: Any, local: Any, written: str, meant: str | None) -> None:
    from django.core.exceptions import ValidationError

    from tickets.forms import ReceivedField

    freeze("2026-11-03 09:00")
    if meant is None:
        with pytest.raises(ValidationError):
            ReceivedField().clean(written)
    else:
        assert ReceivedField().clean(written) == local(f"2026-11-03 {meant}")


def test_a_new_customer_is_opened_with_the_item_or_not_at_all(at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
    new = {"customer": "", "new-name": "王小明", "new-kind": "person", "new-level": "vip", "new-phone": "13900001111"}
    client = at_desk(cast.agent)
    client.post("/desk/register/", typed(summary="", **new))
    assert not Customer.objects.filter(name="王小明").exists()
    client.post("/desk/register/", typed(**new))
    assert Ticket.objects.get().customer.name == "王小明"


def test_a_bad_phone_of_a_new_customer_is_said_at_its_field(at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
    answer = at_desk(cast.agent).post(
        "/desk/register/", typed(customer="", **{"new-name": "王小明", "new-kind": "person", "new-level": "vip", "new-phone": "12"})
    )
    assert answer.status_code == 422
    assert "phone" in answer.context["new_form"].errors
    assert not Customer.objects.filter(name="王小明").exists()


def test_without_javascript_the_customer_is_searched_picked_and_changed_by_sending_the_form(
    at_desk: Any, typed: Any, cast: SimpleNamespace, customer: Any
) -> None:
    client, said = at_desk(cast.agent), typed(customer="", who="2071")
    del said["register"]
    found = client.post("/desk/register/", said | {"find": "1"})
    assert [one.number for one in found.context["part"].found] == [customer.number]
    picked = client.post("/desk/register/", said | {"pick": customer.number})
    assert picked.context["customer_number"] == customer.number
    assert "昨晚起不制冷。" in picked.content.decode()
    assert "SN-1" in client.post("/desk/register/", said | {"unpick": "1"}).content.decode()
    assert client.post("/desk/register/", said | {"new": "1", "who": "王小明"}).context["new_form"]["name"].value() == "王小明"
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    ("words", "found"),
    [("2071", True), ("陈雨瑶", True), ("chenyuyao", True), ("cyy", True), ("13812342071", True), ("1381234", False), ("207", False), ("", False)],
)
def test_V4_customers_are_found_while_typing_by_what_may_be_searched(at_desk: Any, cast: SimpleNamespace, customer: Any, words: str, found: bool) -> None:
    answer = at_desk(cast.agent).get("/desk/register/customers/", {"who": words})
    assert (customer.number in answer.content.decode()) is found
    assert "陈雨瑶" not in answer.content.decode().replace(f"“{words}”", "")


def test_a_draft_that_was_left_while_searching_shows_what_was_found(at_desk: Any, cast: SimpleNamespace, customer: Any) -> None:
    desk = at_desk(cast.agent)
    desk.post("/desk/drafts/", {"place": "register", "data": {"who": ["2071"]}}, content_type="application/json")
    assert customer.number in desk.get("/desk/register/").content.decode()


def test_I7_likely_duplicates_are_shown_with_why(at_desk: Any, typed: Any, cast: SimpleNamespace, customer: Any) -> None:
    client = at_desk(cast.agent)
    client.post("/desk/register/", typed())
    number = Ticket.objects.get().item.number
    assert number in client.get("/desk/register/duplicates/", {"customer": customer.number}).content.decode()
    assert number in client.get("/desk/register/duplicates/", {"batch": "2609B"}).content.decode()
    assert number not in client.get("/desk/register/duplicates/", {"batch": "other"}).content.decode()


def test_G1_a_complaint_one_handles_oneself_may_be_graded_at_once(at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
    client = at_desk(cast.agent)
    assert client.post("/desk/register/", typed(type="complaint", grade="II")).context["form"].errors.keys() == {"grade"}
    client.post("/desk/register/", typed(type="complaint", grade="II", grade_reason="书面不满", holder="me"))
    assert Ticket.objects.get().form.grade == "II"


def test_G5_a_grade_refused_by_the_form_registers_nothing(at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
    answer = at_desk(cast.agent).post(
        "/desk/register/", typed(type="complaint", grade="I", holder="me", category=Category.objects.get(slug="product-safety").pk)
    )
    assert answer.status_code == 422
    assert not Ticket.objects.exists()
    assert "quality_class" in answer.context["form"].errors


def test_V3_a_colleague_the_customer_names_sees_nothing_from_the_start(at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
    at_desk(cast.agent).post("/desk/register/", typed(type="complaint", about=[cast.colleague.pk]))
    ticket = Ticket.objects.get()
    assert Concern.objects.filter(item=ticket.item, user=cast.colleague).exists()
    assert ticket.item.number not in at_desk(cast.colleague).get("/desk/queue/").content.decode()


@pytest.mark.parametrize("who", ["general_manager", "administrator", "outsider"])
def test_V1_registering_is_refused_and_recorded_for_other_roles(at_desk: Any, cast: SimpleNamespace, who: str) -> None:
    assert at_desk(getattr(cast, who)).get("/desk/register/").status_code == 403
    assert Refusal.objects.filter(user=getattr(cast, who), verb="register").exists()


class TestDrafts:
    def test_a_draft_is_kept_shown_again_and_gone_when_registered(self, at_desk: Any, typed: Any, cast: SimpleNamespace, customer: Any) -> None:
        client = at_desk(cast.agent)
        data = {"summary": ["说到一半"], "customer": [customer.number], "type": ["complaint"], "csrfmiddlewaretoken": ["x"]}
        assert client.post("/desk/drafts/", json.dumps({"place": "register", "data": data}), content_type="application/json").status_code == 204
        assert "csrfmiddlewaretoken" not in Draft.objects.get().data
        page = client.get("/desk/register/")
        assert "说到一半" in page.content.decode()
        assert page.context["customer_number"] == customer.number
        client.post("/desk/register/", typed())
        assert not Draft.objects.exists()

    def test_an_emptied_draft_is_removed(self, at_desk: Any, cast: SimpleNamespace) -> None:
        client = at_desk(cast.agent)
        for data in ({"summary": ["a"]}, {"summary": [""]}):
            client.post("/desk/drafts/", json.dumps({"place": "register", "data": data}), content_type="application/json")
        assert not Draft.objects.exists()

    def test_drafts_are_each_persons_own(self, at_desk: Any, cast: SimpleNamespace) -> None:
        at_desk(cast.agent).post("/desk/drafts/", json.dumps({"place": "register", "data": {"summary": ["我的草稿"]}}), content_type="application/json")
        assert "我的草稿" not in at_desk(cast.colleague).get("/desk/register/").content.decode()

    @pytest.mark.parametrize("body", ["", "[]", "{}", '{"place": "", "data": {}}', '{"place": "x", "data": 1}', '{"place": 3, "data": {}}'])
    def test_anything_else_is_400(self, at_desk: Any, cast: SimpleNamespace, body: str) -> None:
        assert at_desk(cast.agent).post("/desk/drafts/", body, content_type="application/json").status_code == 400


class TestCustomerFile:
    def test_I6_everything_about_a_customer_stands_on_one_page(self, at_desk: Any, typed: Any, cast: SimpleNamespace, customer: Any) -> None:
        client = at_desk(cast.agent)
        client.post("/desk/register/", typed(type="complaint"))
        page = client.get(f"/desk/customers/{customer.number.lower()}/")
        assert "冰箱不制冷" in page.content.decode()
        assert page.context["complaints"] == 1

    def test_V4_contact_data_is_revealed_for_a_reason_which_is_recorded(self, at_desk: Any, cast: SimpleNamespace, customer: Any) -> None:
        client, point = at_desk(cast.agent), customer.contact_points.get(kind="phone")
        url = f"/desk/reveal/{point.pk}/"
        assert client.get(url).status_code == 405
        assert "13812342071" not in client.post(url, {"why": " "}).content.decode()
        assert not Reading.objects.exists()
        assert "13812342071" in client.post(url, {"why": "回电"}).content.decode()
        reading = Reading.objects.get()
        assert (reading.by, reading.subject, reading.why) == (cast.agent, customer.number, "回电")

    @pytest.mark.parametrize(("who", "status"), [("inspector", 403), ("general_manager", 403), ("outsider", 404)])
    def test_V4_who_does_not_need_it_is_refused(self, at_desk: Any, cast: SimpleNamespace, customer: Any, who: str, status: int) -> None:
        answer = at_desk(getattr(cast, who)).post(f"/desk/reveal/{customer.contact_points.get(kind='phone').pk}/", {"why": "好奇"})
        assert answer.status_code == status
        assert "13812342071" not in answer.content.decode()
        assert not Reading.objects.exists()

    def test_unknown_and_invisible_look_the_same(self, at_desk: Any, cast: SimpleNamespace, customer: Any) -> None:
        client = at_desk(cast.outsider)
        known, unknown = (client.get(f"/desk/customers/{number}/") for number in (customer.number, "CS20200101001"))
        assert known.status_code == unknown.status_code == 404
        assert known.content.replace(customer.number.encode(), b"") == unknown.content.replace(b"CS20200101001", b"") or len(known.content) == len(
            unknown.content
        )

    def test_a_correction_needs_a_reason_and_keeps_what_was_typed(self, at_desk: Any, cast: SimpleNamespace, customer: Any) -> None:
        client, url = at_desk(cast.agent), f"/desk/customers/{customer.number}/correct/"
        said = {
            "name": "陈雨遥",
            "kind": "person",
            "level": "vip",
            "contact_name": "",
            "area": "武汉市",
            "industry": "",
            "remark": "",
            "phone": "",
            "email": "",
            "address": "",
        }
        refused = client.post(url, said)
        assert refused.status_code == 422
        assert "陈雨遥" in refused.content.decode()
        assert client.post(url, said | {"reason": "听错了"}).status_code == 302
        customer.refresh_from_db()
        assert (customer.name, customer.level) == ("陈雨遥", "vip")
        assert customer.contact_points.count() == 3

    def test_a_bad_new_phone_is_said_and_nothing_is_lost(self, at_desk: Any, cast: SimpleNamespace, customer: Any) -> None:
        said = {"name": "陈雨瑶", "kind": "person", "level": "ordinary", "phone": "12", "reason": "换号"}
        answer = at_desk(cast.agent).post(f"/desk/customers/{customer.number}/correct/", said)
        assert answer.status_code == 422
        assert "phone" in answer.context["form"].errors
        assert customer.contact_points.filter(kind="phone").exists()


class TestNotices:
    def test_unread_stand_first_and_following_one_reads_it(self, at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
        client = at_desk(cast.agent)
        client.post("/desk/register/", typed())
        ticket = Ticket.objects.get()
        services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.colleague.pk)
        client = at_desk(cast.colleague)
        notice = client.get("/desk/notices/").context["lines"][0].notice
        assert client.get(f"/desk/notices/{notice.pk}/").headers["Location"] == f"/desk/tickets/{ticket.item.number}/"
        notice.refresh_from_db()
        assert notice.read_at is not None
        assert client.get("/desk/notices/").context["unread"] == 0

    def test_V3_notices_of_a_matter_one_is_named_in_are_gone(self, at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
        at_desk(cast.agent).post("/desk/register/", typed())
        ticket = Ticket.objects.get()
        services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.colleague.pk)
        notice = Notice.objects.filter(receiver=cast.colleague, channel="page").latest("pk")
        Concern.objects.create(item=ticket.item, user=cast.colleague, because="named", since=clock.now())
        client = at_desk(cast.colleague)
        assert ticket.item.number not in client.get("/desk/notices/").content.decode()
        assert client.get(f"/desk/notices/{notice.pk}/").status_code == 404

    def test_others_notices_do_not_exist_for_me(self, at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
        at_desk(cast.agent).post("/desk/register/", typed())
        services.assign(ticket_id=Ticket.objects.get().pk, by=cast.supervisor, assignee_id=cast.colleague.pk)
        notice = Notice.objects.filter(receiver=cast.colleague, channel="page").latest("pk")
        assert at_desk(cast.agent).get(f"/desk/notices/{notice.pk}/").status_code == 404

    def test_all_are_read_at_once(self, at_desk: Any, typed: Any, cast: SimpleNamespace) -> None:
        at_desk(cast.agent).post("/desk/register/", typed())
        client = at_desk(cast.supervisor)
        assert client.get("/desk/notices/").context["unread"] > 0
        client.post("/desk/notices/")
        assert client.get("/desk/notices/").context["unread"] == 0


@pytest.mark.parametrize(
    "url",
    [
        "/desk/",
        "/desk/queue/",
        "/desk/outstanding/",
        "/desk/search/",
        "/desk/search/?q=nothing",
        "/desk/notices/",
        "/desk/register/",
        "/desk/customers/?q=nothing",
    ],
)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_pages_with_nothing_on_them_say_so_in_both_languages(at_desk: Any, cast: SimpleNamespace, url: str, language: str) -> None:
    client = at_desk(cast.supervisor)
    client.cookies["django_language"] = language
    assert client.get(url).status_code == 200


@pytest.mark.parametrize(
    "url",
    ["/desk/", "/desk/queue/", "/desk/outstanding/", "/desk/search/", "/desk/notices/", "/desk/register/", "/desk/register/customers/", "/desk/customers/"],
)
def test_who_is_not_signed_in_is_led_to_signing_in(client: Client, db: None, url: str) -> None:
    assert client.get(url).headers["Location"].startswith("/accounts/sign-in/")
