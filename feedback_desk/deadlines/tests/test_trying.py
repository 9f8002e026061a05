"""Trying a rule (E4): the same arithmetic as the desk's own, told as a timeline; a page that changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from feedback_desk.deadlines import services, trying
from feedback_desk.deadlines.calendars import hours_of
from feedback_desk.deadlines.models import Calendar, Deadline, Extension, Rule, StepTaken
from feedback_desk.deadlines.rederiving import rederive
from feedback_desk.deadlines.sweep import sweep
from feedback_desk.deadlines.tests.conftest import URGENT
from feedback_desk.deadlines.trying import Event
from feedback_desk.people.models import Refusal

URL = "/admin/limits/try/"


def plain(code):
    """The rule that asks for nothing."""
    return Rule.objects.get(code=code, when={}, active=True)


def rule_of(code):
    """The rule that a limit of the other tests starts with."""
    return services.fitting_rules([code], URGENT, datetime(2026, 3, 1, tzinfo=UTC))[code]


@pytest.fixture
def attempt(cast, local):
    """attempt("D26", "2026-03-02 09:00", ("pause", "2026-03-03 10:00"), ...) tries the rule as it is."""

    def run(code, start, *events):
        calendars, others = hours_of([None]), list(Rule.objects.filter(active=True).select_related("ladder"))
        told = [Event(kind, local(at), *(_given(local, more) for more in rest)) for kind, at, *rest in events]
        return trying.attempt(code if isinstance(code, Rule) else rule_of(code), local(start), told, lambda rule: calendars[rule.calendar_id], others)

    return run


def _given(local, value):
    return local(value) if isinstance(value, str) and "-" in value else value


LIVES = [
    ("D08", "2026-03-02 09:00", []),
    ("D08", "2026-03-02 09:00", [("end", "2026-03-04 08:00")]),
    ("D08", "2026-03-02 09:00", [("end", "2026-03-04 09:00")]),
    ("D08", "2026-03-02 09:00", [("end", "2026-03-04 09:18")]),
    ("D15", "2026-03-06 16:30", [("end", "2026-03-09 12:00")]),
    ("D26", "2026-09-29 10:00", [("pause", "2026-10-10 11:00"), ("resume", "2026-10-12 09:00"), ("end", "2026-10-14 09:00")]),
    ("D26", "2026-03-02 09:00", [("pause", "2026-03-03 10:00"), ("resume", "2026-03-05 10:00"), ("extend", "2026-03-06 10:00", "2026-03-20 18:00")]),
    ("D26", "2026-03-02 09:00", [("extend", "2026-03-03 10:00", "2026-03-12 12:00"), ("pause", "2026-03-13 10:00"), ("resume", "2026-03-17 10:00")]),
    ("D26", "2026-03-02 09:00", [("pause", "2026-03-05 10:00"), ("end", "2026-03-20 10:00")]),
    ("D27", "2026-12-30 09:00", [("extend", "2027-01-04 10:00", "2027-01-15 18:00"), ("end", "2027-01-15 18:00:01")]),
]


@pytest.mark.parametrize(("code", "start", "events"), LIVES)
def test_E4_what_is_tried_is_what_the_desk_then_does(item, running, local, attempt, supervisor, code, start, events):
    deadline = running(code, start)
    for kind, at, *rest in events:
        sweep(local(at) - timedelta(seconds=1))
        _do(kind, item, deadline, local(at), [_given(local, value) for value in rest], supervisor)
    deadline.refresh_from_db()
    sweep(datetime(2030, 1, 1, tzinfo=local(start).tzinfo))
    (run,) = attempt(code, start, *events)
    assert (run.deadline.due_at, run.deadline.warn_at, run.deadline.state, run.deadline.late) == (
        deadline.due_at, deadline.warn_at, deadline.state, deadline.late
    )  # fmt: skip
    taken = StepTaken.objects.filter(deadline=deadline, outcome__isnull=True).order_by("at", "step").values_list("at", "receiver")
    assert [(m.at, m.rung.receiver) for m in run.timeline if m.kind == "step" and m.rung] == list(taken)


def _do(kind, item, deadline, at, rest, supervisor):
    deadline = Deadline.objects.get(pk=deadline.pk)
    match kind:
        case "pause":
            services.pause(item, deadline.code, at=at, because="等待客户")
        case "resume":
            services.resume(item, deadline.code, at=at)
        case "extend":
            services.extend(deadline, until=rest[0], at=at, by=supervisor, why="等配件")
        case "end":
            services.settle(item, deadline.code, at=at)


def test_E4_what_a_rule_does_not_allow_is_said_and_changes_nothing(attempt, local):
    asked = [("pause", "2026-03-02 10:00"), ("resume", "2026-03-02 11:00"), ("extend", "2026-03-02 12:00", "2026-03-09 09:00")]
    (run,) = attempt("D08", "2026-03-02 09:00", *asked)
    assert [moment.kind for moment in run.timeline][1:4] == ["no_pause", "not_paused", "no_extension"]
    assert run.deadline.due_at == local("2026-03-04 09:00")


def test_T9_an_extension_to_a_time_past_is_refused_as_on_the_desk(attempt, local):
    """While it stands still the new date may lie behind (decision 35)."""
    (run,) = attempt("D26", "2026-03-02 09:00", ("extend", "2026-03-12 10:00", "2026-03-11 09:00"))
    assert [moment.kind for moment in run.timeline if moment.at == local("2026-03-12 10:00")] == ["not_later"]
    assert run.deadline.due_at == local("2026-03-10 00:00")
    (run,) = attempt("D26", "2026-03-02 09:00", ("pause", "2026-03-03 10:00"), ("extend", "2026-03-12 10:00", "2026-03-11 09:00"))
    assert run.deadline.due_at == local("2026-03-11 09:00")


def test_E6_reopening_begins_a_new_round_and_leaves_the_first_as_it_was(attempt, local):
    first, second = attempt("D08", "2026-03-02 09:00", ("end", "2026-03-03 09:00"), ("reopen", "2026-03-10 09:00"), ("end", "2026-03-12 10:00"))
    assert (first.deadline.due_at, first.deadline.late) == (local("2026-03-04 09:00"), False)
    assert (second.round, second.deadline.due_at, second.deadline.late) == (2, local("2026-03-12 09:00"), True)
    (still,) = attempt("D08", "2026-03-02 09:00", ("reopen", "2026-03-02 10:00"))
    assert [moment.kind for moment in still.timeline][1] == "not_over"


def test_G6_a_new_grade_voids_the_limit_that_asks_for_it_and_starts_its_own(attempt, local):
    low, high = attempt("D10", "2026-03-02 09:00", ("change", "2026-03-02 09:05", None, "grade", ("I",)))
    assert (low.deadline.state, high.rule.code, high.deadline.due_at) == ("void", "D09", local("2026-03-02 09:35"))
    (other,) = attempt("D08", "2026-03-02 09:00", ("change", "2026-03-02 09:05", None, "grade", ("I",)))
    assert other.deadline.due_at == local("2026-03-04 09:00")


def test_E3_urgency_that_changes_lets_the_next_of_the_family_follow_from_the_same_start(attempt, local):
    urgent, normal = attempt("D03", "2026-03-02 09:00", ("change", "2026-03-02 09:20", None, "urgency", ("normal",)))
    assert (urgent.deadline.state, normal.rule.code, normal.deadline.start_at) == ("void", "D04", local("2026-03-02 09:00"))


CHANGES = [
    ([], "2026-03-04 10:00"),
    ([("pause", "2026-03-03 10:00"), ("resume", "2026-03-05 10:00")], "2026-03-06 10:00"),
    ([("pause", "2026-03-03 10:00")], "2026-03-06 10:00"),
    ([("extend", "2026-03-03 10:00", "2026-03-20 18:00")], "2026-03-06 10:00"),
]


@pytest.mark.parametrize("category", ["ticket-fault", "commission", "refund-payment"])
@pytest.mark.parametrize(("before", "at"), CHANGES)
def test_E3_a_changed_category_is_tried_as_the_desk_derives_it(item, running, local, attempt, supervisor, category, before, at):
    """The same row from the same start under the rule that fits now: with its pauses, extensions and steps (decisions 34, 49)."""
    deadline = running("D26", facts={**URGENT, "category": []})
    for kind, when, *rest in before:
        sweep(local(when) - timedelta(seconds=1))
        if kind == "extend":
            given = {"asked_at": local(when), "decided_at": local(when), "wanted": local(rest[0]), "until": local(rest[0]), "reason": "等配件"}
            Extension.objects.create(deadline=deadline, state="granted", **given)
        _do(kind, item, deadline, local(when), [_given(local, value) for value in rest], supervisor)
    sweep(local(at) - timedelta(seconds=1))
    rederive(item, at=local(at), facts={**URGENT, "category": [category]}, by=supervisor)
    deadline.refresh_from_db()
    sweep(datetime(2030, 1, 1, tzinfo=local(at).tzinfo))
    (run,) = attempt(plain("D26"), "2026-03-02 09:00", *before, ("change", at, None, "category", (category,)))
    assert (run.rule, run.deadline.due_at, run.deadline.warn_at) == (deadline.rule, deadline.due_at, deadline.warn_at)
    assert (run.deadline.state, run.deadline.left_seconds) == (deadline.state, deadline.left_seconds)
    taken = StepTaken.objects.filter(deadline=deadline, outcome__isnull=True).order_by("at", "step").values_list("at", "receiver")
    assert sorted((m.at, m.rung.receiver) for m in run.timeline if m.kind == "step" and m.rung) == sorted(taken)


def test_D38_a_promise_is_tried_with_its_date(page):
    told = page(**asking("D38", promised="2027-01-04T15:00")).content.decode()
    assert "2027年1月4日 15:00" in told


def test_E4_what_changes_is_chosen_by_its_name(page):
    event = {"e0-kind": "change", "e0-at": "2026-03-03T10:00", "e0-now": "category:commission"}
    told = page(rule=plain("D26").pk, start="2026-03-02T09:00", **event).content.decode()
    assert "类别现为“佣金”，改按另一条规则从原起点计时" in told


@pytest.fixture
def page(client, cast):
    def get(user=None, **query):
        client.force_login(user or cast.administrator)
        return client.get(f"{URL}?{urlencode(query)}")

    return get


def asking(code, start="2026-03-02T09:00", **more):
    return {"rule": rule_of(code).pk, "start": start, **more}


def test_E4_the_page_tells_a_timeline_and_its_address_is_the_question(page):
    events = {"e0-kind": "pause", "e0-at": "2026-03-03T10:00", "e1-kind": "resume", "e1-at": "2026-03-05T10:00", "e2-kind": "end", "e2-at": "2026-03-12T10:00"}
    told = page(**asking("D26"), **events).content.decode()
    for words in ("自3月2日 09:00 登记起，5 个工作日", "3月11日 24:00", "恢复", "完成，超时 10 小时", "时限的 100%：将通知", "试算"):
        assert words in told


def test_E4_edited_amounts_are_tried_without_being_saved(page, local):
    before = list(Rule.objects.order_by("pk").values())
    told = page(**asking("D08", limit="12 h", clock="calendar")).content.decode()
    assert "12 小时（自然时间）" in told
    assert "3月2日 21:00 到期" in told.replace("；21:00 到期", "；3月2日 21:00 到期")
    assert list(Rule.objects.order_by("pk").values()) == before


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"start": ""}, "这个字段是必填项"),
        ({"start": "gestern"}, "输入一个有效的日期/时间"),
        ({"start": "1066-10-14T09:00"}, "2000 年至 2099 年"),
        ({"limit": "bald"}, "时限请写数字加单位"),
        ({"clock": "working_day"}, "换了计时方式，请一并填写时限"),
        ({"rule": "999999"}, "选择一个有效的选项"),
        ({"e0-kind": "end"}, "请填写发生时间"),
        ({"e0-at": "2026-03-03T09:00"}, "请选择发生了什么"),
        ({"e0-kind": "end", "e0-at": "2026-03-01T09:00"}, "早于起算时间"),
        ({"e0-kind": "extend", "e0-at": "2026-03-03T09:00"}, "请填写延期到什么时候"),
        ({"e0-kind": "change", "e0-at": "2026-03-03T09:00"}, "请选择变更后的值"),
        ({"clock": "promised"}, "请填写承诺的日期"),
        ({"clock": "promised", "promised": "2026-03-02T09:00"}, "承诺的日期须晚于起算时间"),
        ({"e0-kind": "explode", "e0-at": "2026-03-03T09:00"}, "选择一个有效的选项"),
    ],
)
def test_E4_a_wrong_question_is_answered_with_a_sentence_and_nothing_typed_is_lost(page, query, sentence):
    answer = page(**{**asking("D08"), **query})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    if "limit" in query:
        assert 'value="bald"' in answer.content.decode()


def test_a_calendar_that_is_never_open_is_a_sentence(page):
    closed = Calendar.objects.create(name="歇业", hours={})
    answer = page(**asking("D15", calendar=closed.pk))
    assert answer.status_code == 422
    assert "时限永远不会到期" in answer.content.decode()


def test_the_empty_page_says_what_to_do(page):
    answer = page()
    assert answer.status_code == 200
    assert "请选择规则和起算时间" in answer.content.decode()


@pytest.mark.parametrize(("who", "may"), [("administrator", True), ("manager", True), ("supervisor", False), ("general_manager", False), ("agent", False)])
def test_V1_administrators_and_the_manager_try_rules_others_do_not(cast, page, client, who, may):
    assert page(getattr(cast, who)).status_code == (200 if may else 403)
    assert Refusal.objects.filter(verb="try a rule").exists() != may
    assert (URL in client.get(reverse("admin:index")).content.decode()) == may


def test_somebody_not_signed_in_is_asked_to(db, client):
    assert client.get(URL).status_code == 302


def test_E4_what_is_tried_stays_what_is_tried_when_a_fact_changes_there_and_back(attempt, local):
    tried = plain("D26")
    tried.amount = 7
    there = ("change", "2026-03-02 10:00", None, "category", ("refund-payment",))
    (run,) = attempt(tried, "2026-03-02 09:00", there, ("change", "2026-03-02 11:00", None, "category", ("other",)))
    assert run.deadline.due_at == local("2026-03-12 00:00"), "seven working days"
