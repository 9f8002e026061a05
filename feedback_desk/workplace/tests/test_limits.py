"""E4: why a limit is as it is, from the ticket's page; for those only who see the matter."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from feedback_desk.deadlines.models import Deadline
from feedback_desk.people.models import Concern
from feedback_desk.workplace.tests import way

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(cast, customer, freeze):
    freeze("2026-03-02 09:00")
    return way.complaint(cast, customer)


@pytest.fixture
def url(ticket):
    return reverse("workplace:limit", args=[Deadline.objects.get(root=ticket.item, code="D08").pk])


def test_E4_the_ticket_page_tells_each_limit_in_a_sentence_and_fetches_the_rest(cast, ticket, client, url):
    client.force_login(cast.agent)
    page = client.get(reverse("workplace:ticket", args=[ticket.item.number])).content.decode()
    assert "自今天 09:00 收到起，48 小时（自然时间）；3月4日 09:00 到期；" in page
    assert f'hx-get="{url}"' in page
    part = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    for words in ("依据规则 D08《提出方案》第 1 版。", "时限的 75%：将通知", "时限的 300%：将通知总经理"):
        assert words in part


@pytest.mark.parametrize("damage", [{}, {"clock": "calendar", "amount": 3600, "total": 3600, "calendar": 1, "steps": [["x"]]}])
def test_E2_a_limit_that_cannot_be_read_closes_no_page_of_its_matter(cast, ticket, client, url, damage):
    Deadline.objects.filter(root=ticket.item, code="D08").update(allowance=damage)
    client.force_login(cast.agent)
    for path in (reverse("workplace:ticket", args=[ticket.item.number]), url, reverse("workplace:limits", args=[ticket.item.number])):
        assert "提出方案" in client.get(path).content.decode()


@pytest.mark.parametrize(("language", "words"), [
    ("zh-hans", ("（总经理郑）", "时限的 200%：客服经理的级别不高于责任人，不再通知", "时限的 200%：已无人可通知，只告知管理员")),
    ("en", ("is told (总经理郑)", "200% of the limit: nobody is told, as Customer-service manager", "200% of the limit: nobody is left there")),
])  # fmt: skip
def test_E4_steps_to_come_name_who_is_told_and_say_who_is_passed_over(cast, ticket, client, url, language, words):
    ask = {"HX-Request": "true", "Accept-Language": language}
    Deadline.objects.filter(root=ticket.item, code="D08").update(owner=cast.manager)
    client.force_login(cast.agent)
    superior, passed_over, nobody = words
    told = client.get(url, headers=ask).content.decode()
    assert superior in told
    assert passed_over in told
    Deadline.objects.filter(root=ticket.item, code="D08").update(owner=cast.agent)
    for person in (cast.manager, cast.supervisor, cast.office, cast.general_manager, cast.deputy):
        Concern.objects.create(item=ticket.item, user=person, because="被投诉", since=ticket.registered_at)
    assert nobody in client.get(url, headers=ask).content.decode()


def test_E4_without_javascript_the_link_opens_a_page_that_prints(cast, ticket, client, url):
    client.force_login(cast.agent)
    page = client.get(url).content.decode()
    assert "自今天 09:00 收到起" in page
    assert ticket.item.number in page


def test_E4_all_limits_of_a_matter_take_as_many_queries_at_any_number(cast, ticket, client):
    client.force_login(cast.agent)
    with CaptureQueriesContext(connection) as seen:
        page = client.get(reverse("workplace:limits", args=[ticket.item.number])).content.decode()
    assert page.count('class="limit"') == Deadline.objects.filter(root=ticket.item).count() >= 4
    assert len(seen.captured_queries) <= 12


def test_V3_a_person_concerned_and_an_outsider_do_not_see_it(cast, ticket, client, url):
    Concern.objects.create(item=ticket.item, user=cast.manager, because="被投诉", since=ticket.registered_at)
    for person in (cast.manager, cast.outsider):
        client.force_login(person)
        assert client.get(url).status_code == 404
        assert client.get(reverse("workplace:limits", args=[ticket.item.number])).status_code == 404


def test_C4_a_head_concerned_sees_the_limits_of_the_form_they_review(cast, ticket, client, url):
    form = way.walk(cast, ticket, "in_review")
    client.force_login(cast.department_head)
    assert client.get(reverse("workplace:limits", args=[form.item.number])).status_code == 200
    assert client.get(url).status_code == 200


def test_a_limit_that_does_not_exist_is_not_found(cast, client):
    client.force_login(cast.agent)
    assert client.get(reverse("workplace:limit", args=[999999])).status_code == 404
