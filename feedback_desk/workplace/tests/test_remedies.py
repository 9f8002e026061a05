"""Remedies at the desk: a panel of the form, dialogs, a card that is answered in two taps, the notice that leads there (G4, V3, V8)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from complaints import services as forms
from complaints.models import Remedy
from feedback_desk.deadlines.models import Deadline
from feedback_desk.notices.models import Notice
from feedback_desk.people.models import Absence
from feedback_desk.people.services import name_concerned
from feedback_desk.workplace.tests import way

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
INDEX = "/desk/approvals/"


@pytest.fixture
def form(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    return way.walk(cast, way.complaint(cast, customer), "graded")


@pytest.fixture
def waiting(cast, form):
    return propose(cast, form, Decimal(800))


def propose(cast, form, value, **more) -> Remedy:
    return forms.propose_remedy(form_id=form.pk, by=cast.agent, **{"kind": "refund", "value": value, "words": f"退差价 {value} 元", **more})


def page_of(form):
    return reverse("workplace:form", args=[form.item.number]) + "?tab=handling"


def act(form):
    return reverse("workplace:form_act", args=[form.item.number, "propose_remedy"])


def door(remedy, move):
    return reverse("workplace:remedy_move", args=[remedy.pk, move])


def card_of(remedy):
    return reverse("workplace:remedy", args=[remedy.pk])


def test_G4_proposed_in_a_dialog_usual_kinds_first_and_two_are_asked_for(cast, form, client):
    client.force_login(cast.agent)
    assert act(form) in client.get(page_of(form)).content.decode()
    dialog = client.get(act(form), headers=HTMX).content.decode()
    assert dialog.index('value="voucher"') < dialog.index('value="cash"')
    assert "两种" in dialog
    typed = {"kind": "voucher", "value": "-1", "words": "50 元代金券", "option": ""}
    refused = client.post(act(form), typed, headers=HTMX)
    assert (refused.status_code, "50 元代金券" in refused.content.decode()) == (422, True)
    assert client.post(act(form), {**typed, "value": "50"}, headers=HTMX).status_code == 204
    page = client.get(page_of(form)).content.decode()
    assert "50 元代金券" in page
    assert "两种" in page
    propose(cast, form, Decimal(60))
    assert "两种" not in client.get(act(form), headers=HTMX).content.decode()
    assert "两种" not in client.get(page_of(form)).content.decode()


@pytest.mark.parametrize("value", ["0", "-3", "1e12", "123456789.12", "0.001", "NaN", "一百"])
def test_G4_what_is_no_value_comes_back_as_the_dialog(cast, form, client, value):
    client.force_login(cast.agent)
    answer = client.post(act(form), {"kind": "voucher", "value": value, "words": "代金券", "option": ""}, headers=HTMX)
    assert (answer.status_code, Remedy.objects.count()) == (422, 0)
    long = client.post(act(form), {"kind": "voucher", "value": "5", "words": "字" * 20000, "option": ""}, headers=HTMX)
    assert (long.status_code, Remedy.objects.count()) == (422, 0)


def test_G4_the_customers_choice_and_its_fulfilment_are_recorded_from_the_panel(cast, form, client):
    remedy = propose(cast, form, Decimal(60))
    client.force_login(cast.agent)
    assert door(remedy, "accept_offer") in client.get(page_of(form)).content.decode()
    assert client.post(door(remedy, "accept_offer"), {"who": "陈女士", "way": "call_out", "words": ""}, headers=HTMX).status_code == 422
    sent = client.post(door(remedy, "accept_offer"), {"who": "陈女士", "way": "call_out", "words": "同意退差价"}, headers=HTMX)
    assert sent["HX-Redirect"] == page_of(form)
    assert client.post(door(remedy, "fulfil"), {"how": "流水号 889", "fulfilled_at": ""}, headers=HTMX).status_code == 204
    page = client.get(page_of(form)).content.decode()
    assert "同意退差价" in page
    assert "流水号 889" in page
    assert door(remedy, "fulfil") not in page


def test_T16_the_dialogs_of_a_remedy_take_the_date_that_was_told(cast, form, client, local):
    remedy = propose(cast, form, Decimal(60))
    client.force_login(cast.agent)
    assert 'name="promised_at"' in client.get(door(remedy, "accept_offer"), headers=HTMX).content.decode()
    chosen = {"who": "陈女士", "way": "call_out", "words": "同意退差价", "promised_at": "2026-03-04T10:00"}
    assert client.post(door(remedy, "accept_offer"), chosen, headers=HTMX).status_code == 204
    sent = {"how": "流水号 889", "fulfilled_at": "", "promised_at": "2026-03-05T10:00"}
    assert client.post(door(remedy, "fulfil"), sent, headers=HTMX).status_code == 204
    rows = Deadline.objects.filter(code="D38").order_by("pk").values_list("state", "due_at")
    assert list(rows) == [("settled", local("2026-03-04 10:00")), ("running", local("2026-03-05 10:00"))]


def test_G4_a_supervisor_approves_in_two_taps_and_is_back_at_the_list(cast, form, waiting, client):
    client.force_login(cast.supervisor)
    assert card_of(waiting) in client.get(INDEX).content.decode()
    card = client.get(card_of(waiting)).content.decode()
    for words in ("thumb-bar", "退差价 800 元", "800", str(cast.agent), door(waiting, "approve"), door(waiting, "refuse_approval")):
        assert words in card
    assert "<dialog" in client.get(door(waiting, "approve"), headers=HTMX).content.decode()
    from_card = HTMX | {"HX-Current-URL": f"http://testserver{card_of(waiting)}"}
    assert client.post(door(waiting, "approve"), {}, headers=from_card)["HX-Redirect"] == INDEX
    assert card_of(waiting) not in client.get(INDEX).content.decode()
    again = client.get(card_of(waiting)).content.decode()
    assert "thumb-bar" not in again
    late = client.post(door(waiting, "approve"), {}, headers=HTMX)
    assert (late.status_code, str(cast.supervisor) in late.content.decode()) == (409, True)


def test_G4_refusing_needs_words(cast, waiting, client):
    client.force_login(cast.supervisor)
    assert client.post(door(waiting, "refuse_approval"), {"reason": ""}, headers=HTMX).status_code == 422
    assert client.post(door(waiting, "refuse_approval"), {"reason": "先核实"}, headers=HTMX).status_code == 204
    assert "先核实" in client.get(card_of(waiting)).content.decode()


def test_G4_it_waits_for_those_whose_limit_covers_it_and_counts_for_them(cast, form, client):
    dear = propose(cast, form, Decimal(3000))
    for person, there in ((cast.supervisor, False), (cast.manager, True), (cast.general_manager, True), (cast.agent, False), (cast.office, False)):
        client.force_login(person)
        answer = client.get(INDEX)
        assert (card_of(dear) in answer.content.decode(), answer.context["total"]) == (there, int(there)), person
    client.force_login(cast.manager)
    assert form.ticket.item.number in client.get("/desk/").content.decode()
    client.force_login(cast.supervisor)
    assert "thumb-bar" not in client.get(card_of(dear)).content.decode()
    refused = client.post(door(dear, "approve"), {}, headers=HTMX)
    assert (refused.status_code, "3000" in refused.content.decode()) == (403, True)


def test_G4_the_notice_leads_to_the_card_while_it_waits(cast, form, waiting, client):
    client.force_login(cast.supervisor)
    notice = Notice.objects.get(receiver=cast.supervisor, template="approval_wanted", channel="page")
    assert client.get(reverse("workplace:notice", args=[notice.pk])).url == card_of(waiting)
    forms.approve_remedy(remedy_id=waiting.pk, by=cast.manager)
    assert client.get(reverse("workplace:notice", args=[notice.pk])).url != card_of(waiting)


def test_V8_who_asked_does_not_find_it_to_answer(cast, form, client):
    own = forms.propose_remedy(form_id=form.pk, by=cast.manager, kind="cash", value=Decimal(9000), words="现金 9000")
    client.force_login(cast.manager)
    assert card_of(own) not in client.get(INDEX).content.decode()
    assert "thumb-bar" not in client.get(card_of(own)).content.decode()
    assert client.post(door(own, "approve"), {}, headers=HTMX).status_code == 403


def test_V3_who_is_concerned_finds_nothing_of_it(cast, form, waiting, client, local):
    name_concerned(form.item.root, cast.supervisor, because="被投诉", by=cast.manager, at=local("2026-03-02 09:30"))
    client.force_login(cast.supervisor)
    assert card_of(waiting) not in client.get(INDEX).content.decode()
    for path in (card_of(waiting), door(waiting, "approve")):
        assert client.get(path).status_code == 404


def test_V2_who_stands_in_for_the_absent_general_manager_finds_it(cast, form, client, local):
    dear = propose(cast, form, Decimal(6000))
    client.force_login(cast.deputy)
    assert card_of(dear) not in client.get(INDEX).content.decode()
    Absence.objects.create(user=cast.general_manager, starts_at=local("2026-03-01 00:00"), ends_at=local("2026-04-01 00:00"))
    assert card_of(dear) in client.get(INDEX).content.decode()
    assert "thumb-bar" in client.get(card_of(dear)).content.decode()


def test_G4_the_card_says_what_similar_complaints_got(cast, customer, form, waiting, client, freeze):
    client.force_login(cast.supervisor)
    assert "80–90" not in client.get(card_of(waiting)).content.decode()
    for value in (80, 90):
        other = way.walk(cast, way.complaint(cast, customer), "graded")
        got = propose(cast, other, Decimal(value))
        forms.choose_remedy(remedy_id=got.pk, by=cast.agent, who="李先生", way="chat", words="好的")
    third = way.walk(cast, way.complaint(cast, customer), "graded", grade="III")
    forms.choose_remedy(remedy_id=propose(cast, third, Decimal(10)).pk, by=cast.agent, who="李先生", way="chat", words="好的")
    page = client.get(card_of(waiting)).content.decode()
    assert "80–90" in page
    assert "10–90" not in page
    freeze("2027-03-20 09:00")
    assert "80–90" not in client.get(card_of(waiting)).content.decode()


def test_G4_before_approval_it_stands_on_no_sheet(cast, form, waiting, client):
    client.force_login(cast.agent)
    paper = reverse("workplace:paper", args=[form.item.number])
    assert "退差价 800 元" not in client.get(paper).content.decode()
    forms.approve_remedy(remedy_id=waiting.pk, by=cast.supervisor)
    assert "退差价 800 元" in client.get(paper).content.decode()


def test_an_unknown_remedy_is_a_404(cast, client):
    client.force_login(cast.supervisor)
    assert client.get("/desk/approvals/remedies/999/").status_code == 404
    assert client.get("/desk/remedies/999/moves/approve/").status_code == 404


def cost(client, path) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


def test_the_panel_and_the_list_cost_the_same_at_one_remedy_and_at_many(cast, customer, form, client):
    propose(cast, form, Decimal(800))
    client.force_login(cast.supervisor)
    client.get(INDEX)
    panel, listed = cost(client, page_of(form)), cost(client, INDEX)
    for n in range(15):
        propose(cast, form, Decimal(800 + n))
        propose(cast, way.walk(cast, way.complaint(cast, customer), "graded"), Decimal(500))
    assert cost(client, page_of(form)) == panel
    assert cost(client, INDEX) == listed


def test_G4_the_dialog_carries_what_the_form_came_to(cast, form, waiting, client):
    client.force_login(cast.manager)
    assert 'name="seen" value="800' in client.get(door(waiting, "approve"), headers=HTMX).content.decode()
    propose(cast, form, Decimal(900))
    late = client.post(door(waiting, "approve"), {"seen": "800"}, headers=HTMX)
    assert (late.status_code, "900" in late.content.decode()) == (409, True)
