"""E4: a deadline knows why, as data and in whole sentences of both languages."""

from __future__ import annotations

import json
from datetime import date

import pytest
from django.utils import translation

from feedback_desk.deadlines import public_holidays, saying, services
from feedback_desk.deadlines.calendars import build, hours_of
from feedback_desk.deadlines.chips import chip_of
from feedback_desk.deadlines.course import Course, Holiday, course
from feedback_desk.deadlines.explain import explain, explain_fully, names_of
from feedback_desk.deadlines.models import Calendar, Deadline, Rule
from feedback_desk.deadlines.sweep import sweep, until_done
from feedback_desk.deadlines.tests.changes import applied
from feedback_desk.notices import wording as notices
from feedback_desk.notices.models import Notice
from feedback_desk.people.models import Absence, Concern

WITH_BREAK = {str(day): [["09:00", "12:00"], ["13:00", "18:00"]] for day in range(1, 6)}


@pytest.fixture
def lived(running, local):
    """lived("D26", "2026-09-25 10:00", pause=...) starts a limit and returns it with what it had to go through."""

    def live(code, start="2026-03-02 09:00", **more):
        deadline = running(code, start, start_at=local(start), **more)
        deadline.refresh_from_db()
        return deadline

    return live


def said(deadline, at, language="zh-hans"):
    with translation.override(language):
        return explain_fully(deadline, at).sentences


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "30 minutes (business hours) from grading (today 14:02); the desk open all the time; due 14:32; warned 14:24; 4 minutes left."),
        ("zh-hans", "自今天 14:02 定级起，30 分钟（营业时间）；其间一直在营业；14:32 到期；14:24 已提醒；还剩 4 分钟。"),
    ],
)
def test_E4_half_an_hour_from_grading(lived, local, language, sentence):
    deadline = lived("D09", "2026-03-02 14:02", facts={"grade": "I"})
    sweep(local("2026-03-02 14:24:32"))
    deadline.refresh_from_db()
    assert said(deadline, local("2026-03-02 14:28"), language)[0] == sentence


def test_E4_of_working_days_nobody_says_that_the_desk_was_open_all_the_time(lived, local):
    deadline = lived("D23", "2026-03-02 10:00")
    assert said(deadline, local("2026-03-02 11:00"))[0].startswith("自今天 10:00 转到品管部起，1 个工作日；明天 24:00 到期")


def test_E4_nobody_is_said_to_be_warned_who_was_not(lived, local):
    """Before the step is taken, after it lies ahead again, and where an outage passed over it."""
    deadline = lived("D08")  # 48 hours; warned at 75 %, Tuesday 21:00
    assert "提醒" not in said(deadline, local("2026-03-03 21:01"))[0]
    sweep(local("2026-03-03 21:02"))
    deadline.refresh_from_db()
    assert "昨天 21:00 已提醒" in said(deadline, local("2026-03-04 08:00"))[0]
    missed = lived("D27")
    until_done(missed.due_at)
    missed.refresh_from_db()
    assert "已提醒" not in said(missed, missed.due_at)[0]


def test_E4_holidays_weekends_and_make_up_days_are_named(lived, local):
    deadline = lived("D27", "2026-09-29 10:00")
    assert said(deadline, local("2026-09-29 11:00")) == [
        "自今天 10:00 收到起，5 个工作日；10月12日 24:00 到期；10月10日 14:30 提醒；还剩 13 天 13 小时。",
        "其间有国庆节 10月1日–7日、周末 1 天，不计时。",
        "10月10日（星期六）调休上班，照常计时。",
        "依据规则 D27《最终书面答复》第 1 版。",
    ]
    assert said(deadline, local("2026-09-29 11:00"), "en")[1:3] == [
        "In between and not counted: National Day October 1–7, 1 day of a weekend.",
        "October 10 (Sat) is a make-up working day and counts.",
    ]


def test_E4_breaks_and_closed_hours_are_added_up(lived, local):
    Calendar.objects.filter(is_default=True).update(hours=WITH_BREAK)
    deadline = lived("D15", "2026-03-02 16:00", department=None)
    assert deadline.due_at == local("2026-03-03 11:00")
    assert said(deadline, local("2026-03-02 17:00"))[1] == "下班时间共 15 小时不计时。"
    assert said(lived("D17", "2026-03-02 16:00"), local("2026-03-02 17:00"))[1] == "午休共 1 小时、下班时间共 15 小时，均不计时。"
    assert said(lived("D12", "2026-03-02 11:00"), local("2026-03-02 11:30"))[1] == "其间午休 1 小时不计时。"


def test_E4_pauses_say_from_until_why_and_what_was_left(item, lived, local):
    deadline = lived("D26")
    services.pause(item, "D26", at=local("2026-03-03 10:00"), because="等待客户回复")
    deadline.refresh_from_db()
    assert said(deadline, local("2026-03-03 11:00"))[0].endswith("；现已暂停，剩 4 个工作日。")
    services.resume(item, "D26", at=local("2026-03-05 10:00"))
    deadline.refresh_from_db()
    assert "3月3日 10:00 至今天 10:00 暂停（等待客户回复），暂停时还剩 4 个工作日。" in said(deadline, local("2026-03-05 11:00"))
    assert "Paused from March 3 10:00 to today 10:00 (等待客户回复) with 4 working days left." in said(deadline, local("2026-03-05 11:00"), "en")


def test_E3_E4_what_stands_still_in_time_is_due_when_it_stopped_and_not_now(item, lived, local):
    """The date of a limit that was stopped for a month is no date any more; of one that was late it stays the one it missed."""
    deadline = lived("D26")
    services.pause(item, "D26", at=local("2026-03-03 10:00"), because="等待客户回复")
    deadline.refresh_from_db()
    assert said(deadline, local("2026-04-01 10:00"))[0].endswith("；暂停时的期限为3月9日 24:00；现已暂停，剩 4 个工作日。")
    assert said(deadline, local("2026-04-01 10:00"), "en")[0].endswith("; due March 9 24:00 when it stopped; paused now, 4 working days left.")
    (settled,) = services.settle(item, "D26", at=local("2026-04-02 10:00"))
    assert "; due March 9 24:00 when it stopped; paused March 3 10:00 with " in said(settled, local("2026-04-02 11:00"), "en")[0]
    assert "3月3日 10:00 至今天 10:00 暂停（等待客户回复），暂停时还剩 4 个工作日。" in said(settled, local("2026-04-02 11:00"))
    late = lived("D26", part="2")
    services.pause(item, "D26", at=local("2026-03-10 10:00"), because="等待客户回复")
    late.refresh_from_db()
    assert said(late, local("2026-04-01 10:00"), "en")[0].endswith("; due March 9 24:00; paused now, overdue.")


def test_E4_E5_a_calendar_changed_since_is_not_told_as_what_was_counted(item, lived, local, administrator):
    """Until somebody orders it for what runs, holidays entered since lie in no limit that was counted without them."""
    deadline, desk = lived("D26", "2026-12-30 10:00"), Calendar.objects.get(is_default=True)
    desk.days.create(day=date(2027, 1, 1), working=False, name="元旦", by_hand=True)
    public_holidays.confirm_year(desk, 2027)
    told = said(deadline, local("2026-12-30 11:00"), "en")
    assert "the public holidays of 2027 were not announced when it was worked out, so the ordinary week counts" in told[0]
    assert "due Jan. 6, 2027 24:00" in told[0]
    assert told[1] == "By the calendar as it is now its date would be Jan. 7, 2027 24:00; the date above stays."
    assert not any("not counted" in sentence for sentence in told)
    other = lived("D24", "2026-12-30 10:00")
    desk.days.create(day=date(2026, 12, 31), working=False, by_hand=True)
    (ended,) = services.settle(item, "D24", at=local("2026-12-30 12:00"))
    assert (ended.pk, len(said(ended, local("2026-12-30 13:00")))) == (other.pk, 2)
    applied(desk, administrator)
    deadline.refresh_from_db()
    told = said(deadline, local("2026-12-30 11:00"), "en")
    assert "due Jan. 8, 2027 24:00" in told[0]
    assert told[1].startswith("In between and not counted: New Year's Day December 31 – January 3")
    assert not any("By the calendar" in sentence for sentence in told)


def test_E3_E5_the_date_of_a_limit_that_stands_still_is_not_said_to_stay(item, lived, local):
    """It runs on by the calendar as it is then."""
    deadline = lived("D26")
    services.pause(item, "D26", at=local("2026-03-03 10:00"), because="等待客户回复")
    Calendar.objects.get(is_default=True).days.create(day=date(2026, 3, 3), working=False, name="停电")
    deadline.refresh_from_db()
    told = explain_fully(deadline, local("2026-03-04 10:00"))
    assert told.otherwise == local("2026-03-11 00:00")
    assert [sentence for sentence in said(deadline, local("2026-03-04 10:00"), "en") if "By the calendar" in sentence or "not counted" in sentence] == []


@pytest.mark.parametrize("ends", ["settled", "paused"])
def test_E4_a_limit_that_ended_or_stood_still_at_the_end_of_a_pause_follows_its_calendar(item, lived, local, ends):
    deadline = lived("D26")
    services.pause(item, "D26", at=local("2026-03-03 10:00"), because="等待客户回复")
    services.resume(item, "D26", at=local("2026-03-05 10:00"))
    if ends == "settled":
        services.settle(item, "D26", at=local("2026-03-05 10:00"))
    else:
        services.pause(item, "D26", at=local("2026-03-05 10:00"), because="等待客户回复")
    deadline.refresh_from_db()
    told = explain_fully(deadline, local("2026-03-06 10:00"))
    assert (told.otherwise, told.stops[0].left) == (None, 4 * 86400)


def test_E4_extensions_say_from_when_to_when_by_whom_and_why(lived, local, supervisor):
    deadline = lived("D27")
    services.extend(deadline, until=local("2026-03-20 18:00"), at=local("2026-03-05 10:00"), by=supervisor, why="等配件。")
    deadline.refresh_from_db()
    told = explain_fully(deadline, local("2026-03-05 11:00"))
    assert [(move.due_at, move.by, move.why) for move in told.moved] == [(local("2026-03-20 18:00"), "主管秦", "等配件。")]
    assert "。。" not in "".join(said(deadline, local("2026-03-05 11:00")))
    assert any("主管秦" in sentence and "3月20日 18:00" in sentence and "等配件" in sentence for sentence in said(deadline, local("2026-03-05 11:00")))


def test_E5_a_limit_worked_out_anew_names_the_version(lived, local, administrator, freeze):
    deadline = lived("D08")
    rule = Rule.objects.get(code="D08")
    rule.pk, rule.version, rule.amount = None, 2, 24 * 3600
    rule.save(force_insert=True)
    freeze("2026-03-02 12:00")
    applied(rule, administrator)
    deadline.refresh_from_db()
    sentences = said(deadline, local("2026-03-02 13:00"))
    assert any("管理员" in sentence and "第 2 版" in sentence and "明天 09:00" in sentence for sentence in sentences[1:-1])
    assert sentences[-1] == "依据规则 D08《提出方案》第 2 版。"


def test_E4_every_ending_has_its_words(item, lived, local):
    with translation.override("zh-hans"):
        deadline = lived("D08")
        assert explain(deadline, local("2026-03-03 11:00")).sentence.endswith("；还剩 22 小时。")
        assert explain(deadline, local("2026-03-04 10:00")).sentence.endswith("；已超时 1 小时。")
        (settled,) = services.settle(item, "D08", at=local("2026-03-04 09:18"), why="忘了")
        assert said(settled, local("2026-03-05 10:00"))[0].endswith("昨天 09:00 到期；09:18 完成，超时 18 分钟。")
        assert "超时原因：忘了。" in said(settled, local("2026-03-05 10:00"))
        lived("D26")
        (met,) = services.settle(item, "D26", at=local("2026-03-06 20:30"))
        assert explain(met, local("2026-03-07 10:00")).sentence.endswith("；昨天 20:30 按时完成，提前 3 天 3 小时。")
        lived("D14")
        (void,) = services.void(item, "D14", at=local("2026-03-02 10:00"), why="撤诉")
        assert explain(void, local("2026-03-05 10:00")).sentence.endswith("3月2日 10:00 作废：撤诉。")


def test_E1_E4_steps_taken_with_whom_they_told_and_steps_to_come(lived, local, agent):
    deadline = lived("D08")
    sweep(local("2026-03-04 09:00:02"))
    deadline.refresh_from_db()
    steps = explain_fully(deadline, local("2026-03-04 09:01")).steps
    assert [(step.order, step.state, step.at) for step in steps] == [
        (1, "skipped", local("2026-03-03 21:00")), (2, "taken", local("2026-03-04 09:00")),
        (3, "coming", local("2026-03-05 09:00")), (4, "coming", local("2026-03-06 09:00")), (5, "coming", local("2026-03-08 09:00")),
    ]  # fmt: skip
    assert steps[1].told == ("主管秦",)


def test_E4_a_night_shift_counts_no_hour_twice(local):
    hours = build("Asia/Shanghai", {str(day): [["22:00", "06:00"]] for day in range(1, 6)})
    told = course(local("2026-03-02 23:00"), local("2026-03-04 01:00"), "business", hours, {})
    assert told == Course(closed=16 * 3600)
    assert course(local("2026-03-06 23:00"), local("2026-03-07 05:00"), "business", hours, {}) == Course(weekend_days=1)


def test_E4_an_explanation_is_data_for_programs(lived, local):
    with translation.override("en"):
        data = json.loads(json.dumps(explain_fully(lived("D27", "2026-09-29 10:00"), local("2026-09-29 11:00")).as_data()))
    assert (data["code"], data["version"], data["due_at"]) == ("D27", 1, "2026-10-12T16:00:00+00:00")
    (week,) = data["course"]["holidays"]
    assert (week["names"][0], week["first"], week["last"]) == ("国庆节", "2026-10-01", "2026-10-07")
    assert data["sentence"].startswith("5 working days from receipt")


@pytest.mark.parametrize(
    ("start", "due", "clock", "told", "why"),
    [
        ("2026-03-02 10:00", "2026-03-02 11:00", "business", Course(), "inside the morning"),
        ("2026-03-02 10:00", "2026-03-02 14:00", "business", Course(breaks=3600), "over the lunch break"),
        ("2026-03-06 17:00", "2026-03-09 10:00", "business", Course(weekend_days=2, closed=15 * 3600), "Friday evening to Monday; nights of working days only"),
        ("2026-03-02 10:00", "2026-03-02 19:00", "calendar", None, "day and night asks no calendar"),
        ("2026-02-14 10:00", "2026-02-24 10:00", "business", None, "see below"),
    ],
)  # fmt: skip
def test_E4_what_lay_between(local, start, due, clock, told, why):
    hours = build("Asia/Shanghai", WITH_BREAK, [(date(2026, 2, 14), True, None), (date(2026, 2, 16), False, None)])
    found = course(local(start), local(due), clock, hours, {date(2026, 2, 16): "春节"})
    if why == "see below":
        assert found is not None
        assert found.holidays == (Holiday(("春节",), date(2026, 2, 15), date(2026, 2, 16)),)
        assert (found.made_up, found.weekend_days) == ((date(2026, 2, 14),), 2)
    else:
        assert found == told


def test_E4_a_paused_stretch_is_no_part_of_the_course(local):
    hours = build("Asia/Shanghai", WITH_BREAK)
    stops = [(local("2026-03-02 10:30"), local("2026-03-03 09:30"))]
    assert course(local("2026-03-02 10:00"), local("2026-03-03 10:30"), "business", hours, {}, stops) == Course()


@pytest.mark.parametrize(
    ("code", "part", "chinese", "english"),
    [
        ("D38", "c1", "3月2日 09:00 向客户承诺", "promised on March 2 09:00"),
        ("D38", "instruction", "总经理3月2日 09:00 批示", "instructed by the general manager March 2 09:00"),
        ("D38", "visit", "3月2日 09:00 回访未接通，已定下次时间", "not reached March 2 09:00, the next attempt is dated"),
        ("D41", "", "3月2日 09:00 起实施，按措施中定下的日期完成", "in progress since March 2 09:00, to be carried out by the date fixed in the action"),
        ("D42", "", "3月2日 09:00 已完成，按措施中定下的日期验证", "carried out March 2 09:00, to be checked by the date fixed in the action"),
    ],
)  # fmt: skip
def test_E4_what_was_fixed_inside_is_not_told_as_a_promise_to_the_customer(lived, local, code, part, chinese, english):
    row = lived(code, part=part, due_at=local("2026-03-05 10:00"))
    for language, words in (("zh-hans", chinese), ("en", english)):
        sentence = said(row, local("2026-03-04 08:00"), language)[0]
        assert sentence.startswith(words)
        assert ("承诺" in sentence or "promise" in sentence) is (part == "c1")
    sweep(local("2026-03-05 10:00:02"))
    notice = Notice.objects.filter(channel="email").first()
    assert notice is not None
    assert chinese in notices.text(notice, "zh-hans")
    assert english in notices.text(notice, "en")


def told_then(row, step):
    """Whom the sweep told of the step, and whether the administrators got their note."""
    rows = Notice.objects.filter(cause=f"step:{step.pk}", channel="page")
    people = set(rows.filter(template="deadline_step").values_list("receiver__name", flat=True))
    return people, rows.filter(template="administrator_note").exists()


@pytest.mark.parametrize("out", ["", "manager concerned", "all above concerned", "owner away"])
@pytest.mark.parametrize("owner", ["agent", "supervisor", "manager", "general_manager", None])
def test_E4_steps_to_come_name_those_whom_the_sweep_then_tells(lived, item, cast, local, owner, out):
    away = {"manager concerned": [cast.manager], "all above concerned": [cast.manager, cast.supervisor, cast.general_manager, cast.deputy, cast.office]}
    for person in away.get(out, []):
        Concern.objects.create(item=item, user=person, because="客户点名", since=local("2026-03-02 09:00"))
    if out == "owner away" and owner:
        Absence.objects.create(user=getattr(cast, owner), starts_at=local("2026-03-01 00:00"), ends_at=local("2026-03-20 00:00"))
    row = lived("D08", owner=getattr(cast, owner) if owner else None, department=cast.service)
    coming = explain_fully(row, local("2026-03-02 10:00")).steps
    for at in filter(None, (step.at for step in coming)):
        sweep(at)
    taken = row.steps.order_by("step")
    assert [(set(step.told), step.nobody_left) for step in coming] == [told_then(row, step) for step in taken]
    assert len(coming) == len(taken) == 5


@pytest.mark.parametrize("code", ["D41", "D42"])
def test_E4_the_rule_of_an_action_says_that_its_date_is_the_action_s(cast, code):
    with translation.override("zh-hans"):
        lines = saying.says(Rule.objects.get(code=code), "负责人")
    assert any("措施中定下" in line for line in lines)
    assert not any("承诺" in line for line in lines)


def test_E4_a_notice_says_why_in_its_readers_language(lived, local, agent):
    lived("D08")
    sweep(local("2026-03-03 21:00:02"))
    sweep(local("2026-03-05 09:00:02"))
    early, late = Notice.objects.filter(channel="email").order_by("pk").first(), Notice.objects.filter(channel="email").order_by("pk").last()
    assert early is not None
    assert late is not None
    assert "自3月2日 09:00 收到起，48 小时（自然时间）；3月4日 09:00 到期；还剩 12 小时。" in notices.text(early, "zh-hans")
    assert "48 hours (day and night) from receipt (March 2 09:00); due March 4 09:00; overdue by 1 day." in notices.text(late, "en")


HAPPENED = {
    "zh-hans": (
        "自2月12日 10:00 登记起，5 个工作日；3月5日 24:00 到期",
        "其间有农历除夕、春节 2月15日–23日、周末 1 天，不计时。",
        "2月13日 10:00 至2月14日 10:00 暂停（等待客户）。",
        "2月25日 11:00 主管秦同意延期，由 2月27日 24:00 延至 3月5日 24:00：等配件。",
        "依据规则 D26《工单办结》第 1 版。",
    ),
    "en": (
        "5 working days from registration (February 12 10:00); due March 5 24:00",
        "In between and not counted: Spring Festival's Eve, Spring Festival February 15–23, 1 day of a weekend.",
        "Paused from February 13 10:00 to February 14 10:00 (等待客户).",
        "Extended from February 27 24:00 to March 5 24:00 by 主管秦 (February 25 11:00): 等配件.",
        "Rule D26 Completion, version 1.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_E4_a_notice_tells_pauses_holidays_extensions_and_the_version(item, lived, local, supervisor, language, django_assert_num_queries):
    row = lived("D26", "2026-02-12 10:00")
    services.pause(item, "D26", at=local("2026-02-13 10:00"), because="等待客户")
    services.resume(item, "D26", at=local("2026-02-14 10:00"))
    services.extend(row, until=local("2026-03-06 00:00"), at=local("2026-02-25 11:00"), by=supervisor, why="等配件")
    until_done(local("2026-03-05 23:00"))
    until_done(local("2026-03-06 00:00"))
    for step in row.steps.all():
        notice = Notice.objects.filter(cause=f"step:{step.pk}", channel="email").latest("pk")
        assert [sentence for sentence in HAPPENED[language] if sentence not in notices.text(notice, language)] == []
        with django_assert_num_queries(0):
            assert HAPPENED[language][-1] not in notices.gist(notice, language)


def test_E1_E4_a_notice_that_waited_for_the_morning_says_nothing_of_now(item, lived, local):
    """Told at night of a limit that passed, read after it was done."""
    lived("D08", "2026-03-01 23:00")
    sweep(local("2026-03-03 23:00:02"))
    services.settle(item, "D08", at=local("2026-03-03 23:30"))
    notice = Notice.objects.filter(channel="email").latest("pk")
    assert notice.state == "waiting"
    text = notices.text(notice, "en")
    assert "passed on" in text
    assert "was not done by then." in text
    assert "done 23:30, late by 30 minutes" in text


def test_E4_a_notice_gives_the_end_of_a_day_the_same_name_throughout(lived, local):
    lived("D26")
    until_done(local("2026-03-10 00:00"))
    text = notices.text(Notice.objects.filter(channel="email").latest("pk"), "zh-hans")
    assert ("2026年3月9日 24:00 到期" in text, "00:00" in text) == (True, False)


def test_a_notice_from_before_notices_said_why_is_still_read(lived, local):
    lived("D08")
    sweep(local("2026-03-03 21:00:02"))
    old = Notice.objects.filter(channel="email").order_by("pk").first()
    assert old is not None
    old.data = {key: value for key, value in old.data.items() if key not in ("start_at", "promised")}
    assert "D08" in notices.text(old, "zh-hans")


@pytest.mark.parametrize(
    "damage", [{}, {"clock": "x", "steps": [["x"]]}, {"clock": "business", "calendar": 999999, "steps": [[1, 75, None, "owner", ""]], "total": 1, "amount": 60}]
)
def test_E2_E4_a_limit_set_aside_is_told_and_says_so(item, lived, local, damage):
    """The page of its matter stays open: who is to do it sees what was promised, and that no reminder came."""
    deadline = lived("D08")
    Deadline.objects.filter(pk=deadline.pk).update(allowance=damage)
    until_done(local("2026-03-03 21:00"))
    deadline.refresh_from_db()
    told = said(deadline, local("2026-03-03 21:05"), "en")
    assert "due tomorrow 09:00" in told[0]
    assert told[-2].startswith("A step that is due could not be taken (today 21:00): nobody was told of it yet.")
    chip = chip_of(deadline, local("2026-03-03 21:05"))
    assert chip is not None
    assert chip.kind == "soon"


def test_the_names_of_a_calendar_are_its_special_days(cast):
    assert names_of(hours_of([None])[None])[date(2026, 10, 1)] == "国庆节"
