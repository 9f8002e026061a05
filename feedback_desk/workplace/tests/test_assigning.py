"""T6 at the desk: whom the dialog offers, what registering says before, presence in one's menu, supervisors in the back office."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from feedback_desk import clock
from feedback_desk.people import services as people
from feedback_desk.people.models import Absence, PresenceChange, User
from feedback_desk.records.models import Entry
from feedback_desk.workplace.words import sentence
from tickets import services
from tickets.models import Category, Route, Seat, Skill, Ticket

pytestmark = pytest.mark.django_db


def slug(name):
    return Category.objects.get(slug=name)


@pytest.fixture
def queued(cast, customer):
    return lambda **more: services.register(**{
        "by": cast.agent, "customer_id": customer.pk, "summary": "外箱破损", "type": "problem", "category_id": slug("transport-damage").pk, "channel": "phone",
        "received_at": clock.now(), "what_happened": "凹陷", **more,
    })  # fmt: skip


@pytest.fixture
def at_desk(client: Client):
    def sign_in(user: User) -> Client:
        client.force_login(user)
        return client

    return sign_in


def options(client, ticket, move="assign"):
    answer = client.get(reverse("workplace:ticket_move", args=[ticket.item.number, move]))
    return answer, {str(value): label for group in answer.context["form"]["assignee"].field.choices for value, label in _flat(group)}


def _flat(group):
    value, label = group
    return label if isinstance(label, list) else [(value, label)]


def test_T6_who_assigns_sees_skill_presence_and_load_and_whom_the_desk_would_choose(at_desk, queued, cast):
    skill = Skill.objects.create(name="运输理赔")
    skill.categories.add(slug("transport-damage"))
    for person in (cast.colleague, cast.second, cast.outsider):
        Seat.objects.create(user=person).skills.add(skill)
    people.set_presence(user_id=cast.second.pk, presence="break", by=cast.second)
    services.take(ticket_id=queued().pk, by=cast.colleague)
    answer, offered = options(at_desk(cast.supervisor), queued())
    assert [offered[str(p.pk)] for p in (cast.colleague, cast.second, cast.outsider)] == [
        "客服周 · 在办 1 件", "二线吴 · 小休 · 在办 0 件", "品管何 · 品管部 · 在办 0 件",
    ]  # fmt: skip
    assert list(offered)[1:4] == [str(p.pk) for p in (cast.colleague, cast.second, cast.outsider)], "those who can do it first, of the department, at the desk"
    page = answer.content.decode()
    assert f'<option value="{cast.agent.pk}" disabled>' in page
    assert "系统建议：客服周（具备技能「运输理赔」，在办 1 件" in page


def test_T6_without_a_skill_to_ask_for_everybody_is_offered_alike(at_desk, queued, cast):
    answer, offered = options(at_desk(cast.supervisor), queued())
    assert "disabled" not in answer.content.decode().split('name="assignee"')[1].split("</select>")[0]
    assert str(cast.inspector.pk) not in offered


def test_T6_who_is_absent_is_offered_with_the_name_of_the_backup_only(at_desk, queued, cast):
    at = clock.now()
    for person in (cast.agent, cast.colleague):
        Absence.objects.create(user=person, starts_at=at - timedelta(days=1), ends_at=at + timedelta(days=1))
    _answer, offered = options(at_desk(cast.supervisor), queued())
    assert offered[str(cast.agent.pk)] == "客服林 · 休假中，由客服周代办 · 在办 0 件"
    assert str(cast.colleague.pk) not in offered


def test_T6_the_refusal_stands_at_its_field_and_what_was_typed_stays(at_desk, queued, cast):
    Skill.objects.create(name="运输理赔").categories.add(slug("transport-damage"))
    ticket = queued()
    url = reverse("workplace:ticket_move", args=[ticket.item.number, "assign"])
    answer = at_desk(cast.supervisor).post(url, {"seen_version": ticket.version, "assignee": cast.agent.pk, "due_at": "2099-01-01T10:00"})
    assert answer.status_code == 422
    assert "运输理赔" in str(answer.context["form"].errors["assignee"])
    assert "2099-01-01T10:00" in answer.content.decode()


def test_T6_the_dialog_sets_an_earlier_due_time_in_local_time(at_desk, queued, cast, freeze, local):
    freeze("2026-03-02 09:00")
    ticket = queued()
    url = reverse("workplace:ticket_move", args=[ticket.item.number, "assign"])
    client = at_desk(cast.supervisor)
    assert client.post(url, {"seen_version": ticket.version, "assignee": cast.agent.pk, "due_at": "2026-03-20T10:00"}).status_code == 422
    assert client.post(url, {"seen_version": ticket.version, "assignee": cast.agent.pk, "due_at": "2026-03-03T10:00"}).status_code == 302
    assert ticket.item.deadlines.get(code="D26").due_at == local("2026-03-03 10:00")
    told = client.get(reverse("workplace:ticket", args=[ticket.item.number])).content.decode()
    assert "指派时提前了办结时限" in told


def test_T6_the_story_says_whom_the_desk_chose_and_why(at_desk, queued, cast):
    Route.objects.create(category=slug("logistics"), placing="automatic")
    for person in (cast.colleague, cast.second):
        people.set_presence(user_id=person.pk, presence="gone", by=person)
    ticket = queued()
    entry = Entry.objects.get(item=ticket.item, verb="assign")
    assert sentence("ticket", "assign", entry.data, {}) == ("系统指派给客服林", "在办 0 件，当前没有其他合适的人有空")
    assert "系统指派给客服林" in at_desk(cast.supervisor).get(reverse("workplace:ticket", args=[ticket.item.number])).content.decode()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "进入待领取队列，或由您自己处理"),
        ({"category": "payment"}, "进入待领取队列，或由您自己处理"),
        ({"category": "transport-damage"}, "系统自动指派给客服中心在岗且具备所需技能的人员"),
        ({"category": "transport-damage", "type": "praise"}, "进入品管部的待领取队列"),
        ({"category": "transport-damage", "holder": "me"}, None),
    ],
)
def test_T6_registering_says_before_who_will_get_it(at_desk, cast, said, words):
    Route.objects.create(category=slug("logistics"), department=cast.service, placing="automatic")
    Route.objects.create(category=slug("logistics"), type="praise", department=cast.product)
    asked = {**said, "category": slug(said["category"]).pk} if "category" in said else said
    page = at_desk(cast.agent).get(reverse("workplace:duplicates"), {"type": "problem", **asked}).content.decode()
    assert words in page if words else "队列" not in page and "指派" not in page


# ---- presence ----


def test_T6_everybody_who_gets_work_says_in_the_menu_whether_they_are_at_the_desk(at_desk, cast):
    client = at_desk(cast.agent)
    assert "小休" in client.get("/desk/").content.decode()
    answer = client.post(reverse("people:presence"), {"presence": "break", "next": "/desk/queue/"})
    assert answer["Location"] == "/desk/queue/"
    assert PresenceChange.objects.get().user == cast.agent
    assert "一线客服专员 · 小休" in client.get("/desk/").content.decode()


@pytest.mark.parametrize(("sent", "status"), [({"presence": "asleep"}, 400), ({}, 400), ({"presence": "gone", "next": "https://elsewhere.example/"}, 302)])
def test_presence_takes_only_its_three_words_and_leads_nowhere_else(at_desk, cast, sent, status):
    answer = at_desk(cast.agent).post(reverse("people:presence"), sent)
    assert answer.status_code == status
    assert status == 400 or answer["Location"] == "/desk/"
    assert at_desk(cast.agent).get(reverse("people:presence")).status_code == 405


def test_presence_is_for_people_who_are_signed_in(client, cast):
    assert client.post(reverse("people:presence"), {"presence": "gone"})["Location"].startswith(reverse("people:sign_in"))


def test_T6_a_supervisor_sees_who_is_on_a_break_with_their_load(at_desk, queued, cast):
    people.set_presence(user_id=cast.colleague.pk, presence="break", by=cast.colleague)
    services.take(ticket_id=queued().pk, by=cast.agent)
    strip = at_desk(cast.supervisor).get("/desk/?of=team").context["presence"]
    assert {(p.username, p.in_hand, p.on_break) for p in strip.here} == {("agent", 1, False), ("colleague", 0, True), ("second", 0, False)}


# ---- the back office ----


def office(model, kind="changelist", *args):
    return reverse(f"admin:tickets_{model}_{kind}", args=args)


def test_T6_supervisors_set_skills_seats_and_rules_and_nothing_else(at_desk, cast):
    client = at_desk(cast.supervisor)
    assert client.post(office("skill", "add"), {"name": "运输理赔", "name_en": "", "active": "on", "categories": [slug("logistics").pk]}).status_code == 302
    skill = Skill.objects.get()
    assert client.post(office("seat", "add"), {"user": cast.agent.pk, "most": 5, "skills": [skill.pk]}).status_code == 302
    rule = {"type": "", "category": slug("logistics").pk, "department": cast.service.pk, "placing": "automatic"}
    assert client.post(office("route", "add"), rule).status_code == 302
    assert (Seat.objects.get().most, Route.objects.get().placing) == (5, "automatic")
    assert client.get(office("category", "add")).status_code == 403
    assert client.get(reverse("admin:people_user_add")).status_code == 403


@pytest.mark.parametrize("who", ["agent", "manager", "department_head"])
def test_T6_others_change_none_of_them(at_desk, cast, who):
    client = at_desk(getattr(cast, who))
    for model in ("skill", "seat", "route"):
        assert client.post(office(model, "add"), {"name": "x"}).status_code in (302, 403)
    assert [model.objects.count() for model in (Skill, Seat, Route)] == [0, 0, 0]


@pytest.mark.parametrize("first", [{"type": "", "category": None}, {"type": "praise", "category": None}, {"type": "", "category": "logistics"}])
def test_T6_two_rules_for_the_same_are_refused_in_words(at_desk, cast, first):
    category = slug(first["category"]) if first["category"] else None
    Route.objects.create(type=first["type"], category=category)
    answer = at_desk(cast.supervisor).post(office("route", "add"), {"type": first["type"], "category": category.pk if category else "", "placing": "queue"})
    assert answer.status_code == 200
    assert "已有派单规则" in answer.content.decode()
    assert Route.objects.count() == 1


def test_T6_the_seats_show_presence_and_load_and_a_supervisor_sends_home_who_forgot(at_desk, queued, cast):
    seat = Seat.objects.create(user=cast.agent, most=7)
    services.take(ticket_id=queued().pk, by=cast.agent)
    client = at_desk(cast.supervisor)
    (row,) = client.get(office("seat")).context["cl"].result_list
    assert (row.in_hand, row.most, bool(row.away)) == (1, 7, False)
    client.post(office("seat"), {"action": "say_gone", "_selected_action": [seat.pk]})
    assert User.objects.get(pk=cast.agent.pk).presence == "gone"
    assert PresenceChange.objects.get().by == cast.supervisor


def test_T6_what_is_registered_by_itself_stands_in_the_work_of_who_got_it(at_desk, queued, cast):
    Route.objects.create(type="problem", placing="automatic")
    people.set_presence(user_id=cast.agent.pk, presence="gone", by=cast.agent)
    ticket = queued()
    assert ticket.assignee in (cast.colleague, cast.second)
    assert ticket.item.number in at_desk(ticket.assignee).get("/desk/").content.decode()
    assert Ticket.objects.get(pk=ticket.pk).state == "pending"
