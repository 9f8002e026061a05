"""E5 in the back office: a rule in words and pickers, versions, previews, orders; a calendar's year."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import translation

from feedback_desk.deadlines import changing, saying, tasks
from feedback_desk.deadlines.forms import read_limit, written_limit
from feedback_desk.deadlines.models import Calendar, CalendarDay, Change, Deadline, Ladder, LadderStep, Rule
from feedback_desk.deadlines.tests.changes import worked_off
from feedback_desk.people.models import Concern


@pytest.fixture
def office(client, administrator):
    client.force_login(administrator)
    return client


@pytest.fixture
def announced(monkeypatch):
    """Messages that would have gone to the worker."""
    sent: list[int] = []

    def note(pk):
        sent.append(pk)
        return True

    monkeypatch.setattr(tasks, "announce", note)
    return sent


def written(rule, **changes):
    given = {"name": rule.name, "name_en": rule.name_en, "clock": rule.clock, "limit": written_limit(rule.clock, rule.amount), "at_time": "", "calendar": "",
             "owner": rule.owner, "ladder": rule.ladder_id, "active": "on", **{f"when_{fact}": values for fact, values in rule.when.items()}}  # fmt: skip
    return {key: value for key, value in (given | changes).items() if value is not None}


def url(rule):
    return reverse("admin:deadlines_rule_change", args=[rule.pk])


def errors(answer):
    return answer.context["adminform"].form.errors


@pytest.mark.parametrize(
    ("clock", "text", "amount"),
    [
        ("calendar", "30 分钟", 1800), ("calendar", "24小时", 86400), ("calendar", "5 天", 432000), ("business", "2 h", 7200), ("calendar", "90 s", 90),
        ("working_day", "5 个工作日", 5), ("working_day", "2 days", 2), ("weekday", "周二", 2), ("weekday", "Tuesday", 2), ("weekday", "星期日", 7),
        ("fixed_date", "4", 4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_limits_are_read_as_people_write_them_and_written_back_the_same(clock, text, amount, language):
    assert read_limit(clock, text) == amount
    with translation.override(language):
        assert read_limit(clock, written_limit(clock, amount)) == amount


def test_E5_the_form_picks_conditions_and_saves_a_version_from_a_moment_on(office, freeze, local):
    freeze("2026-03-02 10:00")
    old = Rule.objects.get(code="D08")
    answer = office.post(url(old), written(old, limit="36 小时", when_level=["vip"], begins="2026-04-01T00:00"))
    assert answer.status_code == 302, errors(answer)
    new = Rule.objects.get(replaces=old)
    assert (new.amount, new.when, new.valid_from) == (36 * 3600, {"level": ["vip"]}, local("2026-04-01 00:00"))
    assert answer["Location"] == url(new)
    assert "版本" in office.get(url(new)).content.decode()


def test_C3_what_determination_becomes_is_written_on_the_rule_s_page_in_its_own_unit(office):
    rule = Rule.objects.get(code="D14")
    assert 'value="48 小时"' in office.get(url(rule)).content.decode()
    assert office.post(url(rule), written(rule, clock="working_day", limit="2 天", longer_limit="3 天")).status_code == 302
    new = Rule.objects.get(replaces=rule)
    assert (new.amount, new.longer) == (2, 3)
    assert any("联系不上客户" in line and "3 个工作日" in line for line in saying.says(new, "客服经理"))
    assert office.post(url(new), written(new, longer_limit="")).status_code == 302
    assert Rule.objects.get(replaces=new).longer is None


@pytest.mark.parametrize(("code", "longer"), [("D14", "24 小时"), ("D14", "很久"), ("D13", "48 小时")])
def test_C3_a_longer_limit_that_could_never_come_is_refused(office, code, longer):
    rule = Rule.objects.get(code=code)
    assert set(errors(office.post(url(rule), written(rule, longer_limit=longer)))) == {"longer_limit"}


@pytest.mark.parametrize(("code", "field"), [("D08", "may_pause"), ("D14", "may_pause"), ("D14", "may_extend"), ("D18", "may_extend")])
def test_E3_a_rule_allows_no_pause_or_extension_that_its_limits_never_get(office, code, field):
    rule = Rule.objects.get(code=code)
    assert set(errors(office.post(url(rule), written(rule, **{field: "on"})))) == {field}


def test_E3_D26_may_stand_still_and_be_extended(office):
    rule = Rule.objects.get(code="D26", when={})
    assert office.post(url(rule), written(rule, limit="6 天", may_pause="on", may_extend="on")).status_code == 302


def test_E4_where_no_lead_stands_beside_the_assignee_it_is_the_assignee_who_answers(office):
    assert "处理人（代牵头人）" in office.get(url(Rule.objects.get(code="D24"))).content.decode()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_E5_what_a_rule_says_in_sentences(cast, language):
    with translation.override(language):
        said = " ".join(saying.says(Rule.objects.get(code="D03"), "处理人"))
        every = " ".join(saying.says(Rule.objects.get(code="D16"), "管理部"))
    wanted = ["紧急程度：紧急", "自收到起 2 小时", "处理人"] if language == "zh-hans" else ["urgency: Urgent", "2 hours", "counted from receipt"]
    assert [word for word in wanted if word not in said] == []
    assert "客服中心" in every


@pytest.mark.parametrize(("language", "words"), [
    ("zh-hans", "时限的 100%：责任人的上一级，之后每 4 小时再提醒一次，最多 3 次；"),
    ("en", "100% of the limit: Owner's next superior, again every 4 hours, at most 3 times more; "),
])  # fmt: skip
def test_E1_what_a_rule_says_tells_repetitions(cast, language, words):
    rule = Rule.objects.get(code="D03")
    rule.ladder.steps.filter(order=2).update(every_hours=4, times=3)
    with translation.override(language):
        assert any(words in sentence for sentence in saying.says(Rule.objects.get(code="D03"), "处理人"))


def test_E5_a_version_that_does_not_hold_says_so_and_counts_nothing(office, running, freeze):
    running("D08")
    freeze("2026-03-02 10:00")
    old = Rule.objects.get(code="D08")
    office.post(url(old), written(old, limit="36 小时", begins="2026-04-01T00:00"))
    for page in (url(Rule.objects.get(replaces=old)), url(old)):
        text = office.get(page).content.decode()
        assert ("此版本目前不生效" in text) == (page != url(old)), "the first holds until April"
        assert "0 个此代码的时限" in text or page != url(old)


def test_E5_the_sentence_follows_what_is_being_written(office):
    rule = Rule.objects.get(code="D03")
    says = reverse("admin:deadlines_rule_says", args=[rule.pk])
    assert "45 分钟" in office.post(says, written(rule, limit="45 分钟")).content.decode()
    assert "请" in office.post(says, written(rule, limit="很快")).content.decode()
    assert Rule.objects.filter(code="D03").count() == 1


def test_E5_rules_that_overlap_are_told_when_saving(office):
    rule = Rule.objects.get(code="D03")
    values = {"clock": "calendar", "amount": 60, "owner": "assignee", "ladder": rule.ladder, "valid_from": rule.valid_from}
    Rule.objects.create(code="D03", name="重要客户首次响应", when={"level": ["vip"]}, **values)
    answer = office.post(url(rule), written(rule, limit="3 小时"), follow=True)
    assert "重要客户首次响应" in [str(message) for message in answer.context["messages"]][-1]
    apart = office.post(url(Rule.objects.get(replaces=rule)), written(rule, limit="4 小时", when_level=["ordinary"]), follow=True)
    assert "重要客户首次响应" not in " ".join(str(message) for message in apart.context["messages"])


def test_E5_a_second_rule_with_the_same_conditions_is_refused(office):
    rule = Rule.objects.get(code="D03")
    answer = office.post(reverse("admin:deadlines_rule_add"), {**written(rule), "code": "D03"})
    assert "条件完全相同" in str(errors(answer))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"when_category": ["no-such"]}, "when_category"),
        ({"clock": "working_day", "limit": "0 天"}, "limit"),
        ({"clock": "fixed_date", "limit": "32"}, "limit"),
        ({"limit": "9999 小时"}, "limit"),
    ],
)
def test_E5_a_rule_that_can_never_apply_is_a_sentence(office, changes, field):
    rule = Rule.objects.get(code="D08")
    answer = office.post(url(rule), written(rule, **changes))
    assert field in errors(answer)


def test_E5_a_value_that_is_gone_is_shown_and_refused(office):
    rule = Rule.objects.get(code="D08")
    Rule.objects.filter(pk=rule.pk).update(when={"category": ["long-gone"]})
    assert "long-gone（已不存在）" in office.get(url(rule)).content.decode()
    rule.refresh_from_db()
    assert "when_category" in errors(office.post(url(rule), written(rule)))


def test_E5_conditions_that_nobody_can_pick_yet_stay(office):
    rule = Rule.objects.get(code="D29", when={"order": ["T"]})
    assert office.post(url(rule), written(rule, at_time="11:00", limit="")).status_code == 302
    assert Rule.objects.get(replaces=rule).when == {"order": ["T"]}


def test_E5_a_calendar_that_never_opens_is_refused(office):
    shut = Calendar.objects.create(name="停业", hours={}, country="")
    rule = Rule.objects.get(code="D16")
    assert "calendar" in errors(office.post(url(rule), written(rule, calendar=shut.pk)))


def test_E5_a_code_that_nothing_starts_is_refused(office):
    rule = Rule.objects.get(code="D08")
    assert "D99" in str(errors(office.post(reverse("admin:deadlines_rule_add"), {**written(rule), "code": "D99"}))["code"])


@pytest.mark.parametrize("percent", [0, 1001])
def test_E1_a_percentage_beyond_reason_is_a_sentence(cast, percent):
    from feedback_desk.deadlines.forms import RungForm

    ladder = Ladder.objects.all()[0]
    form = RungForm({"order": 1, "percent": percent, "receiver": "owner", "times": 0}, instance=LadderStep(ladder=ladder))
    assert "percent" in form.errors


def test_E5_preview_order_and_progress_on_the_page(office, running, administrator, freeze, announced):
    running("D08")
    freeze("2026-03-02 11:00")
    old = Rule.objects.get(code="D08")
    office.post(url(old), written(old, limit="1 小时"))
    new = Rule.objects.get(replaces=old)
    assert "有 1 个此代码的时限" in office.get(url(new)).content.decode()
    office.post(reverse("limits:preview"), {"rule": new.pk})
    change = Change.objects.get()
    page = reverse("limits:change", args=[change.pk])
    assert 'hx-trigger="every 1s"' in office.get(page).content.decode()
    worked_off(change)
    text = office.get(page).content.decode()
    assert "应用到 1 个在途时限" in text
    assert "1 个时限将立即超时" in text
    office.post(reverse("limits:order", args=[change.pk]))
    assert announced == [change.pk, change.pk]
    assert "<progress" in office.get(page, headers={"hx-request": "true"}).content.decode()
    worked_off(change)
    assert "由管理员下令" in office.get(page).content.decode()
    assert Deadline.objects.get(code="D08").rule == new
    assert LogEntry.objects.filter(object_id=str(new.pk), user=administrator, change_message__contains="1").exists()
    assert office.post(reverse("limits:order", args=[change.pk]), follow=True).status_code == 200


def test_E5_a_rule_switched_off_says_what_its_order_does_to_what_runs(office, item, running, freeze, announced):
    running("D08")
    freeze("2026-03-02 11:00")
    old = Rule.objects.get(code="D08")
    office.post(url(old), {name: value for name, value in written(old).items() if name != "active"})
    off = Rule.objects.get(replaces=old)
    assert "此规则已停用，仍有 1 个按它开始的时限在计时" in office.get(url(off)).content.decode()
    office.post(reverse("limits:preview"), {"rule": off.pk})
    change = worked_off(Change.objects.get())
    page = reverse("limits:change", args=[change.pk])
    assert "其余的作废，原因记为“规则已停用”" in office.get(page).content.decode()
    assert "the others become void with the reason “rule switched off”" in office.get(page, headers={"Accept-Language": "en"}).content.decode()
    office.post(reverse("limits:order", args=[change.pk]))
    worked_off(change)
    assert "<td>已作废</td>" in office.get(page).content.decode()
    assert Deadline.objects.get(item=item).state == "void"


def test_E5_without_a_broker_the_preview_waits_and_says_so(office, running, monkeypatch):
    def away(*args, **kwargs):
        raise OSError

    monkeypatch.setattr(tasks.change, "apply_async", away)
    running("D24")
    answer = office.post(reverse("limits:preview"), {"calendar": Calendar.objects.get(is_default=True).pk}, follow=True)
    assert "后台服务暂时没有响应" in answer.content.decode()
    assert Change.objects.get().state == "counting"


def test_E5_only_administrators_change_what_runs(client, cast, running):
    client.force_login(cast.manager)
    assert client.post(reverse("limits:preview"), {"rule": Rule.objects.get(code="D08").pk}).status_code == 403
    assert not Change.objects.exists()
    assert client.get(reverse("limits:year", args=[Calendar.objects.get(is_default=True).pk, 2026])).status_code == 200
    client.force_login(cast.agent)
    assert client.get(reverse("limits:year", args=[Calendar.objects.get(is_default=True).pk, 2026])).status_code == 403


def test_V3_the_sample_leaves_out_matters_that_the_reader_is_named_in(office, item, running, administrator, freeze, announced):
    running("D08")
    freeze("2026-03-02 11:00")
    Concern.objects.create(item=item, user=administrator, because="由客户指明", since=item.changed_at)
    old = Rule.objects.get(code="D08")
    office.post(url(old), written(old, limit="6 小时"))
    office.post(reverse("limits:preview"), {"rule": Rule.objects.get(replaces=old).pk})
    change = worked_off(Change.objects.get())
    assert change.found["sample"]
    assert "外壳破损" not in office.get(reverse("limits:change", args=[change.pk])).content.decode()


def test_a_calendars_year_shows_what_each_day_is(office, freeze):
    freeze("2026-03-02 10:00")
    desk = Calendar.objects.get(is_default=True)
    text = office.get(reverse("limits:year", args=[desk.pk, 2026])).content.decode()
    assert "调休上班" in text
    assert "2026 年：已公布并录入" in text
    page = office.get(reverse("limits:year", args=[desk.pk, 2027])).content.decode()
    assert "2027 年节假日安排尚未公布，按普通周历计算" in page
    assert reverse("limits:load_year", args=[desk.pk, 2027]) not in page
    assert "尚未公布" in office.get(reverse("admin:deadlines_calendar_change", args=[desk.pk])).content.decode()


def test_a_year_is_confirmed_by_hand_on_record_and_not_loaded_before_its_time(office, administrator):
    desk = Calendar.objects.get(is_default=True)
    answer = office.post(reverse("limits:load_year", args=[desk.pk, 2027]), follow=True)
    assert "尚未公布" in answer.content.decode()
    office.post(reverse("limits:confirm_year", args=[desk.pk, 2027]))
    desk.refresh_from_db()
    assert desk.announced["2027"] == "hand"
    assert LogEntry.objects.filter(object_id=str(desk.pk), user=administrator).exists()


def test_departments_are_put_on_a_calendar_and_on_one_only(office, cast):
    week = {"day1": "22:00-06:00", "days-TOTAL_FORMS": "0", "days-INITIAL_FORMS": "0", "zone": "Asia/Shanghai", "country": ""}
    answer = office.post(reverse("admin:deadlines_calendar_add"), {"name": "夜班", "departments": [cast.delivery.pk], **week})
    assert answer.status_code == 302, errors(answer)
    nights = Calendar.objects.get(name="夜班")
    assert [row.department for row in nights.departments.all()] == [cast.delivery]
    answer = office.post(reverse("admin:deadlines_calendar_add"), {"name": "周末班", "departments": [cast.delivery.pk], **week})
    assert "夜班" in str(errors(answer)["departments"])
    assert "subdivision" in errors(office.post(reverse("admin:deadlines_calendar_add"), {"name": "x", "subdivision": "ZZ", **week, "country": "DE"}))


def week_of(calendar, **more):
    rows = {"days-TOTAL_FORMS": "0", "days-INITIAL_FORMS": "0"}
    return {"name": calendar.name, "zone": calendar.zone, "country": calendar.country, "is_default": "on", "day1": "09:00-18:00", **rows, **more}


def test_one_calendar_is_always_the_desk_s_own_and_another_may_take_its_place(office, running):
    before, runs = Calendar.objects.get(is_default=True), running("D15")
    answer = office.post(reverse("admin:deadlines_calendar_change", args=[before.pk]), week_of(before, is_default=""))
    assert set(errors(answer)) == {"is_default"}
    answer = office.post(reverse("admin:deadlines_calendar_add"), week_of(before, name="新班次"))
    assert answer.status_code == 302, errors(answer)
    assert Calendar.objects.get(is_default=True).name == "新班次"
    assert running("D15", part="2").allowance["calendar"] != runs.allowance["calendar"] == before.pk


@pytest.mark.parametrize("days", [["2026-10-01"], ["2026-12-01", "2026-12-01"]])
def test_a_day_stands_once_in_a_calendar_and_twice_is_a_sentence(office, freeze, days):
    freeze("2026-03-02 10:00")
    desk = Calendar.objects.get(is_default=True)
    rows = {"days-TOTAL_FORMS": str(len(days)), **{f"days-{n}-day": day for n, day in enumerate(days)}}
    answer = office.post(reverse("admin:deadlines_calendar_change", args=[desk.pk]), week_of(desk, **rows))
    assert answer.status_code == 200
    assert "已有相同的设置" in answer.content.decode()


def test_a_step_stands_once_in_a_ladder_and_twice_is_a_sentence(office):
    def rungs(*orders, ids=()):
        rows = [{"percent": "50", "receiver": "owner", "times": "0", "order": order, **({"id": ids[n]} if ids else {})} for n, order in enumerate(orders)]
        counts = {"steps-TOTAL_FORMS": len(rows), "steps-INITIAL_FORMS": len(ids)}
        return {"name": "新梯", **counts, **{f"steps-{n}-{name}": value for n, row in enumerate(rows) for name, value in row.items()}}

    add = reverse("admin:deadlines_ladder_add")
    assert "已有相同的设置" in office.post(add, rungs(1, 1)).content.decode()
    assert office.post(add, rungs(1, 2)).status_code == 302
    ladder = Ladder.objects.get(name="新梯")
    ids = list(ladder.steps.values_list("pk", flat=True))
    change = reverse("admin:deadlines_ladder_change", args=[ladder.pk])
    assert "已有相同的设置" in office.post(change, rungs(2, 1, ids=ids)).content.decode(), "exchanged in one go they meet on the way"
    assert "仍按开始时的步骤" in office.post(change, rungs(3, 2, ids=ids), follow=True).content.decode()


def test_the_command_loads_what_the_library_knows(cast, capsys):
    desk = Calendar.objects.get(is_default=True)
    CalendarDay.objects.filter(calendar=desk, day=date(2026, 10, 1)).delete()
    call_command("load_holidays", "--year", "2026")
    assert desk.days.filter(day=date(2026, 10, 1)).exists()
    with pytest.raises(CommandError, match="2027"):
        call_command("load_holidays", "--year", "2027")
    with pytest.raises(CommandError, match="没有这个日历"):
        call_command("load_holidays", "--calendar", "没有")


def test_a_rules_page_costs_no_more_with_many_versions(office, cast, django_assert_max_num_queries, freeze, local):
    freeze("2026-03-02 10:00")
    rule = Rule.objects.get(code="D08")
    for n in range(3):
        office.post(url(rule), written(rule, limit=f"{n + 2} 小时"))
        rule = Rule.objects.get(replaces=rule)
        freeze(local("2026-03-02 10:00") + timedelta(hours=n + 1))
    with django_assert_max_num_queries(30):
        office.get(url(rule))
    assert changing.stuck() == []
