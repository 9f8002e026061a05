"""The state of the machinery: each figure and its sentence, what failed and the buttons, the watch, the slim bar, /metrics."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.db.models import F
from django.urls import reverse
from django.utils import translation

from feedback_desk import clock
from feedback_desk.deadlines import acts, public_holidays, sweep
from feedback_desk.deadlines.models import Calendar, Deadline, Rule, StepFailure, StepTaken
from feedback_desk.notices import delivery, outbox
from feedback_desk.notices.models import Channel, Notice, NoticeState, ServiceState
from feedback_desk.people.models import Concern, Refusal
from feedback_desk.records.items import give_number, open_item
from feedback_desk.workplace import failures, front_page, health, machinery, measuring, tasks, watch
from feedback_desk.workplace.models import Incident
from tickets.imports import services as imports
from tickets.models import ImportRun

MINUTE = timedelta(minutes=1)


@pytest.fixture
def living(db, monkeypatch):
    """Broker, beat, both queues and a worker for each, all well; nobody is really asked."""
    monkeypatch.setattr(health, "broker_answers", lambda: True)
    monkeypatch.setattr(health, "workers_that_answer", dict)
    monkeypatch.setattr(measuring, "queues", lambda: {"sweep": 0, "work": 3})
    monkeypatch.setattr(watch, "_hurry", lambda: None)
    for name in (health.BEAT, *health.WORKERS, "beat:beat@a"):
        health.sign(name)
    for queue in health.WORKERS:
        health.sign(f"worker:{queue}@a", queues=[queue], process=4711)


def silence(name: str, age: timedelta = timedelta(seconds=40)) -> None:
    ServiceState.objects.filter(name=name).update(at=F("at") - age)


@pytest.fixture
def item(cast):
    found = open_item("ticket", title="外壳破损", at=clock.now())
    give_number(found, at=clock.now())
    return found


@pytest.fixture
def due(cast, item):
    """due(minutes): a running limit whose next step was due so many minutes ago."""

    def make(minutes: float, **more) -> Deadline:
        at = clock.now()
        when = at - minutes * MINUTE
        fields = {"next_step": 1, "next_step_at": when, "part": str(Deadline.objects.count()), **more}
        return Deadline.objects.create(
            item=item, root=item, rule=Rule.objects.get(code="D08"), code="D08", owner=cast.agent, owner_role="assignee",
            start_at=when - MINUTE, due_at=when, warn_at=when, **fields,
        )  # fmt: skip

    return make


def failed_notice(item, receiver, **more) -> Notice:
    at = clock.now()
    fields = {"key": f"k{Notice.objects.count()}", "cause": "step:1", "template": "assigned", "data": {"number": "T1"}, **more}
    return Notice.objects.create(
        item=item, receiver=receiver, channel=Channel.EMAIL, created_at=at, send_after=at, state=NoticeState.FAILED, attempts=8,
        last_error="550 no such user <chen@example.com>", **fields,
    )  # fmt: skip


def line(key: str) -> machinery.Part:
    return next(part for part in machinery.parts(measuring.everything()) if part.key == key)


# --- figures and sentences --------------------------------------------------------------------------------------------------------


def test_the_lag_is_the_age_of_the_oldest_step_that_nobody_took(living, due):
    due(0.5)
    due(3)
    due(50, aside_since=clock.now(), broken_at=clock.now())
    due(-5)
    found = measuring.sweep()
    assert (found.due, found.aside, found.behind) == (2, 1, True)
    assert timedelta(minutes=3) <= found.lag < timedelta(minutes=4)
    assert not replace(found, lag=0.9 * MINUTE).behind


@pytest.mark.parametrize(
    ("age", "lag", "steps", "tone", "words"),
    [
        (10, 4, 3, "ok", "nothing behind"),
        (20, 40, 2, "soon", "2 steps behind, the oldest for 40 s"),
        (20, 90, 2, "late", "2 steps behind, the oldest for 1 min"),
        (70, 0, 0, "soon", "Limits not checked for 1 minute"), (180, 0, 0, "late", "Limits not checked for 3 minutes"),
    ],
)  # fmt: skip
def test_nothing_is_said_to_be_behind_only_where_nothing_lies(age, lag, steps, tone, words):
    with translation.override("en"):
        found = machinery.sweep_line(measuring.Sweep(timedelta(seconds=age), steps, timedelta(seconds=lag), 0))
    assert (found.tone, words in found.text) == (tone, True)


def test_the_outbox_counts_what_should_have_left(living, cast, item):
    at = measuring.instant()
    for key, more in (("now", {}), ("again", {"attempts": 2, "send_after": at + 5 * MINUTE}), ("later", {"send_after": at + 5 * MINUTE})):
        Notice.objects.create(
            key=key, cause="x", item=item, receiver=cast.agent, channel="email", template="assigned",
            **{"send_after": at, "created_at": at - 7 * MINUTE, **more},
        )  # fmt: skip
    found = measuring.outbox()
    assert (found.waiting, found.failed) == (2, 0)
    assert 7 * MINUTE <= found.oldest < 8 * MINUTE
    assert (line("outbox").tone, "7" in line("outbox").line.text) == ("soon", True)


def test_all_well_is_said_in_one_word(living):
    from feedback_desk.deadlines.tasks import sign

    sign(measuring.instant(), 0)
    health.sign(measuring.BACKUP)
    found = machinery.parts(measuring.everything())
    assert {part.key: part.tone for part in found if part.tone != "ok"} == {}
    assert machinery.overall(found).tone == "ok"


def test_a_silent_worker_is_named_with_the_time_it_was_last_seen(living):
    silence("worker:work@a", timedelta(minutes=3, seconds=5))
    silence("work")
    assert line("workers").tone == "late"
    assert line("workers").line.text.startswith("work@a")
    assert "3" in line("workers").line.text
    assert line("beat").tone == "ok"


@pytest.mark.parametrize(("ahead", "tone"), [(0.5, "ok"), (12, "soon"), (-90, "late")])
def test_a_clock_that_differs_from_the_databases_is_named(living, monkeypatch, ahead, tone):
    right = clock.of_this_machine
    monkeypatch.setattr(clock, "of_this_machine", lambda: right() + timedelta(seconds=ahead))
    health.sign("worker:sweep@a", queues=["sweep"])
    monkeypatch.setattr(clock, "of_this_machine", right)
    assert line("clocks").tone == tone
    if tone != "ok":
        assert line("clocks").line.text.startswith("sweep@a")


def test_the_broker_away_is_said_once_and_the_workers_cannot_be_asked(living, monkeypatch):
    monkeypatch.setattr(measuring, "queues", lambda: None)
    silence("worker:work@a")
    assert (line("broker").tone, line("workers").tone) == ("late", "soon")


@pytest.mark.parametrize(("free", "tone"), [(50, "ok"), (5, "soon"), (0.2, "late")])
def test_little_room_on_the_disk_is_seen(living, monkeypatch, free, tone):
    monkeypatch.setattr(measuring, "room", lambda: measuring.Room(10**6, int(free * 1024**3), 100 * 1024**3))
    assert line("database").tone == tone


@pytest.mark.parametrize(("age", "tone"), [(None, "soon"), (3, "ok"), (9, "soon"), (16, "late")])
def test_V6_a_backup_is_at_most_a_week_old(living, age, tone):
    if age is not None:
        health.sign(measuring.BACKUP)
        silence(measuring.BACKUP, timedelta(days=age))
    assert line("backup").tone == tone


def test_the_figures_cost_the_same_at_one_row_and_at_fifty(living, due, cast, item, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        measuring.everything()
    for n in range(50):
        due(n)
        failed_notice(item, cast.agent)
    with django_assert_max_num_queries(12):
        measuring.everything()


# --- the watch --------------------------------------------------------------------------------------------------------------------


def told(user, template: str) -> list[Notice]:
    return list(Notice.objects.filter(receiver=user, template=template).order_by("pk"))


def test_a_worker_that_died_is_told_once_by_page_and_mail_and_once_when_it_is_well(living, cast):
    at = measuring.instant()
    silence("worker:work@a")
    for seconds in (0, 10, 25, 35, 3600):
        watch.look(at + timedelta(seconds=seconds))
    found = told(cast.administrator, "machinery_trouble")
    assert {n.channel for n in found} == {"page", "email"}
    assert len(found) == 2
    assert (found[0].data["name"], found[0].data["word"]) == ("work@a", "dead")
    assert not told(cast.manager, "machinery_trouble")
    health.sign("worker:work@a", queues=["work"])
    watch.look(at + timedelta(seconds=3700))
    watch.look(at + timedelta(seconds=3800))
    assert len(told(cast.administrator, "machinery_well")) == 2
    assert Incident.objects.get().ended_at


def test_a_restart_is_no_incident(living, cast):
    at = measuring.instant()
    silence("worker:work@a")
    watch.look(at)
    health.sign("worker:work@a", queues=["work"])
    watch.look(at + timedelta(seconds=15))
    silence("worker:work@a")
    watch.look(at + timedelta(seconds=30))
    assert not told(cast.administrator, "machinery_trouble")
    assert Incident.objects.get().told_at is None


def test_limits_that_lie_are_an_incident_only_when_everybody_is_well(living, cast, due):
    at = measuring.instant()
    due(5)
    silence("worker:sweep@a")
    watch.look(at)
    assert set(Incident.objects.values_list("part", flat=True)) == {"worker:sweep@a"}
    health.sign("worker:sweep@a", queues=["sweep"])
    watch.look(at)
    assert set(Incident.objects.values_list("part", flat=True)) == {"limits"}


def test_nobody_is_called_well_because_something_else_is_worse(living, cast, due, monkeypatch):
    at = measuring.instant()
    row = due(5)
    watch.look(at)
    watch.look(at + timedelta(seconds=25))
    silence("worker:work@a")
    watch.look(at + timedelta(seconds=35))
    monkeypatch.setattr(health, "broker_answers", lambda: False)
    watch.look(at + timedelta(seconds=45))
    assert not told(cast.administrator, "machinery_well")
    assert set(Incident.objects.values_list("part", flat=True)) == {"limits", "worker:work@a", "broker"}
    monkeypatch.setattr(health, "broker_answers", lambda: True)
    Deadline.objects.filter(pk=row.pk).update(next_step_at=None)
    health.sign("worker:work@a", queues=["work"])
    watch.look(at + timedelta(seconds=55))
    assert {notice.data["kind"] for notice in told(cast.administrator, "machinery_well")} == {"limits"}, "the others were only suspected"
    assert Incident.objects.count() == 1


def test_of_many_that_look_one_has_the_turn(living):
    assert watch._my_turn()
    assert not watch._my_turn()
    silence(watch.TURN)
    assert watch._my_turn()


def test_a_pulse_signs_for_its_worker_and_looks_after_the_others(living):
    silence("worker:work@a")
    tasks.pulse("sweep@b", ["sweep"])
    assert {"worker:sweep@b"} <= set(ServiceState.objects.values_list("name", flat=True))
    assert Incident.objects.get().part == "worker:work@a"


def test_a_machine_that_was_taken_away_is_forgotten_after_a_day_when_others_do_its_work(living):
    health.sign("worker:sweep@old", queues=["sweep"])
    silence("worker:sweep@old", timedelta(days=2))
    silence("worker:work@a", timedelta(days=2))
    watch.look(measuring.instant())
    assert not ServiceState.objects.filter(name="worker:sweep@old").exists()
    assert ServiceState.objects.filter(name="worker:work@a").exists(), "nobody else serves its queue"


def test_a_limit_set_aside_is_reported_once_not_to_the_person_named_and_again_when_it_breaks_anew(living, cast, due, item):
    row = due(5)
    at = clock.now()
    sweep._set_aside(row.pk, at, ValueError("broken"))
    for minutes in (0, 10, 20):
        sweep._set_aside(row.pk, at + minutes * MINUTE, ValueError("broken"))
        watch.look(measuring.instant())
    assert len(told(cast.administrator, "limit_set_aside")) == 2, "page and mail"
    assert "broken" not in str(told(cast.administrator, "limit_set_aside")[0].data), "number and summary only (V7)"
    row.refresh_from_db()
    assert (row.aside_since, row.broken_at) == (at, at + 20 * MINUTE)
    Deadline.objects.filter(pk=row.pk).update(broken_at=None, aside_since=None)
    Concern.objects.create(item=item, user=cast.administrator, because="x", since=at)
    sweep._set_aside(row.pk, at + 60 * MINUTE, ValueError("broken"))
    watch.look(measuring.instant())
    assert len(told(cast.administrator, "limit_set_aside")) == 2


# --- what failed, and the buttons -------------------------------------------------------------------------------------------------


@pytest.fixture
def step(due):
    row = due(30)
    return StepTaken.objects.create(deadline=row, step=1, round=1, receiver="supervisor", act="hand_up", at=row.due_at, taken_at=row.due_at)


def test_an_act_that_fails_is_on_record_waits_and_holds_nobody_up(living, cast, step, due, monkeypatch):
    from tickets import services
    from tickets import tasks as ticket_tasks

    other = StepTaken.objects.create(
        deadline=due(20), step=1, round=1, receiver="supervisor", act="hand_up", at=step.at, taken_at=step.at
    )
    apply = services.apply_step

    def refuse(*, step_id):
        if step_id == step.pk:
            raise ValueError("poisoned")
        return apply(step_id=step_id)

    monkeypatch.setattr(services, "apply_step", refuse)
    ticket_tasks.apply_steps()
    ticket_tasks.apply_steps()
    failure = StepFailure.objects.get()
    assert (failure.step_id, failure.attempts) == (step.pk, 1), "not again at once"
    assert StepTaken.objects.filter(pk=other.pk, outcome__isnull=False).exists()
    for _try in range(2):
        StepFailure.objects.update(again_at=clock.now())
        ticket_tasks.apply_steps()
    watch.look(measuring.instant())
    watch.look(measuring.instant())
    assert len(told(cast.administrator, "act_failed")) == 2, "page and mail, once"
    monkeypatch.setattr(services, "apply_step", apply)
    assert acts.again([step.pk], at=clock.now()) == [step.pk]
    ticket_tasks.apply_steps()
    assert not StepFailure.objects.exists()


def test_tried_again_one_by_one_or_all_and_on_record(client, living, cast, item):
    first, second = failed_notice(item, cast.agent), failed_notice(item, cast.colleague)
    client.force_login(cast.administrator)
    client.post(reverse("office:again", args=["notices"]), {"pk": first.pk})
    assert dict(Notice.objects.values_list("pk", "state")) == {first.pk: "waiting", second.pk: "failed"}
    client.post(reverse("office:again", args=["notices"]))
    assert set(Notice.objects.values_list("state", flat=True)) == {"waiting"}
    assert set(LogEntry.objects.filter(user=cast.administrator).values_list("object_id", flat=True)) == {str(first.pk), str(second.pk)}


def test_pressed_twice_nothing_is_sent_twice(client, living, cast, item):
    notice = failed_notice(item, cast.agent)
    client.force_login(cast.administrator)
    for _press in range(2):
        client.post(reverse("office:again", args=["notices"]), {"pk": notice.pk})
        delivery.deliver(measuring.instant())
    assert len(mail.outbox) == 1
    assert LogEntry.objects.count() == 1


def test_V3_a_failed_notice_does_not_reach_who_has_been_named_meanwhile(client, living, cast, item):
    notice = failed_notice(item, cast.agent)
    Concern.objects.create(item=item, user=cast.agent, because="x", since=clock.now())
    client.force_login(cast.administrator)
    client.post(reverse("office:again", args=["notices"]))
    notice.refresh_from_db()
    assert notice.state == NoticeState.FAILED


def test_V3_who_is_named_neither_sees_nor_tries_what_failed_in_the_matter(client, living, cast, item, due):
    row = due(5)
    sweep._set_aside(row.pk, clock.now(), ValueError("broken"))
    failed_notice(item, cast.agent)
    Concern.objects.create(item=item, user=cast.administrator, because="x", since=clock.now())
    assert failures.listed(cast.administrator) == []
    assert failures.try_again(failures.KINDS["limits"], by=cast.administrator, at=clock.now(), pk=row.pk) == 0


def test_a_notice_that_failed_is_taken_back_with_its_step(living, cast, item):
    notice = failed_notice(item, cast.agent)
    assert outbox.withdraw("step:1") == 1
    notice.refresh_from_db()
    assert notice.state == NoticeState.WITHDRAWN


def test_failed_notices_that_nobody_needs_are_let_be(client, living, cast, item):
    notice = failed_notice(item, cast.agent)
    client.force_login(cast.administrator)
    client.post(reverse("office:let_be"), {"pk": notice.pk})
    notice.refresh_from_db()
    assert notice.state == NoticeState.WITHDRAWN
    assert line("failures").tone == "ok"


def test_a_limit_set_aside_is_taken_by_the_next_sweep_after_the_button(living, cast, due):
    row = due(5)
    Deadline.objects.filter(pk=row.pk).update(allowance={})
    at = clock.now()
    sweep.until_done(at)
    assert sweep.sweep(at + timedelta(seconds=5)) == 0
    assert failures.try_again(failures.KINDS["limits"], by=cast.administrator, at=at + timedelta(seconds=6)) == 1
    assert failures.try_again(failures.KINDS["limits"], by=cast.administrator, at=at + timedelta(seconds=6)) == 0
    sweep.until_done(at + timedelta(seconds=7))
    row.refresh_from_db()
    assert (row.broken_at, row.aside_since) == (at + timedelta(seconds=7), at)


def test_a_failed_import_is_checked_anew_and_written_by_nobody(client, living, cast, monkeypatch, django_capture_on_commit_callbacks):
    announced = []
    monkeypatch.setattr("tickets.imports.tasks.announce", lambda pk, asked: announced.append((pk, asked)))
    run = ImportRun.objects.create(
        kind="customers", state="failed", name="客户.csv", uploaded_by=cast.administrator, uploaded_at=clock.now(), settings={"kind": "csv"},
        result={"sentence": "停了"},
    )  # fmt: skip
    gone = ImportRun.objects.create(kind="customers", state="failed", name="旧.csv", uploaded_by=cast.agent, uploaded_at=clock.now(), settings={"tidied": True})
    client.force_login(cast.administrator)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("office:again", args=["imports"]))
        client.post(reverse("office:again", args=["imports"]), {"pk": gone.pk})
    run.refresh_from_db()
    assert (run.state, run.settings["asked"], announced) == (imports.State.UPLOADED, "check", [(run.pk, "check")])
    assert measuring.failed_imports().count() == 0, "kept too long is no failure"


@pytest.mark.parametrize("who", ["supervisor", "manager"])
def test_V1_who_only_looks_finds_no_buttons_and_is_refused_on_record(client, living, cast, item, who):
    notice = failed_notice(item, cast.agent)
    client.force_login(getattr(cast, who))
    page = client.get(reverse("office:machinery"))
    assert page.status_code == 200
    assert 'id="failures"' not in page.content.decode()
    assert "<form" not in page.content.decode().partition('id="content"')[2]
    for name, args in (("office:again", ["notices"]), ("office:let_be", []), ("office:forget", [])):
        assert client.post(reverse(name, args=args), {"pk": notice.pk}).status_code == 403
    notice.refresh_from_db()
    assert notice.state == NoticeState.FAILED
    assert Refusal.objects.filter(user=getattr(cast, who)).count() == 3


def test_V1_the_state_of_the_machinery_is_not_for_everybody(client, living, cast):
    client.force_login(cast.agent)
    assert client.get(reverse("office:machinery")).status_code == 403
    client.logout()
    assert client.get(reverse("office:panel")).status_code == 302


@pytest.mark.parametrize("given", ["x", "9" * 40, "-1", "1.5"])
def test_a_row_that_is_no_number_is_not_found(client, living, cast, given):
    client.force_login(cast.administrator)
    assert client.post(reverse("office:again", args=["notices"]), {"pk": given}).status_code == 404
    assert client.post(reverse("office:again", args=["nothing"])).status_code == 404


# --- pages ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_shows_every_kind_of_failure_with_its_reason_and_addresses_masked(client, living, cast, item, due, step, language):
    failed_notice(item, cast.agent)
    failed_notice(item, cast.agent, template="no_such_template")
    sweep._set_aside(due(5).pk, clock.now(), ValueError("no calendar"))
    acts.failed(step.pk, ValueError("no supervisor"), at=clock.now())
    ImportRun.objects.create(kind="customers", state="failed", name="客户.csv", uploaded_by=cast.agent, uploaded_at=clock.now(), result={"sentence": "停了"})
    cast.administrator.language = language
    cast.administrator.save(update_fields=["language"])
    client.force_login(cast.administrator)
    text = client.get(reverse("office:machinery"), headers={"accept-language": language}).content.decode()
    for words in ("no calendar", "no supervisor", "停了", "客户.csv", item.number, "sweep@a", "4711", "no_such_template"):
        assert words in text, words
    assert "chen@example.com" not in text


def test_the_page_costs_the_same_at_one_row_and_at_forty(client, living, cast, item, due, django_assert_max_num_queries):
    client.force_login(cast.administrator)
    sweep._set_aside(due(5).pk, clock.now(), ValueError("x"))
    failed_notice(item, cast.agent)
    client.get(reverse("office:machinery"))
    with django_assert_max_num_queries(60) as one:
        client.get(reverse("office:machinery"))
    for _n in range(39):
        sweep._set_aside(due(5).pk, clock.now(), ValueError("x"))
        failed_notice(item, cast.agent)
    with django_assert_max_num_queries(len(one.captured_queries)):
        client.get(reverse("office:machinery"))


def test_a_silent_process_can_be_forgotten_and_a_living_one_cannot(client, living, cast):
    silence("worker:work@a")
    client.force_login(cast.administrator)
    for name in ("worker:work@a", "worker:sweep@a", "sweep", "nobody"):
        client.post(reverse("office:forget"), {"name": name})
    left = set(ServiceState.objects.values_list("name", flat=True))
    assert {"worker:sweep@a", "sweep"} <= left
    assert "worker:work@a" not in left
    assert LogEntry.objects.get().object_repr == "worker:work@a"


def test_a_notice_of_the_machinery_leads_to_its_page(client, living, cast):
    at = measuring.instant()
    silence("worker:work@a")
    watch.look(at)
    watch.look(at + timedelta(seconds=25))
    client.force_login(cast.administrator)
    notice = Notice.objects.get(receiver=cast.administrator, channel=Channel.PAGE)
    assert client.get(reverse("workplace:notice", args=[notice.pk])).url == reverse("office:machinery")
    assert "work@a" in client.get(reverse("workplace:notices")).content.decode()


def test_the_front_page_asks_for_years_that_are_not_announced_and_for_no_others(cast, freeze):
    """One day entered by hand announces no year; a calendar that follows no public holidays waits for none; a confirmed year needs no days."""
    freeze("2026-12-01 10:00")
    desk = Calendar.objects.get(is_default=True)
    desk.days.create(day=date(2027, 1, 15), working=False, name="停电", by_hand=True)
    Calendar.objects.create(name="夜班", hours=desk.hours, country="")
    with translation.override("en"):
        asked = [line.text for line in front_page.to_look_after(clock.now()) if "public holidays" in line.text]
        assert asked == [f"The public holidays of 2027 are not announced in: {desk.name}"]
        public_holidays.confirm_year(desk, 2027)
        assert not any("public holidays" in line.text for line in front_page.to_look_after(clock.now()))


def test_the_front_page_names_what_wants_looking_after(living, cast, freeze):
    freeze("2026-11-25 09:00")
    cast.product.head = None
    cast.product.save(update_fields=["head"])
    found = [(line.tone, line.url) for line in front_page.to_look_after(clock.now())]
    assert ("soon", reverse("admin:people_department_changelist")) in found
    assert ("soon", reverse("admin:deadlines_calendar_changelist")) in found, "the next year's holidays"


def test_the_front_page_of_somebody_who_only_looks_has_no_list_of_things_to_do(client, living, cast):
    client.force_login(cast.general_manager)
    answer = client.get(reverse("admin:index"))
    assert answer.status_code == 200
    assert answer.context["to_look_after"] is None


# --- the bar on every page --------------------------------------------------------------------------------------------------------


def bar(text: str) -> bool:
    opening = text.partition('id="behind"')[2].partition(">")[0]
    return "hidden" not in opening


@pytest.mark.parametrize("url", ["workplace:work", "admin:index", "office:machinery", "workplace:customers"])
def test_limits_a_minute_behind_are_said_on_every_page_and_the_bar_goes_by_itself(client, living, cast, due, url):
    client.force_login(cast.administrator if url.startswith(("admin", "office")) else cast.supervisor)
    assert not bar(client.get(reverse(url)).content.decode())
    row = due(2)
    text = client.get(reverse(url)).content.decode()
    assert bar(text)
    since = text.partition('data-since="')[2].partition('"')[0]
    Deadline.objects.filter(pk=row.pk).update(next_step_at=None)
    news = client.get(reverse("workplace:changes"), {"since": since})
    assert news.json()["behind"] is None
    assert client.get(reverse("workplace:changes"), {"since": news.json()["since"]}).status_code == 204


def test_the_bar_says_what_is_late(living, cast):
    from django.utils import translation

    from feedback_desk.workplace import counts

    with translation.override("en"):
        assert counts.behind(cast.supervisor) == ""
        silence("work")
        assert counts.behind(cast.agent).startswith("Imports and summaries")
        silence("sweep")
        assert counts.behind(cast.manager).startswith("Reminders and mail")


def test_the_bar_costs_no_query_of_its_own(living, cast, due, django_assert_num_queries):
    from feedback_desk.workplace import counts

    due(2)
    assert cast.supervisor.roles
    with django_assert_num_queries(1):
        assert counts.behind(cast.supervisor)
        counts.unread(cast.supervisor)


# --- /metrics ---------------------------------------------------------------------------------------------------------------------

STRANGER = {"REMOTE_ADDR": "203.0.113.9"}
TOKEN = "a-token-of-32-letters-and-digits"


def test_metrics_are_prometheus_text_of_every_figure(client, living, due, cast, item):
    due(3)
    failed_notice(item, cast.agent)
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    text = answer.content.decode()
    for wanted in (
        "desk_steps_due 1.0", "desk_notices_failed 1.0", 'desk_alive{kind="worker",name="sweep@a"} 1.0', 'desk_queue_messages{queue="work"} 3.0',
        "desk_sweep_lag_seconds 18", "desk_disk_free_bytes", "desk_database_bytes", 'desk_clock_skew_seconds{name="web"}', "desk_build_info",
    ):  # fmt: skip
        assert wanted in text, wanted
    for secret in (item.number, "外壳破损", cast.agent.name, cast.agent.username, "example.com"):
        assert secret not in text


def test_healthz_tells_outbox_failures_and_clocks_to_those_who_may_measure(client, living, due, cast, item):
    failed_notice(item, cast.agent)
    at = clock.now()
    outbox.tell(key="k", cause="k", item=item, receiver=cast.agent, template="generic", data={"message": "13800138000"}, at=at - 2 * MINUTE)
    due(3, aside_since=at, broken_at=at)
    ServiceState.objects.filter(name="worker:work@a").update(data={"queues": ["work"], "clock": (clock.of_this_machine() + MINUTE).isoformat()})
    told = client.get("/healthz").json()
    oldest = told["outbox"].pop("oldest_seconds")
    assert 119 < oldest < 180
    assert told["outbox"] == {"waiting": 1, "failed": 1}
    assert told["failures"] == {"notices": 1, "limits": 1, "acts": 0, "imports": 0}
    assert abs(told["clock_skew_seconds"]["web"]) < 2
    assert 50 < told["clock_skew_seconds"]["work@a"] < 70
    assert set(client.get("/healthz", **STRANGER).json()) == {"ok", "failing", "parts"}
    for secret in (item.number, "外壳破损", cast.agent.name, cast.agent.username, "example.com", "13800138000"):
        assert secret not in client.get("/healthz").content.decode()


@pytest.mark.parametrize(
    ("more", "token", "behind_proxy", "status"),
    [
        ({}, "", False, 200),
        ({"REMOTE_ADDR": "::1"}, "", False, 200),
        (STRANGER, "", False, 403),
        (STRANGER, TOKEN, False, 403),
        (STRANGER | {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}, TOKEN, False, 200),
        (STRANGER | {"HTTP_AUTHORIZATION": "Bearer "}, "", False, 403),
        (STRANGER | {"HTTP_AUTHORIZATION": "Bearer 密"}, TOKEN, False, 403),
        ({"HTTP_X_FORWARDED_FOR": "203.0.113.9"}, "", False, 403),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, "", False, 403),
        ({}, "", True, 403),
        ({"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}, TOKEN, True, 200),
        ({"REMOTE_ADDR": ""}, "", False, 403),
    ],
)
def test_metrics_are_for_this_machine_or_with_the_token(client, living, settings, more, token, behind_proxy, status):
    settings.METRICS_TOKEN, settings.BEHIND_PROXY = token, behind_proxy
    assert client.get("/metrics", **more).status_code == status


def test_signing_in_opens_no_metrics(client, living, cast):
    client.force_login(cast.administrator)
    assert client.get("/metrics", **STRANGER).status_code == 403
    assert client.post("/metrics").status_code == 405
