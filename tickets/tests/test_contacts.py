"""F1: a contact record says when, by whom, how, what was said, what the customer says to it, and what comes next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.notices.models import Notice
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.models import Absence
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Entry
from followups import services as visits
from tests.ways import comes_next
from tickets import services
from tickets.models import Contact, EmptyPhrase, NextStep
from tickets.record_forms import ContactForm

pytestmark = pytest.mark.django_db


@pytest.fixture
def tell(way):
    one = way().graded()

    def record(**more):
        words = {"ticket_id": one.ticket_id, "by": one.cast.agent, "way": "call_out", "said": "说明正在核实,给出两个方案。", "customer_says": "同意换新"}
        return services.record_contact(**(words | comes_next() | more))

    return record


@pytest.mark.parametrize("words", ["已处理", "客户满意", "已处理,客户满意。", " 已处理!! ", "OK", "…", ""])
def test_F1_words_that_say_nothing_are_refused(tell, words):
    with pytest.raises(ValidationError) as caught:
        tell(said=words)
    assert set(caught.value.message_dict) == {"said"}
    with pytest.raises(ValidationError) as caught:
        tell(customer_says=words)
    assert set(caught.value.message_dict) == {"customer_says"}
    assert not Contact.objects.exists()


@pytest.mark.parametrize("words", ["已处理漏水,换了密封圈", "客户满意换新方案", "换新"])
def test_F1_the_same_words_within_a_sentence_are_taken(tell, words):
    assert tell(said=words, customer_says=words).said == words


def test_F1_the_list_is_data(tell):
    EmptyPhrase.objects.create(text="妥了")
    with pytest.raises(ValidationError):
        tell(said="妥了")


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"next_step": "", "next_at": None}, "next_step next_at"),
        ({"next_step": ""}, "next_step"),
        ({"next_at": None}, "next_at"),
        ({"next_at": clock.now() - timedelta(days=9999)}, "next_at"),
        ({"next_step": "持续跟进"}, "next_step"),
        ({"next_step": "", "next_at": None, "no_step_why": "已告知"}, "no_step_why"),
        ({"no_step_why": "客户自行处理"}, "no_step_why"),
        ({"next_by_id": 987654}, "next_by"),
    ],
)
def test_F1_no_record_without_its_next_step_with_person_and_date(tell, said, fields):
    with pytest.raises(ValidationError) as caught:
        tell(**said)
    assert set(caught.value.message_dict) == set(fields.split())
    assert not Contact.objects.exists()


def test_F1_who_records_it_does_it_unless_somebody_is_named_and_told(tell, cast):
    assert tell().step.owner == cast.agent
    assert not Notice.objects.filter(template="generic").exists()
    assert tell(next_by_id=cast.colleague.pk).step.owner == cast.colleague
    assert set(Notice.objects.filter(template="generic").values_list("receiver__username", "channel")) == {("colleague", "page"), ("colleague", "email")}


def test_F1_a_promise_is_a_date_for_the_next_step_too(tell):
    at = clock.now() + timedelta(hours=2)
    assert tell(next_at=None, promised_at=at).step.due_at == at


@pytest.mark.parametrize("purpose", ["solution", "told_when"])
def test_D08_a_call_that_reached_nobody_answers_nothing(tell, purpose):
    item = tell(purpose=purpose, reached=False, customer_says="").item
    assert Deadline.objects.get(item=item, code="D08").state == "running"


def test_D08_told_by_when_asks_for_the_date_and_is_a_promise(tell):
    with pytest.raises(ValidationError) as caught:
        tell(purpose="told_when")
    assert set(caught.value.message_dict) == {"promised_at"}
    until = clock.now() + timedelta(days=2)
    item = tell(purpose="told_when", promised_at=until).item
    assert [Deadline.objects.get(item=item, code=code).state for code in ("D08", "D38")] == ["settled", "running"]


def test_D08_the_form_names_the_missing_date_with_what_else_is_wrong(tell, cast):
    typed = {"way": "call_out", "reached": "yes", "purpose": "told_when", "said": "说明化验还要几天", "at": "gestern"}
    form = ContactForm({**typed, "no_step": "on", "no_step_why": "等化验结果"})
    form.written(tell().item, cast.agent, clock.now())
    assert set(form.errors) == {"at", "customer_says", "promised_at"}


def test_F1_nothing_left_to_do_is_said_in_words(tell):
    contact = tell(next_step="", next_at=None, no_step_why="客户只是咨询保修期,已说明三年,无其他要求")
    assert (contact.next_step, contact.next_by, contact.next_at) == ("", None, None)
    assert not NextStep.objects.exists()


def test_V3_the_next_step_is_not_given_to_somebody_named_in_the_matter_or_who_does_not_see_it(tell, cast):
    item = tell().item
    name_concerned(item, cast.colleague, because="客户点名", by=cast.supervisor, at=clock.now())
    for person in (cast.colleague, cast.outsider, cast.administrator):
        with pytest.raises(ValidationError) as caught:
            tell(next_by_id=person.pk)
        assert set(caught.value.message_dict) == {"next_by"}


@pytest.mark.parametrize(("who", "may"), [
    ("colleague", True), ("agent", True), ("supervisor", True), ("second", False), ("manager", False), ("inspector", False), ("outsider", False),
    ("administrator", False),
])  # fmt: skip
def test_F1_a_step_is_ticked_off_by_its_person_the_handler_or_a_supervisor(tell, cast, who, may):
    step = tell(next_by_id=cast.colleague.pk).step
    if not may:
        with pytest.raises(NotYou):
            services.finish_step(step_id=step.pk, by=getattr(cast, who), outcome="仓库答复周五到货")
        return
    done = services.finish_step(step_id=step.pk, by=getattr(cast, who), outcome="仓库答复周五到货")
    assert (done.done, done.ended_by, done.outcome) == (True, getattr(cast, who), "仓库答复周五到货")
    assert Entry.objects.get(verb="step_done").words.text == "仓库答复周五到货"
    told = Notice.objects.filter(receiver=cast.colleague, cause__startswith="entry:", channel="page").count()
    assert told == (0 if who == "colleague" else 1)


def test_V2_the_backup_ticks_off_for_somebody_who_is_away(tell, cast):
    step = tell().step
    with pytest.raises(NotYou):
        services.finish_step(step_id=step.pk, by=cast.colleague, outcome="已送达")
    Absence.objects.create(user=cast.agent, starts_at=clock.now() - timedelta(hours=1), ends_at=clock.now() + timedelta(days=1))
    assert services.finish_step(step_id=step.pk, by=cast.colleague, outcome="仓库答复周五到货").ended_by == cast.colleague


@pytest.mark.parametrize("words", ["", "已处理", " 完成! "])
def test_F1_done_says_what_came_of_it(tell, cast, words):
    step = tell().step
    with pytest.raises(ValidationError) as caught:
        services.finish_step(step_id=step.pk, by=cast.agent, outcome=words)
    assert set(caught.value.message_dict) == {"outcome"}
    step.refresh_from_db()
    assert step.ended_at is None


def test_F1_a_step_is_done_once(tell, cast):
    step = tell().step
    services.finish_step(step_id=step.pk, by=cast.agent, outcome="客户接了电话")
    with pytest.raises(NotNow):
        services.finish_step(step_id=step.pk, by=cast.supervisor, outcome="又打了一次")
    assert Entry.objects.filter(verb="step_done").count() == 1


def test_F1_a_contact_may_be_the_step_that_was_to_be_done(tell, cast):
    first = tell().step
    tell(finished=[first.pk], customer_says="周六上午在家", **comes_next("通知配送"))
    first.refresh_from_db()
    assert (first.done, first.outcome) == (True, "周六上午在家")
    assert NextStep.objects.filter(ended_at=None).count() == 1


def test_F1_waiting_for_the_customer_is_a_step_that_ends_with_the_answer(tell, cast):
    ticket = tell().item.ticket
    with pytest.raises(ValidationError):
        services.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请提供开箱照片")
    until = clock.now() + timedelta(days=2)
    services.ask_customer(ticket_id=ticket.pk, by=cast.agent, question="请提供开箱照片", until=until)
    step = NextStep.objects.get(contact__purpose="question")
    assert (step.owner, step.due_at, step.ended_at) == (cast.agent, until, None)
    services.customer_answered(ticket_id=ticket.pk, by=cast.agent, words="照片已发邮箱")
    step.refresh_from_db()
    assert (step.done, step.outcome) == (True, "照片已发邮箱")


def test_F1_steps_go_along_to_whoever_takes_the_ticket_over(tell, cast):
    step = tell().step
    other = tell(next_by_id=cast.visitor.pk).step
    services.reassign(ticket_id=step.item.ticket.pk, by=cast.supervisor, assignee_id=cast.second.pk, reason="转给熟悉该机型的同事")
    step.refresh_from_db()
    other.refresh_from_db()
    assert (step.owner, other.owner) == (cast.second, cast.visitor)


def test_V3_who_becomes_concerned_has_no_step_left(tell, cast):
    step = tell(next_by_id=cast.second.pk).step
    name_concerned(step.item, cast.second, because="客户点名", by=cast.supervisor, at=clock.now())
    step.refresh_from_db()
    assert step.owner != cast.second
    with pytest.raises(NotYou):
        services.finish_step(step_id=step.pk, by=cast.second, outcome="仓库答复周五到货")


@pytest.mark.parametrize("end", ["withdraw", "invalidate"])
def test_F1_a_step_whose_ticket_ends_is_closed_with_it_and_says_so(tell, cast, end):
    step = tell().step
    more = {"explanation": "已说明该品牌售后电话"} if end == "invalidate" else {}
    getattr(services, end)(ticket_id=step.item.ticket.pk, by=cast.supervisor if more else cast.agent, reason="客户来电说明", **more)
    step.refresh_from_db()
    assert (step.done, bool(step.outcome)) == (False, True)


def test_F1_what_a_visit_leads_to_is_its_next_step(way, cast):
    one = way().visiting()
    one.visit_in_vain(clock.now() + timedelta(hours=3))
    again = NextStep.objects.get(contact__purpose="visit")
    assert (again.owner, again.due_at) == (cast.visitor, clock.now() + timedelta(hours=3))
    one.visit(accepted=False)
    again.refresh_from_db()
    anew = NextStep.objects.get(contact__purpose="visit", ended_at=None)
    assert again.done is True
    assert (anew.owner, anew.due_at) == (cast.manager, Deadline.objects.get(item=one.form.item, code="D14", state="running").due_at)


def test_F1_F4_a_low_score_leaves_the_supervisor_s_call_though_the_ticket_is_closed(way, cast):
    one = way().visiting()
    visit = one.visit(scores=(5, 2, 5))
    step = NextStep.objects.get(ended_at=None)
    assert (step.contact.purpose, step.owner, step.due_at) == ("visit", cast.supervisor, Deadline.objects.get(code="D22").due_at)
    visits.second_follow_up(visit_id=visit.pk, by=cast.supervisor, why="嫌换新太慢", no_step_why="客户表示理解,没有别的要求")
    assert not NextStep.objects.filter(ended_at=None).exists()


def test_F1_an_accepted_visit_leaves_nothing_to_do_and_says_why(way):
    one = way().closed()
    assert Contact.objects.get(item=one.ticket.item, purpose="visit").no_step_why
    assert not NextStep.objects.filter(ended_at=None).exists()


def test_F1_an_attempt_has_no_answer_and_no_contact_lies_in_the_future(tell):
    assert tell(reached=False, customer_says="", said="无人接听,稍后再打。").reached is False
    with pytest.raises(ValidationError) as caught:
        tell(at=clock.now() + timedelta(minutes=1))
    assert set(caught.value.message_dict) == {"at"}


def test_F1_when_it_was_and_when_it_was_recorded_are_two_times(tell, freeze, local):
    freeze("2026-03-02 10:00")
    contact = tell(at=local("2026-03-02 09:20"))
    assert (contact.at, contact.recorded_at) == (local("2026-03-02 09:20"), local("2026-03-02 10:00"))


# ---- T9 ----


def reasons(root):
    return {row.code: row.why for row in Deadline.objects.filter(root=root, late=True) | Deadline.objects.filter(root=root, state="running") if row.why}


def test_T9_the_follow_up_record_takes_the_reason_for_what_its_writer_missed(tell, cast, freeze, local):
    freeze("2026-03-02 12:00")
    item = tell(promised_at=local("2026-03-02 15:00")).item
    freeze("2026-03-06 09:00")
    contact = tell(late_reason="系统升级停用两天")
    missed = reasons(item)
    assert missed["D38"] == missed["D08"] == missed["D34"] == missed["D24"] == "系统升级停用两天", "the form's too, ended late by this contact or running"
    assert missed.keys() == {"D08", "D12", "D24", "D34", "D36", "D38"}
    assert Deadline.objects.get(root=item, code="D14").why == "", "the manager's"
    assert Deadline.objects.get(root=item, code="D26").why == "", "not missed"
    entry = Entry.objects.filter(verb="late_reason", data__code="D08").get()
    assert (entry.by, entry.words.text, entry.item) == (cast.agent, "系统升级停用两天", contact.item)


def test_T9_a_reason_that_was_given_stays_and_none_is_asked_for_what_was_in_time(tell, cast, freeze):
    freeze("2026-03-02 09:30")
    item = tell(late_reason="无").item
    assert reasons(item) == {}
    freeze("2026-03-06 09:00")
    tell(late_reason="系统升级停用两天")
    tell(late_reason="另一个理由")
    assert set(reasons(item).values()) == {"系统升级停用两天"}
    assert Entry.objects.filter(verb="late_reason", data__code="D08").count() == 1


def test_T9_who_owns_none_of_it_gives_no_reason(tell, cast, freeze):
    freeze("2026-03-06 09:00")
    assert reasons(tell(by=cast.colleague, late_reason="与我无关").item) == {}
