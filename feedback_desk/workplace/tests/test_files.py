"""Attachments leave by one door: by permission, under their own name, harmless in a browser."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from feedback_desk import clock
from feedback_desk.people import services
from feedback_desk.people.actors import SYSTEM
from feedback_desk.records import attachments, items
from feedback_desk.records.models import Kind
from feedback_desk.records.tests.samples import WHOLE
from tickets.models import Category, Customer, Ticket


@pytest.fixture
def item(cast):
    at = clock.now()
    item = items.open_item(Kind.TICKET, title="x", at=at)
    customer = Customer.objects.create(number="CS20260302001", name="陈雨瑶", created_at=at)
    Ticket.objects.create(
        item=item, customer=customer, type="complaint", category=Category.objects.get(slug="other"), channel="phone", received_at=at, registered_at=at,
        registered_by=cast.agent, state_since=at, what_happened="x",
    )  # fmt: skip
    return item


def url_of(item, name):
    return reverse("workplace:file", args=[attachments.store(item, SimpleUploadedFile(name, WHOLE[name][0]), by=SYSTEM, at=clock.now()).token])


def test_a_picture_is_shown_and_all_else_is_saved(client, cast, item):
    client.force_login(cast.agent)
    picture, letter = client.get(url_of(item, "photo.png")), client.get(url_of(item, "note.txt"))
    assert picture["Content-Disposition"].startswith("inline")
    assert letter["Content-Disposition"] == 'attachment; filename="note.txt"'
    for answer in (picture, letter):
        assert answer.status_code == 200
        assert answer["X-Content-Type-Options"] == "nosniff"
    assert b"".join(letter.streaming_content) == WHOLE["note.txt"][0]


def test_V3_who_is_named_and_who_sees_nothing_of_the_matter_get_what_a_missing_file_gets(client, cast, item):
    url = url_of(item, "photo.png")
    services.name_concerned(item, cast.colleague, because="x", by=SYSTEM, at=clock.now())
    for person in (cast.colleague, cast.outsider):
        client.force_login(person)
        assert client.get(url).status_code == 404
    client.force_login(cast.agent)
    assert client.get(reverse("workplace:file", args=["00000000-0000-0000-0000-000000000000"])).status_code == 404


def test_strangers_sign_in_first_and_nothing_is_posted_there(client, cast, item):
    url = url_of(item, "photo.png")
    assert client.get(url).status_code == 302
    client.force_login(cast.agent)
    assert client.post(url).status_code == 405
