"""What a letter, a progress note or a remedy settles of the ticket's limits, without a contact beside it (T1, T11, T16; decision 56)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from complaints import services as forms
from complaints.models import ReplyTemplate
from feedback_desk.deadlines.models import Deadline
from tests.ways import comes_next
from tickets import services

pytestmark = pytest.mark.django_db
RESPONSE = ("D03", "D04", "D05")
LETTER = {"found": "卸货时侧放。", "done": "整机换新。", "prevented": "加贴标识。", "apology": "深表歉意。"}


@pytest.fixture
def untold(way):
    """Graded, and nobody has told the customer anything yet."""
    one = way("III").graded()
    assert one.live(*RESPONSE, "D08") > {"D08"}
    return one


def progress(one, **more):
    words = {"situation": "已换机。", "progress": "等待送货。", "customer_says": "可以。", "way": "chat", **more}
    forms.write_progress(form_id=one.form_id, by=one.cast.agent, **words)


def formal_reply(one, **more):
    forms.reply_in_writing(form_id=one.form_id, by=one.cast.supervisor, text="已受理，正在核实。", way="letter", **more)


def final_reply(one, **more):
    if points := list(one.form.points.filter(answer="").values_list("pk", flat=True)):
        forms.answer_points(form_id=one.form_id, by=one.cast.agent, answers=dict.fromkeys(points, "换新机"))
    template = ReplyTemplate.objects.filter(language="zh-hans").earliest("order").pk
    reply = forms.draft_reply(form_id=one.form_id, by=one.cast.agent, template_id=template, **LETTER)
    forms.send_minor_reply(form_id=one.form_id, by=one.cast.agent, seen=reply.pk, way="letter", **more)


def remedy(one, by=None, value="100", **more):
    return forms.propose_remedy(form_id=one.form_id, by=by or one.cast.agent, kind="refund", value=Decimal(value), words="部分退款", **more)


def chosen(one, found, **more):
    return forms.choose_remedy(remedy_id=found.pk, by=one.cast.agent, who="陈女士", way="call_in", words="可以", **more)


@pytest.mark.parametrize("message", [progress, formal_reply, final_reply, remedy])
def test_T1_any_message_of_a_person_is_the_first_response(untold, message):
    message(untold)
    assert untold.live(*RESPONSE) == set()
    assert untold.ticket.first_response_at is not None


@pytest.mark.parametrize("message", [progress, formal_reply])
def test_T11_a_message_is_no_solution_but_a_date_in_it_is_what_D08_asks_for(untold, message, local):
    message(untold)
    assert untold.live("D08") == {"D08"}
    message(untold, promised_at=local("2026-03-04 12:00"))
    assert (untold.limit("D08").state, untold.limit("D08").late) == ("settled", False)


@pytest.mark.parametrize("message", [final_reply, remedy])
def test_T11_a_solution_offered_is_what_D08_asks_for(untold, message):
    message(untold)
    assert (untold.limit("D08").state, untold.limit("D08").late) == ("settled", False)


def test_T11_a_remedy_that_was_only_noted_down_or_approved_has_not_been_heard_of(untold):
    remedy(untold, draft=True)
    waits = remedy(untold, value="800")
    forms.approve_remedy(remedy_id=waits.pk, by=untold.cast.supervisor)
    assert untold.live("D08") == {"D08"}
    chosen(untold, waits)
    assert untold.live("D08") == set()


def promised(one, until):
    words = {"way": "call_out", "said": "说明处理进度", "customer_says": "知道了", "purpose": "told_when", **comes_next()}
    services.record_contact(ticket_id=one.ticket_id, by=one.cast.agent, promised_at=until, **words)
    return Deadline.objects.filter(item=one.ticket.item, code="D38").latest("pk")


@pytest.mark.parametrize("message", [progress, formal_reply, final_reply])
@pytest.mark.parametrize(("at", "ended"), [("2026-03-02 23:00", None), ("2026-03-03 09:00", False), ("2026-03-03 10:01", True), ("2026-03-05 09:00", True)])
def test_T16_a_letter_keeps_what_was_promised_for_its_day(untold, freeze, local, message, at, ended):
    row = promised(untold, local("2026-03-03 10:00"))
    freeze(at)
    message(untold)
    row.refresh_from_db()
    assert (row.state, row.late) == (("running", None) if ended is None else ("settled", ended))


def test_T16_a_promised_payment_is_kept_by_the_payment_and_by_no_letter(untold, freeze, local):
    found = remedy(untold)
    chosen(untold, found, promised_at=local("2026-03-03 10:00"))
    row = untold.limit("D38")
    freeze("2026-03-03 11:00")
    final_reply(untold)
    row.refresh_from_db()
    assert row.state == "running"
    forms.fulfil_remedy(remedy_id=found.pk, by=untold.cast.agent, how="已原路退回", fulfilled_at=local("2026-03-03 09:30"))
    row.refresh_from_db()
    assert (row.state, row.late, row.ended_at) == ("settled", False, local("2026-03-03 09:30"))


def test_T16_another_remedy_keeps_no_promised_payment(untold, local):
    one, other = remedy(untold), remedy(untold, value="50", option=1)
    chosen(untold, one, promised_at=local("2026-03-03 10:00"))
    forms.fulfil_remedy(remedy_id=other.pk, by=untold.cast.agent, how="已原路退回")
    assert untold.limit("D38").state == "running"


@pytest.mark.parametrize("message", [progress, formal_reply])
def test_T16_a_new_date_in_a_letter_does_not_end_a_promised_payment(untold, local, message):
    chosen(untold, remedy(untold), promised_at=local("2026-03-20 10:00"))
    payment = untold.limit("D38")
    message(untold, promised_at=local("2026-03-04 12:00"))
    payment.refresh_from_db()
    assert payment.state == "running"
    assert Deadline.objects.filter(code="D38", state="running").count() == 2
