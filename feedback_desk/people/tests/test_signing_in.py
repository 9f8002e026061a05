"""The door: signing in, language, passwords."""

import re
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from feedback_desk.people.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return User.objects.create_user("lin", "lin@example.com", "a-long-password", name="林晓雯")


def test_the_door_names_no_account(client: Client, person: User) -> None:
    page = client.get(reverse("people:sign_in")).content.decode()
    assert person.name not in page


def test_a_wrong_password_and_an_unknown_account_are_answered_alike(client: Client, person: User) -> None:
    def said(name: str) -> str:
        page = client.post(reverse("people:sign_in"), {"username": name, "password": "wrong"}).content.decode()
        return page.replace(f'value="{name}"', "").split('id="errors"')[1].split("</ul>")[0]

    assert said("lin") == said("nobody")


def test_without_a_choice_at_the_door_the_persons_own_language_applies(client: Client, person: User) -> None:
    User.objects.filter(pk=person.pk).update(language="en")
    client.post(reverse("people:sign_in"), {"username": "lin", "password": "a-long-password"})
    assert client.cookies[settings.LANGUAGE_COOKIE_NAME].value == "en"


def test_a_choice_at_the_door_is_kept_for_the_person(client: Client, person: User) -> None:
    client.post(reverse("people:set_language"), {"language": "en", "next": "/accounts/sign-in/"})
    assert "Sign in" in client.get(reverse("people:sign_in")).content.decode()
    client.post(reverse("people:sign_in"), {"username": "lin", "password": "a-long-password"})
    person.refresh_from_db()
    assert person.language == "en"


def test_an_unknown_language_changes_nothing(client: Client, person: User) -> None:
    client.force_login(person)
    client.post(reverse("people:set_language"), {"language": "xx", "next": "/accounts/sign-in/"})
    person.refresh_from_db()
    assert person.language == "zh-hans"


def test_the_language_does_not_switch_by_following_a_link(client: Client) -> None:
    assert client.get(reverse("people:set_language")).status_code == 405


def test_the_link_for_a_new_password_leads_to_the_desks_own_address_whatever_host_was_claimed(client: Client, person: User) -> None:
    client.post(reverse("people:password_reset"), {"email": "lin@example.com"}, headers={"Host": "evil.example"})
    link = re.search(r"https?://\S+", str(mail.outbox[0].body))
    assert link is not None
    assert link[0].startswith(settings.DESK_URL)
    page = client.get(link[0].removeprefix(settings.DESK_URL), follow=True)
    client.post(page.redirect_chain[-1][0], {"new_password1": "another-long-one", "new_password2": "another-long-one"})
    person.refresh_from_db()
    assert person.check_password("another-long-one")


@pytest.fixture
def locked_out(client: Client, person: User, settings: Any) -> User:
    settings.AXES_ENABLED = True
    for _attempt in range(settings.AXES_FAILURE_LIMIT):
        client.post(reverse("people:sign_in"), {"username": "lin", "password": "wrong"})
    assert client.post(reverse("people:sign_in"), {"username": "lin", "password": "a-long-password"}).status_code == 429
    return person


def signs_in(client: Client, password: str) -> bool:
    return client.post(reverse("people:sign_in"), {"username": "lin", "password": password}).status_code == 302


def test_a_new_password_by_mail_ends_the_lock_as_its_page_says(client: Client, locked_out: User) -> None:
    client.post(reverse("people:password_reset"), {"email": "lin@example.com"})
    link = re.search(r"https?://\S+", str(mail.outbox[0].body))
    assert link is not None
    page = client.get(link[0].removeprefix(settings.DESK_URL), follow=True)
    client.post(page.redirect_chain[-1][0], {"new_password1": "another-long-one", "new_password2": "another-long-one"})
    assert signs_in(client, "another-long-one")


def test_a_new_password_from_the_administrator_ends_the_lock(client: Client, locked_out: User) -> None:
    administrator = Client()
    administrator.force_login(User.objects.create_superuser("admin", password="a-long-password"), backend=settings.AUTHENTICATION_BACKENDS[-1])
    address = reverse("admin:auth_user_password_change", args=[locked_out.pk])
    administrator.post(address, {"password1": "another-long-one", "password2": "another-long-one", "usable_password": "true"})
    assert signs_in(client, "another-long-one")


def test_whether_an_address_is_known_is_not_said(client: Client, person: User) -> None:
    known = client.post(reverse("people:password_reset"), {"email": "lin@example.com"}, follow=True)
    unknown = client.post(reverse("people:password_reset"), {"email": "nobody@example.com"}, follow=True)
    assert known.redirect_chain == unknown.redirect_chain
    assert len(mail.outbox) == 1


def test_signing_out_is_a_post(client: Client, person: User) -> None:
    client.force_login(person)
    assert client.get(reverse("people:sign_out")).status_code == 405
    client.post(reverse("people:sign_out"))
    assert "_auth_user_id" not in client.session
