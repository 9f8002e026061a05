"""Whoever is told may also act: rights and receivers follow one line of stand-ins (V2, V3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from feedback_desk import clock
from feedback_desk.people import receivers, standing
from feedback_desk.people.models import Absence, Role
from feedback_desk.people.services import name_concerned
from feedback_desk.records.items import open_item

pytestmark = pytest.mark.django_db


def away(user):
    at = clock.now()
    Absence.objects.create(user=user, starts_at=at - timedelta(hours=1), ends_at=at + timedelta(days=1))


@pytest.fixture
def item(cast):
    return open_item("ticket", title="外壳破损", at=clock.now())


def test_V2_with_the_backup_away_too_the_backup_s_backup_acts_for_the_head(cast, item):
    cast.head_backup.backup = cast.outsider
    cast.head_backup.save(update_fields=["backup"])
    away(cast.department_head)
    away(cast.head_backup)
    at = clock.now()
    assert standing.stand_in(cast.department_head, item, at) == cast.outsider
    assert receivers.heads_of(cast.delivery, item, at) == [cast.outsider]
    assert standing.heads(cast.outsider, {cast.delivery.pk}, item, at) == {cast.delivery.pk}


def test_V3_general_manager_and_deputy_concerned_the_office_rules(cast, item):
    for user in (cast.general_manager, cast.deputy):
        name_concerned(item, user, because="named", by=cast.manager, at=clock.now())
    at = clock.now()
    assert receivers.pick(Role.GENERAL_MANAGER, root=item, at=at) == cast.office
    assert standing.roles_held(cast.office, item, at)[Role.GENERAL_MANAGER] == cast.general_manager
    assert Role.GENERAL_MANAGER not in standing.roles_held(cast.manager, item, at)


def test_V3_a_role_falls_to_nobody_else_while_one_who_holds_it_can_act(cast, item):
    away(cast.supervisor)
    other = cast.colleague
    other.memberships.create(role=Role.SUPERVISOR)
    assert Role.SUPERVISOR not in standing.roles_held(cast.office, item, clock.now())
