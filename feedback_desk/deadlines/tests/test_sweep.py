"""The sweep: each step once, by event time, whatever happens (E1, E2, V2, V3, decisions 3 and 4)."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from feedback_desk.deadlines import services
from feedback_desk.deadlines.models import Deadline, StepTaken
from feedback_desk.deadlines.sweep import SET_ASIDE, sweep, until_done
from feedback_desk.deadlines.tasks import sweep_deadlines
from feedback_desk.notices.models import Notice, ServiceState
from feedback_desk.people.models import Absence, Concern, Membership, Role
from feedback_desk.records.items import open_item
from feedback_desk.records.models import Entry, Item

FACTS = {"urgency": "urgent", "grade": "II"}


def told(template="deadline_step"):
    return set(Notice.objects.filter(template=template, channel="page").values_list("receiver__username", flat=True))


def absent(user, local):
    Absence.objects.create(user=user, starts_at=local("2026-03-01 00:00"), ends_at=local("2026-04-01 00:00"))


def concern(user, item, local):
    Concern.objects.create(item=item, user=user, because="被投诉", since=local("2026-03-02 09:00"))


def test_E1_the_default_ladder_rung_by_rung(running, local, cast):
    running("D08")  # 48 hours from Monday 09:00
    assert sweep(local("2026-03-03 20:59:59")) == 0
    for at, receivers in [
        ("2026-03-03 21:00", {"agent", "colleague"}),
        ("2026-03-04 09:00", {"supervisor"}),
        ("2026-03-05 09:00", {"manager"}),
        ("2026-03-06 09:00", {"manager"}),
        ("2026-03-08 09:00", {"gm"}),
    ]:
        assert sweep(local(at)) == 1
        assert told() == receivers
        Notice.objects.all().delete()
    assert sweep(local("2027-03-08 09:00")) == 0


def test_E1_working_day_limits_go_on_by_working_days(running, local):
    running("D20")  # Wednesday the 4th, 24:00
    moments = ["2026-03-04 08:15", "2026-03-05 00:00", "2026-03-06 00:00", "2026-03-07 00:00", "2026-03-10 00:00"]
    for at in moments:
        assert sweep(local(at) - timedelta(seconds=1)) == 0, at
        assert sweep(local(at)) == 1, at
    assert list(StepTaken.objects.order_by("step").values_list("at", flat=True)) == [local(at) for at in moments]


def test_E2_sweeping_twice_takes_each_step_once(running, local):
    running("D08")
    at = local("2026-03-03 21:00")
    assert [sweep(at), sweep(at), sweep(at + timedelta(seconds=5))] == [1, 0, 0]
    assert (StepTaken.objects.count(), Notice.objects.count()) == (1, 4)


def test_E2_even_a_sweep_that_forgot_takes_no_step_twice(running, local):
    """The unique key holds although the row says that the step is still to be taken."""
    deadline = running("D08")
    at = local("2026-03-03 21:00")
    sweep(at)
    Deadline.objects.update(next_step=1, next_step_at=deadline.next_step_at)
    assert sweep(at) == 1
    assert (StepTaken.objects.count(), Notice.objects.count(), Entry.objects.filter(verb="limit_near").count()) == (1, 4, 1)


def test_E2_after_an_outage_only_the_highest_step_tells_anybody(running, local):
    running("D08")
    assert until_done(local("2026-03-06 10:00")) == 1
    steps = StepTaken.objects.order_by("step").values_list("step", "skipped", "at", "taken_at")
    now = local("2026-03-06 10:00")
    assert list(steps) == [
        (1, True, local("2026-03-03 21:00"), now),
        (2, True, local("2026-03-04 09:00"), now),
        (3, True, local("2026-03-05 09:00"), now),
        (4, False, local("2026-03-06 09:00"), now),
    ]
    assert told() == {"manager"}
    assert Notice.objects.count() == 2


def test_E2_an_act_is_never_lost_in_an_outage(running, local):
    running("D36")
    sweep(local("2026-03-20 09:00"))
    step = StepTaken.objects.get(act="propose_major")
    assert (step.skipped, step.at) == (True, local("2026-03-05 09:00"))


def test_E1_people_at_or_below_the_owners_rank_are_skipped(running, local, cast):
    running("D14", owner=cast.manager)
    sweep(local("2026-03-08 09:00"))
    assert told() == {"gm"}
    assert told("administrator_note") == set()


def test_E1_the_highest_step_that_has_a_receiver_tells(running, local, cast):
    """At 200 % the customer-service manager would be told; owning it, the manager's superior of the step below is told instead."""
    running("D14", owner=cast.manager)
    sweep(local("2026-03-04 09:00"))
    assert told() == {"gm"}


def test_E1_nobody_is_above_the_general_manager(running, local, cast):
    running("D40", owner=cast.general_manager)
    sweep(local("2026-03-20 09:00"))
    assert told() == {"gm", "deputy"}
    assert told("administrator_note") == set()


@pytest.mark.parametrize("end", ["settle", "void"])
def test_what_has_ended_takes_no_step(item, running, local, end):
    running("D08")
    more = {"why": "合并"} if end == "void" else {}
    getattr(services, end)(item, "D08", at=local("2026-03-03 10:00"), **more)
    assert sweep(local("2026-03-20 09:00")) == 0
    assert not StepTaken.objects.exists()


def test_what_is_paused_takes_no_step(item, running, local):
    running("D26")
    services.pause(item, "D26", at=local("2026-03-03 10:00"), because="等待客户")
    assert sweep(local("2026-05-20 09:00")) == 0


def test_V2_an_absent_owner_is_stood_in_for_by_the_backup(running, local, cast):
    absent(cast.agent, local)
    running("D08")
    sweep(local("2026-03-03 21:00"))
    assert told() == {"colleague"}


def test_V2_an_absent_superior_is_stood_in_for_by_their_backup(running, local, cast):
    absent(cast.general_manager, local)
    running("D14", owner=cast.manager)
    sweep(local("2026-03-03 09:00"))
    assert told() == {"deputy"}


def test_V2_backups_in_a_circle_end(running, local, cast):
    cast.colleague.backup = cast.agent
    cast.colleague.save(update_fields=["backup"])
    absent(cast.agent, local)
    absent(cast.colleague, local)
    running("D08")
    sweep(local("2026-03-03 21:00"))
    assert told() == {"supervisor"}


def test_V3_a_concerned_owner_is_not_told(item, running, local, cast):
    concern(cast.agent, item, local)
    running("D08")
    sweep(local("2026-03-03 21:00"))
    assert told() == {"colleague"}


def test_V3_a_concerned_superior_is_skipped(item, running, local, cast):
    concern(cast.supervisor, item, local)
    running("D08")
    sweep(local("2026-03-04 09:00"))
    assert told() == {"manager"}


def test_V3_a_concerned_head_is_stood_in_for(item, running, local, cast):
    concern(cast.department_head, item, local)
    running("D08", owner=cast.agent, department=cast.delivery)
    sweep(local("2026-03-05 09:00"))
    assert told() == {"headbackup"}


def test_V3_with_nobody_left_the_next_step_up_and_the_administrators_are_told(item, running, local, cast):
    for person in (cast.agent, cast.colleague, cast.supervisor, cast.manager, cast.office):
        concern(person, item, local)
    Membership.objects.filter(role=Role.GENERAL_MANAGER).delete()
    running("D06")
    sweep(local("2026-03-02 10:00"))
    assert told("administrator_note") == {"root"}


def test_V3_an_administrator_named_in_the_matter_gets_no_note_of_it(item, running, local, cast):
    Membership.objects.create(user=cast.outsider, role=Role.ADMINISTRATOR)
    for person in (cast.agent, cast.colleague, cast.supervisor, cast.manager, cast.office, cast.general_manager, cast.deputy, cast.administrator):
        concern(person, item, local)
    running("D06")
    sweep(local("2026-03-02 10:00"))
    assert told("administrator_note") == {"outsider"}


def test_without_an_owner_whoever_assigns_is_told(running, local):
    running("D02", owner=None)
    sweep(local("2026-03-02 09:30"))
    assert told() == {"supervisor"}


def test_T7_an_unconfirmed_assignment_goes_up_after_two_business_hours(running, local):
    running("D07", "2026-03-06 17:00")
    assert sweep(local("2026-03-09 09:59:59")) == 0
    assert sweep(local("2026-03-09 10:00")) == 1
    step = StepTaken.objects.get()
    assert (step.act, step.receiver, step.at) == ("hand_up", "supervisor", local("2026-03-09 10:00"))


def test_V7_notices_carry_number_and_summary_only(item, running, local):
    running("D08")
    sweep(local("2026-03-03 21:00"))
    data = Notice.objects.order_by("pk")[0].data
    assert (data["number"], data["title"], data["code"]) == (item.number, item.title, "D08")
    assert set(data) == {"number", "title", "code", "name", "name_en", "due_at", "step", "percent", "step_at", "late", "start_at", "promised"}


@pytest.mark.parametrize(
    "damage", [{"allowance": {}}, {"allowance": {"clock": "business", "calendar": 999999, "steps": [[1, 75, None, "owner", ""]], "total": 1}}]
)
def test_a_poisoned_row_is_set_aside_and_holds_nobody_up(item, running, local, damage):
    bad = running("D08")
    other = open_item("ticket", title="x", at=local("2026-03-02 09:00"))
    good = running("D08", on=other)
    Deadline.objects.filter(pk=bad.pk).update(**damage)
    at = local("2026-03-03 21:00")
    until_done(at)
    bad.refresh_from_db()
    assert bad.broken_at == at
    assert bad.broken_why
    assert set(StepTaken.objects.values_list("deadline", flat=True)) == {good.pk}
    assert sweep(at + timedelta(seconds=5)) == 0, "not again at once"
    Deadline.objects.filter(pk=bad.pk).update(allowance=bad.allowance | good.allowance)
    assert sweep(at + SET_ASIDE) == 1, "mended and tried again"
    bad.refresh_from_db()
    assert (bad.broken_at, bad.broken_why) == (None, "")


def test_a_row_that_fails_in_the_database_is_set_aside_alone(running, local):
    bad = running("D08")
    good = running("D08", on=open_item("ticket", title="x", at=local("2026-03-02 09:00")))
    Deadline.objects.filter(pk=bad.pk).update(allowance=bad.allowance | {"steps": [[1, 75, None, "owner", None]]})
    assert until_done(local("2026-03-03 21:00")) == 2
    bad.refresh_from_db()
    assert "IntegrityError" in bad.broken_why
    assert bad.next_step == 1
    assert set(StepTaken.objects.values_list("deadline", flat=True)) == {good.pk}
    assert set(Notice.objects.values_list("item", flat=True)) == {good.item_id}


def test_batches_are_worked_off_one_after_the_other(running, local):
    for _n in range(7):
        running("D08", on=open_item("ticket", title="x", at=local("2026-03-02 09:00")))
    at = local("2026-03-03 21:00")
    assert [sweep(at, limit=3), sweep(at, limit=3), sweep(at, limit=3), sweep(at, limit=3)] == [3, 3, 1, 0]


def test_a_batch_costs_the_same_number_of_statements_at_1_row_and_at_1000(running, local):
    def statements(rows, day):
        Item.objects.bulk_create([Item(kind="ticket", title="x", number=f"T{day}{n}", changed_at=local(f"{day} 09:00")) for n in range(rows)])
        Item.objects.filter(root=None).update(root=F("pk"))
        first, *rest = Item.objects.filter(number__startswith=f"T{day}")
        row = running("D08", f"{day} 09:00", on=first)
        fields = {f.attname: getattr(row, f.attname) for f in Deadline._meta.concrete_fields if f.attname not in ("id", "item_id", "root_id")}
        Deadline.objects.bulk_create([Deadline(**fields, item=item, root=item) for item in rest])
        with CaptureQueriesContext(connection) as seen:
            assert sweep(local(f"{day} 09:00") + timedelta(hours=36)) == rows
        Deadline.objects.update(next_step_at=None)
        return len([query for query in seen if "SAVEPOINT" not in query["sql"]])

    one = statements(1, "2026-03-02")
    assert one <= 12
    assert statements(1000, "2026-04-02") == one
    assert (StepTaken.objects.count(), Notice.objects.count(), Entry.objects.filter(verb="limit_near").count()) == (1001, 4004, 1001)


def test_V5_each_step_stands_in_the_history_with_whom_it_told(running, local, item):
    deadline = running("D08")
    until_done(local("2026-03-04 10:00"))
    lines = Entry.objects.filter(item=item).order_by("pk").values_list("verb", "actor", "at", "data__step", "data__skipped", "data__told", "data__deadline")
    now = local("2026-03-04 10:00")
    assert list(lines) == [
        ("limit_near", "system", now, 1, True, [], deadline.pk),
        ("limit_passed", "system", now, 2, False, ["主管秦"], deadline.pk),
    ]


def test_the_sweep_leaves_the_item_alone(running, local, item):
    """A service may hold it and wait for the deadline that the sweep holds (decision 4)."""
    running("D08")
    before = Item.objects.filter(pk=item.pk).values().get()
    sweep(local("2026-03-03 21:00"))
    assert Item.objects.filter(pk=item.pk).values().get() == before


def test_with_nothing_due_one_statement_is_asked(running, local):
    running("D08")
    with CaptureQueriesContext(connection) as seen:
        assert sweep(local("2026-03-02 09:30")) == 0
    assert len([query for query in seen if "SAVEPOINT" not in query["sql"]]) == 1


def test_the_task_signs_its_life(running, local, freeze):
    running("D08")
    freeze("2026-03-03 21:00")
    sweep_deadlines()
    assert ServiceState.objects.filter(name="deadlines.sweep").exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_E2_two_sweeps_at_once_take_each_step_once(running, local):
    for _n in range(60):
        running("D08", on=open_item("ticket", title="x", at=local("2026-03-02 09:00")))
    at, gate, taken = local("2026-03-03 21:00"), threading.Barrier(2), []

    def work():
        gate.wait()
        taken.append(sum(sweep(at, limit=7) for _n in range(20)))
        connection.close()

    threads = [threading.Thread(target=work) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(taken) == 60
    assert min(taken) > 0
    assert (StepTaken.objects.count(), Notice.objects.count()) == (60, 240)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_sweep_passes_over_what_a_service_holds(item, running, local):
    """Neither waits for the other: the row held is taken by a later sweep, the other at once."""
    running("D08")
    running("D08", on=open_item("ticket", title="x", at=local("2026-03-02 09:00")))
    done = []

    def work():
        done.append(sweep(local("2026-03-03 21:00")))
        connection.close()

    with transaction.atomic():
        services.settle(item, "D08", at=local("2026-03-03 20:00"))
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(10)
        assert done == [1]
    assert sweep(local("2026-03-03 21:00")) == 0
