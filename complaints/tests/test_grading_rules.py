"""Rules propose a grade and say why, a person decides (G1, G6); repeats and batches are marked and linked (I7)."""

from __future__ import annotations

from contextlib import suppress
from contextvars import copy_context
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.urls import reverse
from django.utils.translation import override

from complaints import services as forms
from complaints.grading import Facts, Row, propose, propose_many, propose_typed, runs_in, speaks_of
from complaints.grading import Key as BatchKey
from complaints.models import Batch, ComplaintForm, GradeProposal, GradingCriterion, GradingRule
from complaints.tasks import spread_batches
from feedback_desk import clock
from feedback_desk.notices.models import Notice
from feedback_desk.people.services import name_concerned
from feedback_desk.records.models import Entry
from tickets import services as tickets
from tickets.models import Category, Ticket

pytestmark = pytest.mark.django_db


def category(slug: str) -> int:
    return Category.objects.get(slug=slug).pk


def about(slug: str, **more: Any) -> dict[str, Any]:
    """A phone call about a washing machine that says nothing grave, unless it does."""
    return {"category_id": category(slug), "summary": "洗衣机不转", "what_happened": "脱水时停机。", "product": "洗衣机", "model": "XQ-10", **more}


@pytest.fixture
def another(cast):
    """Customers beside the first."""
    counted = iter(range(1, 100))
    return lambda: tickets.create_customer(by=cast.agent, name=f"客户{next(counted)}", phone="")


@pytest.fixture
def from_another(way, another):
    """The same complaint by another customer each time."""

    def register(slug: str = "product-fault", **more: Any) -> Any:
        return way().register(**about(slug, customer_id=another().pk, **more))

    return register


@pytest.mark.parametrize(("text", "counts"), [
    ("机身起火。", True), ("没有起火。", False), ("并未起火", False), ("没起火", False), ("无起火现象", False), ("不会起火", False), ("插座不起火", False),
    ("没有 起火", False), ("没有冒烟，起火了。", True), ("昨天没有起火，今天起火了。", True), ("有没有起火隐患", True), ("会不会起火", True),
    ("现场有无起火", True), ("不是没有起火", True), ("机器没有起火报警", True), ("没有起火迹象", False),
    ("不得不起火", True), ("没有发生过起火", True), ("没有\n起火", True),
])  # fmt: skip
def test_G1_a_chinese_word_that_is_denied_right_before_does_not_count(text, counts):
    assert speaks_of("起火", text) is counts


@pytest.mark.parametrize(("text", "counts"), [
    ("it caught fire", True), ("no fire", False), ("there was no open fire", False), ("it did not catch fire", False), ("it didn't catch fire", False),
    ("without any fire", False), ("never on fire", False), ("nobody saw the fire", True), ("no, fire!", True), ("not a sign of fire", True),
    ("not only fire", True), ("did not stop fire", True),
    ("no fire at first, then fire", True), ("another fire", True), ("a notable fire", True),
])  # fmt: skip
def test_G1_an_english_word_that_is_denied_in_the_two_words_before_does_not_count(text, counts):
    assert speaks_of("fire", text) is counts


def test_G1_the_reasons_say_which_words_count_and_which_are_denied(way):
    GradingRule.objects.update(active=False)
    rule = GradingRule.objects.create(name="起火", name_en="Fire", grade="I")
    GradingCriterion.objects.create(rule=rule, field="words", comparison="contains", value="起火,漏电,Smoke")
    burning = way().register(**about("product-fault", what_happened="没有起火，但是漏电。No smoke."))
    with override("en"):
        ((_name, because),) = propose(burning.form).reasons
    assert because == "It says: 漏电 (not counted, as it is denied: 起火、Smoke)"
    with override("zh-hans"):
        assert "不计" in propose(burning.form).reasons[0][1]
    calm = way().register(**about("product-fault", what_happened="没有起火，也不漏电。"))
    assert proposed(calm) == ""


def proposed(one) -> str:
    return propose(one.form).grade


@pytest.mark.parametrize(("said", "grade", "rule"), [
    ({"slug": "product-safety"}, "I", "产品安全"),
    ({"slug": "product-fault", "what_happened": "插电后冒烟，孩子手臂烫伤。"}, "I", "产品质量，涉及人身安全"),
    ({"slug": "staff-conduct", "what_happened": "师傅抽烟，屋里冒烟。"}, "III", "口头不满及其他"),
    ({"slug": "staff-conduct", "channel": "association"}, "I", "外部渠道"),
    ({"slug": "staff-conduct", "channel": "forum"}, "I", "外部渠道"),
    ({"slug": "staff-conduct", "channel": "partner"}, "I", "经销伙伴转来"),
    ({"slug": "staff-conduct", "channel": "email"}, "II", "书面投诉"),
    ({"slug": "product-fault"}, "II", "单件产品质量"),
    ({"slug": "transport-damage"}, "II", "货损、短少、缺货"),
    ({"slug": "staff-conduct", "what_happened": "再不解决就发律师函。"}, "II", "权益或法律争议"),
    ({"slug": "staff-conduct"}, "III", "口头不满及其他"),
])  # fmt: skip
def test_G1_the_shipped_rules_say_which_of_them_matched(way, said, grade, rule):
    said = dict(said)
    one = way().register(**about(said.pop("slug"), **said))
    found = propose(one.form)
    assert found.grade == grade
    assert rule in [name for name, _because in found.reasons]
    assert all(because for _name, because in found.reasons)


def test_G1_the_highest_wins_and_the_lower_ones_are_kept_with_it(way):
    one = way().register(**about("product-fault", channel="email", what_happened="漏电"))
    row = GradeProposal.objects.get(form=one.form_id)
    assert (row.grade, row.cause, [r["grade"] for r in row.why]) == ("I", "registered", ["I", "II", "II"])
    assert row.reasons == [("产品质量，涉及人身安全", "产品质量；文中提到：漏电")]
    assert row.why[0]["because"]["en"] == "Product quality; It says: 漏电"


def test_G1_a_rule_holds_only_with_all_its_criteria_and_while_it_is_active(way, customer):
    rule = GradingRule.objects.create(name="贵宾急件", grade="I")
    for field, value in (("level", "vip"), ("urgency", "urgent")):
        GradingCriterion.objects.create(rule=rule, field=field, comparison="is", value=value)
    one = way().register(**about("staff-conduct", urgency="urgent"))
    assert proposed(one) == "III"
    customer.level = "vip"
    customer.save(update_fields=["level"])
    assert proposed(one) == "I"
    GradingRule.objects.filter(pk=rule.pk).update(active=False)
    assert proposed(one) == "III"


def test_G1_a_category_includes_those_below_it(way):
    rule = GradingRule.objects.create(name="物流", grade="I")
    GradingCriterion.objects.create(rule=rule, field="category", comparison="is", value="logistics")
    assert proposed(way().register(**about("logistics-delay"))) == "I"
    assert proposed(way().register(**about("staff-conduct"))) == "III"


def test_G1_no_rule_no_proposal_and_then_everybody_decides_freely(way):
    GradingRule.objects.update(active=False)
    one = way().register()
    assert not GradeProposal.objects.exists()
    forms.grade(form_id=one.form_id, by=one.cast.agent, grade="III")


# ---- deciding (G6) ----


def test_G6_agreeing_needs_no_reason_a_higher_grade_does(way):
    one, two = way().register(), way().register()
    forms.grade(form_id=one.form_id, by=one.cast.agent, grade="II")
    with pytest.raises(ValidationError) as why:
        forms.grade(form_id=two.form_id, by=two.cast.agent, grade="I")
    assert set(why.value.message_dict) == {"reason"}
    forms.grade(form_id=two.form_id, by=two.cast.agent, grade="I", reason="媒体在场")
    assert Entry.objects.filter(verb="grade_it").latest("pk").data == {"grade": "I", "proposed": "II"}


def test_G6_below_the_proposal_only_a_supervisor_and_with_a_reason(way):
    one = way().register()
    with pytest.raises(ValidationError) as who:
        forms.grade(form_id=one.form_id, by=one.cast.agent, grade="III", reason="客户已谅解")
    assert set(who.value.message_dict) == {"grade"}
    with pytest.raises(ValidationError) as why:
        forms.grade(form_id=one.form_id, by=one.cast.supervisor, grade="III", reason=" ")
    assert set(why.value.message_dict) == {"reason"}
    assert one.form.state == "registered"
    forms.grade(form_id=one.form_id, by=one.cast.supervisor, grade="III", reason="客户已谅解")
    assert (one.form.grade, one.form.grade_reason) == ("III", "客户已谅解")


def test_G1_quality_class_1_chosen_with_the_grade_counts(way):
    one = way().register(**about("product-fault"))
    with pytest.raises(ValidationError):
        forms.grade(form_id=one.form_id, by=one.cast.agent, grade="II", quality_class=1)
    forms.grade(form_id=one.form_id, by=one.cast.agent, grade="I", quality_class=1)
    assert list(GradeProposal.objects.values_list("grade", "cause")) == [("II", "registered"), ("I", "decided")]


def test_G1_the_dialog_has_the_proposal_chosen_with_its_reasons(way, client, cast):
    one = way().register()
    client.force_login(cast.agent)
    page = client.get(reverse("workplace:form_move", args=[one.form.item.number, "grade_it"]), headers={"HX-Request": "true"}).content.decode()
    assert "货损、短少、缺货" in page
    assert "运输破损" in page
    assert 'value="II" required' in page or 'value="II"' in page
    assert page.count("checked") >= 1
    answer = client.post(reverse("workplace:form_move", args=[one.form.item.number, "grade_it"]), {"grade": "III"})
    assert answer.status_code == 422
    assert one.form.state == "registered"


# ---- when the facts change ----


def test_G1_a_corrected_complaint_is_proposed_anew(way, cast):
    one = way().register(**about("staff-conduct"))
    tickets.correct(ticket_id=one.ticket_id, by=cast.agent, changes={"what_happened": "已向法院起诉"}, reason="听错")
    assert list(GradeProposal.objects.values_list("grade", "cause")) == [("III", "registered"), ("II", "corrected")]
    tickets.correct(ticket_id=one.ticket_id, by=cast.agent, changes={"happened_where": "家中"}, reason="补记")
    assert GradeProposal.objects.count() == 2, "nothing new is not kept again"
    assert Entry.objects.filter(verb="propose_grade").count() == 1


def test_D36_the_third_day_proposes_grade_I_with_its_reason(way, freeze):
    from feedback_desk.deadlines.sweep import until_done
    from tickets.tasks import apply_steps

    one = way().graded()
    until_done(freeze("2026-03-05 09:00"))
    apply_steps()
    row = GradeProposal.objects.filter(form=one.form_id).latest("pk")
    assert (row.grade, row.cause) == ("I", "third_day")
    assert ("三日未解决", "收到后 72 小时仍无结果") in row.reasons


def test_G1_another_quality_class_is_proposed_anew_and_the_page_says_so(way, cast, client, freeze):
    one = way().register(**about("product-fault"))
    forms.grade(form_id=one.form_id, by=cast.agent, grade="II", quality_class=3)
    freeze("2026-03-02 10:00")
    forms.change_quality_class(form_id=one.form_id, by=cast.supervisor, quality_class=1, reason="检出异物")
    assert one.form.proposed_grade == "I"
    client.force_login(cast.agent)
    page = client.get(reverse("workplace:ticket", args=[one.ticket.item.number])).content.decode()
    assert "规则建议" in page
    assert f"{reverse('workplace:form_move', args=[one.form.item.number, 'raise_grade'])}?grade=I" in page
    forms.change_grade(form_id=one.form_id, by=cast.agent, grade="I", reason="质量等级一类")
    assert "规则建议" not in client.get(reverse("workplace:ticket", args=[one.ticket.item.number])).content.decode().split('id="story"')[0]


def test_V5_a_proposal_is_never_changed(way):
    one = way().register()
    row = GradeProposal.objects.get(form=one.form_id)
    row.grade = "III"
    with pytest.raises(ValidationError):
        row.save()
    with pytest.raises(ValidationError):
        GradeProposal.objects.all().delete()


# ---- repeat and batch (I7) ----


def test_I7_the_same_customer_about_the_same_thing_is_marked_and_linked(way):
    first = way().register(**about("product-fault"))
    other = way().register(**about("staff-conduct", product="冰箱"))
    again = way().register(**about("installation-quality"))
    assert (other.ticket.repeat, other.form.repeat_of_id) == (False, None)
    assert (again.ticket.repeat, again.form.repeat_of_id) == (True, first.form_id), "another category, the same product"
    assert first.ticket.repeat is False


def test_I7_another_customer_is_no_repeat_and_neither_is_one_after_long(way, from_another, freeze):
    way().register(**about("product-fault"))
    assert from_another().ticket.repeat is False
    freeze("2026-06-02 09:00")
    assert way().register(**about("product-fault")).ticket.repeat is False


def test_I7_the_third_customer_within_seven_days_completes_a_batch(way, from_another, freeze, cast):
    first = from_another()
    forms.grade(form_id=first.form_id, by=cast.agent, grade="II", quality_class=3)
    freeze("2026-03-05 09:00")
    second = from_another()
    freeze("2026-03-09 08:59")
    third = from_another()
    assert (proposed(third), third.ticket.batch_linked) == ("I", True)
    assert spread_batches() == 2
    assert {one.form.batch_id for one in (first, second, third)} == {Batch.objects.get().pk}
    assert all(one.ticket.batch_linked for one in (first, second, third))
    assert list(GradeProposal.objects.filter(cause="batch").values_list("form_id", "grade")) == [(first.form_id, "I"), (second.form_id, "I")]
    told = Notice.objects.filter(channel="page", template="approval_wanted", receiver=cast.supervisor)
    assert {n.item_id for n in told} == {first.form.item_id, second.form.item_id}
    assert told.count() == 2
    assert first.form.grade == "II", "a person decides"
    assert spread_batches() == 0
    from_another()
    assert spread_batches() == 0
    assert told.count() == 2, "once each"


def test_I7_a_batch_that_fails_holds_no_other(from_another, monkeypatch):
    from complaints.services import grading

    for product in ("洗衣机", "冰箱"):
        for _n in range(3):
            from_another(product=product)
    spread = grading.spread

    def broken(batch):
        if batch.product == "洗衣机":
            raise RuntimeError
        return spread(batch)

    monkeypatch.setattr(grading, "spread", broken)
    assert spread_batches() == 2
    monkeypatch.undo()
    assert spread_batches() == 2, "and is tried again"


@pytest.mark.parametrize("but", ["late", "model", "category", "customer"])
def test_I7_no_batch_without_three_customers_the_product_and_the_days(way, from_another, freeze, customer, but):
    more = {"customer_id": customer.pk} if but == "customer" else {}
    way().register(**about("product-fault", **more))
    way().register(**about("product-fault", **more)) if but == "customer" else from_another()
    freeze("2026-03-09 09:01" if but == "late" else "2026-03-04 09:00")
    last = from_another("packaging" if but == "category" else "product-fault", **({"model": "XQ-8"} if but == "model" else {}))
    assert last.ticket.batch_linked is False
    assert not Batch.objects.exists()


def test_I7_the_same_lot_of_a_product_is_a_batch_whatever_the_model(from_another):
    ones = [from_another(model=model, batch="2609B") for model in ("XQ-8", "XQ-9", "XQ-10")]
    assert ones[-1].form.batch.lot == "2609B"
    assert proposed(ones[0]) == "I"


def test_I7_invalid_and_merged_ones_do_not_count(from_another, cast):
    first, second = from_another(), from_another()
    tickets.invalidate(ticket_id=first.ticket_id, by=cast.supervisor, reason="不是本公司产品", explanation="已电话说明")
    assert from_another().ticket.batch_linked is False
    assert second.ticket.batch_linked is False


def test_I7_a_restored_one_counts_again(from_another, cast):
    first, _second = from_another(), from_another()
    tickets.invalidate(ticket_id=first.ticket_id, by=cast.supervisor, reason="不是本公司产品", explanation="已电话说明")
    from_another()
    tickets.restore(ticket_id=first.ticket_id, by=cast.supervisor, reason="确为本公司产品")
    assert (first.form.proposed_grade, first.ticket.batch_linked) == ("I", True)


def test_V3_the_panel_names_of_a_batch_only_what_its_reader_may_see(from_another, client, cast):
    ones = [from_another(assignee_id=cast.agent.pk) for _n in range(3)]
    spread_batches()
    name_concerned(ones[1].ticket.item, cast.colleague, because="named", by=cast.agent, at=clock.now())
    for person, sees in ((cast.supervisor, True), (cast.colleague, False)):
        client.force_login(person)
        page = client.get(reverse("workplace:ticket", args=[ones[0].ticket.item.number]), {"tab": "handling"}).content.decode()
        assert ones[2].ticket.item.number in page, person
        assert (ones[1].ticket.item.number in page) is sees, person


def test_I7_windows_that_overlap_are_one_batch(local):
    rows: list[Row] = [(local(f"2026-03-{day:02} 09:00"), n, n) for n, day in enumerate((2, 5, 8, 11, 14, 25), 1)]
    (run,) = runs_in(BatchKey(1, "x", "", ""), rows, 3, local("2026-03-08 09:00") - local("2026-03-01 09:00"))
    assert run.tickets == {1, 2, 3, 4, 5}
    assert run.customers == 5


# ---- in one go, and while typing ----


def test_G1_many_cost_as_many_queries_as_one(from_another, django_assert_num_queries):
    ids = [from_another().form_id for _n in range(2)]
    spread_batches()
    with django_assert_num_queries(6):
        propose_many(ids[:1])
    ids += [from_another().form_id for _n in range(6)]
    with django_assert_num_queries(6):
        assert {p.grade for p in propose_many(ids).values()} == {"I"}


def test_G1_one_by_one_and_in_one_go_say_the_same(from_another, way):
    ones = [from_another(), from_another(), way().register(), from_another("transport-damage"), from_another()]
    together = propose_many([one.form_id for one in ones])
    assert [together[one.form_id].why() for one in ones] == [propose(one.form).why() for one in ones]


def test_G1_proposed_while_typing_and_nothing_is_saved(client, cast, from_another, customer):
    for _n in range(2):
        from_another()
    client.force_login(cast.agent)
    said = {"type": "complaint", "category": category("product-fault"), "channel": "phone", "urgency": "normal", "customer": customer.number,
            "product": "洗衣机", "model": "XQ-10", "summary": "不转", "what_happened": "停机"}  # fmt: skip
    before = (Ticket.objects.count(), GradeProposal.objects.count())
    page = client.post(reverse("workplace:register_proposal"), said).content.decode()
    assert "批量质量投诉" in page
    page = client.post(reverse("workplace:register_proposal"), said | {"model": "XQ-8"}).content.decode()
    assert "单件产品质量" in page
    assert "批量质量投诉" not in page
    for unfit in ({"type": "problem"}, {"category": ""}, {"category": "x"}):
        assert "产品质量" not in client.post(reverse("workplace:register_proposal"), said | unfit).content.decode()
    assert (Ticket.objects.count(), GradeProposal.objects.count()) == before


def test_V1_others_get_no_proposal(client, cast):
    client.force_login(cast.general_manager)
    assert client.post(reverse("workplace:register_proposal"), {}).status_code == 403


def test_G6_registering_below_the_proposal_is_refused_and_registers_nothing(client, cast, customer):
    client.force_login(cast.agent)
    said = {"type": "complaint", "customer": customer.number, "channel": "phone", "received_at": clock.now().strftime("%Y-%m-%d %H:%M"), "urgency": "normal",
            "summary": "外壳破损", "what_happened": "凹陷", "category": category("transport-damage"), "holder": "me", "grade": "III"}  # fmt: skip
    answer = client.post("/desk/register/", said)
    assert answer.status_code == 422
    assert "grade" in answer.context["form"].errors
    answer = client.post("/desk/register/", said | {"grade": "I"})
    assert "grade_reason" in answer.context["form"].errors
    assert not Ticket.objects.exists()
    client.post("/desk/register/", said | {"grade": "II"})
    assert ComplaintForm.objects.get().grade == "II"


# ---- the rows ----


@pytest.mark.parametrize(("field", "comparison", "value", "wrong"), [
    ("category", "is", "product-fault", None), ("category", "one_of", "product-fault, logistics", None), ("category", "one_of", "nonsense", "value"),
    ("category", "contains", "product-fault", "comparison"), ("channel", "one_of", "email、letter", None), ("channel", "is", "pigeon", "value"),
    ("channel", "is", "email, letter", "value"), ("quality", "is", "yes", None), ("quality", "is", "perhaps", "value"),
    ("quality_class", "one_of", "1,2", None),
    ("quality_class", "is", "9", "value"), ("words", "contains", "起火，冒烟", None), ("words", "contains", " ， ", "value"),
    ("words", "is", "起火", "comparison"),
    ("repeat", "within", "30", None), ("repeat", "within", "0", "value"), ("repeat", "within", "²", "value"), ("repeat", "within", "-1", "value"),
    ("batch", "at_least", "3/7", None), ("batch", "at_least", "1/7", "value"), ("batch", "at_least", "3", "value"), ("batch", "at_least", "3/0", "value"),
    ("unsolved", "at_least", "72", None), ("unsolved", "at_least", "soon", "value"), ("earlier", "is", "closed", None), ("earlier", "is", "lost", "value"),
])  # fmt: skip
def test_G1_a_criterion_says_what_it_takes(cast, field, comparison, value, wrong):
    criterion = GradingCriterion(rule=GradingRule.objects.first(), field=field, comparison=comparison, value=value)
    if wrong is None:
        criterion.full_clean()
        return
    with pytest.raises(ValidationError) as error:
        criterion.full_clean()
    assert set(error.value.message_dict) == {wrong}


def test_G1_every_shipped_criterion_is_well_formed(cast):
    for criterion in GradingCriterion.objects.all():
        criterion.full_clean()


def test_I5_typed_values_never_break_the_proposal(cast, local):
    facts = Facts(0, 0, 0, "ordinary", 0, "", False, None, "", "", "", "", "", "", "", local("2026-03-02 09:00"), None, "pending")
    assert propose_typed(facts).grade == "III"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_I7_two_that_complete_a_batch_at_one_instant_make_one(from_another, another, way):
    from_another()
    gate, made = Barrier(2), []

    def register(caller: int) -> None:
        with transaction.atomic():
            made.append(way().register(**about("product-fault", customer_id=caller)).form_id)
            with suppress(BrokenBarrierError):  # One of them waits until the other is committed.
                gate.wait(1)
        connection.close()

    threads = [Thread(target=copy_context().run, args=(register, another().pk)) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert Batch.objects.count() == 1
    assert ComplaintForm.objects.filter(pk__in=made).exclude(batch=None).count() == 1, "who was first knew of two customers"
    spread_batches()
    assert not ComplaintForm.objects.filter(batch=None).exists()


@pytest.mark.parametrize("how", ["invalid", "merged", "another category"])
def test_I7_a_batch_that_lost_too_many_is_none_any_more(way, from_another, cast, how):
    first, second, third = (from_another() for _n in range(3))
    spread_batches()
    assert {one.form.proposed_grade for one in (first, second, third)} == {"I"}
    if how == "invalid":
        tickets.invalidate(ticket_id=third.ticket_id, by=cast.supervisor, reason="误报", explanation="已说明")
    elif how == "merged":
        spare = way().register(**about("transport-damage", customer_id=third.ticket.customer_id))
        tickets.merge(ticket_id=third.ticket_id, by=cast.agent, into_number=spare.ticket.number)
    else:
        changes = {"category": Category.objects.get(slug="transport-damage")}
        tickets.correct(ticket_id=third.ticket_id, by=cast.agent, changes=changes, reason="分类选错")
    spread_batches()
    assert {one.form.batch_id for one in (first, second, third)} == {None}
    assert not any(one.ticket.batch_linked for one in (first, second, third))
    assert {one.form.proposed_grade for one in (first, second)} != {"I"}
    assert spread_batches() == 0
