"""Quiet hours delay the delivery on a channel, not what is told in the page and not the step (E1)."""

from __future__ import annotations

from datetime import time

import pytest
from django.core import mail

from feedback_desk.notices import delivery, outbox, quiet
from feedback_desk.notices.forms import QuietHoursForm, spoken_days
from feedback_desk.notices.models import Notice, QuietHours
from feedback_desk.records.items import open_item

NIGHT = {"from_time": time(22), "until_time": time(7)}
WEEKEND = {"from_time": time(0), "until_time": time(0), "weekdays": [6, 7]}


def hours(**fields):
    return QuietHours.objects.create(channel="email", **{**NIGHT, **fields})


@pytest.fixture
def item(cast, local):
    return open_item("ticket", title="外壳破损", at=local("2026-03-02 09:00"))


@pytest.fixture
def tell(item, agent, local):
    def write(key, at, **data):
        outbox.tell(key=key, cause=key, item=item, receiver=agent, template="generic", data={"message": "请看", **data}, at=local(at))

    return write


@pytest.mark.parametrize(
    ("fields", "at", "end"),
    [
        (NIGHT, "2026-03-02 21:59", None),
        (NIGHT, "2026-03-02 22:00", "2026-03-03 07:00"),
        (NIGHT, "2026-03-03 06:59", "2026-03-03 07:00"),
        (NIGHT, "2026-03-03 07:00", None),
        ({**NIGHT, "weekdays": [5]}, "2026-03-07 03:00", "2026-03-07 07:00"),  # Friday's night lasts until Saturday
        ({**NIGHT, "weekdays": [5]}, "2026-03-06 03:00", None),
        (WEEKEND, "2026-03-07 12:00", "2026-03-09 00:00"),
        (WEEKEND, "2026-03-09 00:00", None),
        ({"from_time": time(12), "until_time": time(14), "weekdays": [1]}, "2026-03-02 13:00", "2026-03-02 14:00"),
        ({"from_time": time(12), "until_time": time(14), "weekdays": [1]}, "2026-03-03 13:00", None),
    ],
)
def test_E1_when_it_is_quiet_and_until_when(fields, at, end, local):
    row = QuietHours(channel="email", **fields)
    assert quiet.covers(row, local(at)) == (end is not None)
    assert end is None or quiet.ends(row, local(at)) == local(end)


def test_E1_a_notice_of_the_night_leaves_in_the_morning_and_stands_in_the_page_at_once(tell, local):
    hours()
    tell("k", "2026-03-02 23:00")
    assert delivery.deliver(local("2026-03-02 23:00")) == 0
    email = Notice.objects.get(channel="email")
    assert (email.state, email.send_after) == ("waiting", local("2026-03-03 07:00"))
    assert Notice.objects.get(channel="page").state == "sent"
    assert [delivery.deliver(local("2026-03-03 06:59")), delivery.deliver(local("2026-03-03 07:00"))] == [0, 1]
    assert len(mail.outbox) == 1


def test_E1_what_is_urgent_leaves_at_once_unless_the_row_says_otherwise(tell, local):
    row = hours()
    tell("k1", "2026-03-02 23:00", urgent=True)
    assert delivery.deliver(local("2026-03-02 23:00")) == 1
    QuietHours.objects.filter(pk=row.pk).update(urgent_passes=False)
    tell("k2", "2026-03-02 23:00", urgent=True)
    assert delivery.deliver(local("2026-03-02 23:00")) == 0


def test_E1_quiet_for_customers_is_not_quiet_for_colleagues(tell, item, local):
    hours(whom="customers")
    tell("k", "2026-03-02 23:00")
    outbox.tell_customer(key="r", cause="r", item=item, contact_point_id=1, template="receipt", data={}, at=local("2026-03-02 23:00"))
    assert delivery.deliver(local("2026-03-02 23:00")) == 1
    assert Notice.objects.get(receiver=None).send_after == local("2026-03-03 07:00")


def test_E1_one_that_is_switched_off_delays_nothing(tell, local):
    hours(active=False)
    tell("k", "2026-03-02 23:00")
    assert delivery.deliver(local("2026-03-02 23:00")) == 1


def test_E1_what_failed_by_day_is_not_tried_again_by_night(tell, local, monkeypatch):
    hours()
    tell("k", "2026-03-02 21:59")
    Notice.objects.filter(channel="email").update(attempts=3, send_after=local("2026-03-02 22:10"))
    assert delivery.deliver(local("2026-03-02 22:10")) == 0
    assert Notice.objects.get(channel="email").attempts == 3
    assert delivery.deliver(local("2026-03-03 07:00")) == 1


def given(**more):
    night = {"from_time": "22:00", "until_time": "07:00", "weekdays": ["1", "2"], "zone": "Asia/Shanghai"}
    return {"channel": "email", "whom": "everybody", "active": "on", **night, **more}


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({}, []),
        ({"zone": "Mars/Olympus"}, ["zone"]),
        ({"from_time": "00:00", "until_time": "00:00", "weekdays": list("1234567")}, ["until_time"]),
        ({"weekdays": []}, ["weekdays"]),
        ({"channel": "page"}, ["channel"]),
    ],
)
def test_the_back_office_says_what_is_wrong_with_quiet_hours(db, more, wrong):
    form = QuietHoursForm(given(**more))
    assert list(form.errors) == wrong
    if not wrong:
        assert form.save().weekdays == [1, 2]


def test_days_as_people_say_them():
    assert str(spoken_days([1, 2, 3, 4, 5, 6, 7])) in ("every day", "每天")
