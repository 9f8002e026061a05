"""V3: naming somebody, at once and on record."""

import pytest

from feedback_desk import clock
from feedback_desk.people import access, services
from feedback_desk.people.actors import SYSTEM
from feedback_desk.people.models import Concern
from feedback_desk.records import items
from feedback_desk.records.models import Entry, Kind


@pytest.fixture
def form_item(cast):
    ticket = items.open_item(Kind.TICKET, title="x", at=clock.now())
    return items.open_item(Kind.FORM, title="x", at=clock.now(), root=ticket)


def test_V3_naming_holds_for_the_whole_matter_and_is_written_once(cast, form_item):
    for _twice in range(2):
        services.name_concerned(form_item, cast.person_concerned, because="由客户指明", by=SYSTEM, at=clock.now())
    assert Concern.objects.get().item == form_item.root
    assert access.concerned(cast.person_concerned, form_item)
    assert Entry.objects.get().verb == "named_concerned"


def test_V3_rooms_take_open_work_away_in_the_same_transaction(cast, form_item, monkeypatch):
    seen = []
    monkeypatch.setattr(services, "_take_away", [])
    services.on_concern(lambda root, user, by, at: seen.append((root, user)))
    services.name_concerned(form_item, cast.person_concerned, because="x", by=SYSTEM, at=clock.now())
    services.name_concerned(form_item, cast.person_concerned, because="x", by=SYSTEM, at=clock.now())
    assert seen == [(form_item.root, cast.person_concerned)]


def test_V3_who_is_named_cannot_take_it_back(cast, form_item):
    services.name_concerned(form_item, cast.person_concerned, because="x", by=SYSTEM, at=clock.now())
    with pytest.raises(access.NotYou):
        services.no_longer_concerned(form_item, cast.person_concerned, because="我没错", by=cast.person_concerned, at=clock.now())
    services.no_longer_concerned(form_item, cast.person_concerned, because="认错人了", by=cast.manager, at=clock.now())
    assert not access.concerned(cast.person_concerned, form_item)
    assert Entry.objects.get(verb="no_longer_concerned").words.text == "认错人了"
