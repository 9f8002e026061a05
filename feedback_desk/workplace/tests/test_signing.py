"""What is signed, approved or sent beside the moves stands under approvals, and its notice leads to where the button is (G2, G3, G7, T9)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from complaints import services as forms
from complaints.models import ReplyTemplate
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.notices.models import Notice
from feedback_desk.people.models import User
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Item
from feedback_desk.workplace import counts
from feedback_desk.workplace.approving_acts import acts_for
from feedback_desk.workplace.tests.test_approvals import HTMX, INDEX, taps
from tests.ways import way as new_way
from tickets import services as tickets
from tickets.models import Category

pytestmark = pytest.mark.django_db
way = new_way
LETTER = {"found": "侧放。", "done": "换新。", "prevented": "加贴标识。", "apology": "抱歉。"}


def decided(one, by=None):
    text = {"lead_id": one.cast.agent.pk, "department_ids": [one.cast.delivery.pk], "reply": "客服主管书面答复", "measures": "先行致歉，安排换新。"}
    return forms.decide_handling(form_id=one.form_id, by=by or one.cast.supervisor, **text)


def of_delivery(one):
    """A complaint of the delivery department: of grade II its head signs beside the supervisor."""
    Item.objects.filter(pk__in=(one.ticket.item_id, one.form.item_id)).update(department=one.cast.delivery)
    return one


def led_to(client, user):
    """Where the last notice that asks this person for something leads."""
    client.force_login(user)
    notice = Notice.objects.filter(receiver=user, template="approval_wanted", channel="page").latest("pk")
    return client.get(reverse("workplace:notice", args=[notice.pk])).url


def test_G2_the_head_of_the_line_signs_in_two_taps_what_the_card_shows_whole(way, client):
    one = of_delivery(way("II").graded())
    decision = decided(one)
    card = reverse("workplace:signature", args=[one.form.item.number])
    assert led_to(client, one.cast.department_head) == card
    listed = client.get(INDEX)
    assert (listed.context["total"], card in listed.content.decode()) == (1, True)
    assert 'class="chip' in re.findall(rf'<a[^>]*href="{card}">.*?</a>', listed.content.decode(), re.DOTALL)[0], "15 or 30 minutes: with what is left"
    page = client.get(card).content.decode()
    act = reverse("workplace:form_act", args=[one.form.item.number, "sign_decision"])
    dialog = client.get(act, headers=HTMX).content.decode()
    for shown in (page, dialog):
        assert all(words in shown for words in ("客服林", "配送部", "客服主管书面答复", "先行致歉，安排换新。")), "all that is signed (C1)"
    assert f"{act}?seen={decision.pk}" in page
    assert taps(client, f"{act}?seen={decision.pk}", {"seen": decision.pk})["HX-Redirect"] == INDEX
    assert client.get(INDEX).context["total"] == 0
    assert "thumb-bar" not in client.get(card).content.decode()
    assert led_to(client, one.cast.department_head) != card, "signed: to the matter"


def test_G2_another_decision_that_was_written_while_the_card_was_read_is_signed_only_when_it_was_read(way, client):
    one = of_delivery(way("II").graded())
    first = decided(one)
    decided(one)
    client.force_login(one.cast.department_head)
    url = reverse("workplace:form_act", args=[one.form.item.number, "sign_decision"])
    assert client.post(url, {"seen": first.pk}, headers=HTMX).status_code == 409


def test_G2_the_signature_counts_for_who_signs_and_for_nobody_else(way, client):
    one = way("I").graded()
    decided(one)
    cast = one.cast
    waits = {name: len(acts_for(User.objects.get(pk=getattr(cast, name).pk))) for name in ("manager", "supervisor", "department_head", "agent", "inspector")}
    assert waits == {"manager": 1, "supervisor": 0, "department_head": 0, "agent": 0, "inspector": 0}
    assert [counts.approvals(User.objects.get(pk=p.pk)) for p in (cast.manager, cast.supervisor)] == [1, 0]
    two = of_delivery(way("II").graded())
    decided(two)
    assert counts.approvals(User.objects.get(pk=cast.department_head.pk)) == 1


def test_G7_a_cause_to_be_approved_stands_under_approvals_and_leads_to_its_panel(way, client):
    one = way("I").register(category_id=Category.objects.filter(quality=True).latest("pk").pk)
    forms.grade(form_id=one.form_id, by=one.cast.supervisor, grade="I", reason="批量", quality_class=2)
    forms.write_cause(form_id=one.form_id, by=one.cast.outsider, cause="密封圈批次不良。")
    there = reverse("workplace:form", args=[one.form.item.number]) + "?tab=handling#cause"
    assert led_to(client, one.cast.manager) == there
    listed = client.get(INDEX).content.decode()
    assert there in listed
    assert "密封圈批次不良。" in listed
    assert "/acts/approve_cause/" in client.get(there).content.decode()
    assert [w.act for w in acts_for(User.objects.get(pk=one.cast.product_head.pk))] == ["approve_cause"], "or the head of who analyses"
    forms.approve_cause(form_id=one.form_id, by=one.cast.manager, seen=one.form.writtencause_rows.get().pk)
    assert there not in client.get(INDEX).content.decode()


def test_G3_a_final_reply_to_be_sent_stands_under_approvals_and_leads_to_its_panel(way, client):
    one = way("II").awaiting_check().result()
    points = list(one.form.points.filter(answer="").values_list("pk", flat=True))
    if points:
        forms.answer_points(form_id=one.form_id, by=one.cast.agent, answers=dict.fromkeys(points, "已换新机"))
    reply = forms.draft_reply(form_id=one.form_id, by=one.cast.agent, template_id=ReplyTemplate.objects.earliest("order").pk, **LETTER)
    there = reverse("workplace:form", args=[one.form.item.number]) + "?tab=handling#replies"
    assert led_to(client, one.cast.supervisor) == there
    assert there in client.get(INDEX).content.decode()
    assert "/acts/send_reply/" in client.get(there).content.decode()
    forms.send_reply(form_id=one.form_id, by=one.cast.supervisor, seen=reply.pk, way="letter")
    assert there not in client.get(INDEX).content.decode()


def test_T9_the_notice_of_a_request_for_more_time_leads_to_its_card(way, client):
    one = way("II").graded()
    limit = Deadline.objects.get(root=one.ticket.item, code="D26")
    asked = tickets.ask_extension(ticket_id=one.ticket_id, by=one.cast.agent, deadline_id=limit.pk, until=limit.due_at + timedelta(days=2), reason="等配件")
    assert led_to(client, one.cast.supervisor) == reverse("workplace:extension", args=[asked.pk])


def test_G2_the_list_takes_as_many_queries_at_five_signatures_as_at_one(way, cast):
    taken = []
    for more in (1, 4):
        for _n in range(more):
            decided(of_delivery(way("II").graded()))
        reader = User.objects.get(pk=cast.department_head.pk)
        with CaptureQueriesContext(connection) as seen:
            found = acts_for(reader)
        assert len(found) in (1, 5)
        taken.append(len(seen))
    assert taken[0] == taken[1], "\n".join(q["sql"][:250] for q in seen.captured_queries)


def test_V3_nobody_named_in_the_matter_finds_it_there(way, client):
    one = of_delivery(way("II").graded())
    decided(one)
    name_concerned(user=one.cast.department_head, item=one.form.item, because="name in the story", by=one.cast.agent, at=clock.now())
    client.force_login(one.cast.department_head)
    assert client.get(INDEX).context["total"] == 0
    assert client.get(reverse("workplace:signature", args=[one.form.item.number])).status_code == 404
    assert [w.act for w in acts_for(User.objects.get(pk=one.cast.head_backup.pk))] == ["sign_decision"], "the stand-in signs (V2)"
