"""V2: people record their own leave and who stands in."""

from datetime import timedelta

import pytest
from django.urls import reverse

from feedback_desk.people.models import Absence

PAGE = "people:absence"


def given(cast, **changes):
    return {"starts_at": "2026-03-05T09:00", "ends_at": "2026-03-09T18:00", "backup": cast.colleague.pk, "reason": "年假"} | changes


def test_V2_own_absence_is_recorded_in_local_time_with_its_backup(client, cast, freeze, local):
    freeze("2026-03-02 10:00")
    client.force_login(cast.supervisor)
    answer = client.post(reverse(PAGE), given(cast))
    assert answer.status_code == 302
    absence = Absence.objects.get()
    assert (absence.user, absence.starts_at, absence.ends_at, absence.reason) == (cast.supervisor, local("2026-03-05 09:00"), local("2026-03-09 18:00"), "年假")
    cast.supervisor.refresh_from_db()
    assert cast.supervisor.backup == cast.colleague
    assert "年假" in client.get(reverse(PAGE)).content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_at": "2026-03-05T08:00"}, "ends_at"),
        ({"starts_at": "2026-02-01T09:00", "ends_at": "2026-02-02T09:00"}, "ends_at"),
        ({"starts_at": "2026-03-20T09:00", "ends_at": "2026-03-21T09:00"}, "starts_at"),
        ({"backup": ""}, "backup"),
        ({"starts_at": "soon"}, "starts_at"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_kept(client, cast, freeze, local, changes, field):
    freeze("2026-03-02 10:00")
    Absence.objects.create(user=cast.agent, starts_at=local("2026-03-20 00:00"), ends_at=local("2026-03-22 00:00"))
    client.force_login(cast.agent)
    answer = client.post(reverse(PAGE), given(cast, **changes))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert "年假" in answer.content.decode()
    assert Absence.objects.count() == 1


def test_nobody_is_their_own_backup(client, cast, freeze):
    freeze("2026-03-02 10:00")
    client.force_login(cast.agent)
    assert "backup" in client.post(reverse(PAGE), given(cast, backup=cast.agent.pk)).context["form"].errors


def test_back_early_ends_a_running_absence_and_takes_out_a_coming_one(client, cast, freeze):
    at = freeze("2026-03-02 10:00")
    running = Absence.objects.create(user=cast.agent, starts_at=at - timedelta(days=1), ends_at=at + timedelta(days=1))
    coming = Absence.objects.create(user=cast.agent, starts_at=at + timedelta(days=2), ends_at=at + timedelta(days=3))
    client.force_login(cast.agent)
    for absence in (running, coming):
        assert client.post(reverse("people:back_early", args=[absence.pk])).status_code == 302
    running.refresh_from_db()
    assert running.ends_at == at
    assert not Absence.objects.filter(pk=coming.pk).exists()


def test_nobody_ends_the_absence_of_another(client, cast, freeze):
    at = freeze("2026-03-02 10:00")
    absence = Absence.objects.create(user=cast.agent, starts_at=at, ends_at=at + timedelta(days=1))
    client.force_login(cast.colleague)
    assert client.post(reverse("people:back_early", args=[absence.pk])).status_code == 404
    assert Absence.objects.filter(pk=absence.pk).exists()
