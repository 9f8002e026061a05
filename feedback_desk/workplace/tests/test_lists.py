"""My work, the queue, search, what changed: queries, V3, masks, groups."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from feedback_desk import clock
from feedback_desk.notices.models import Notice
from feedback_desk.people.models import Absence, Concern, User
from feedback_desk.workplace.rows import forget_drawn
from tickets import services
from tickets.models import Category, Ticket

PHONE = "13812342071"


@pytest.fixture
def at_desk(client: Client) -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client.cookies.clear()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def registered(cast: SimpleNamespace, customer: Any) -> Callable[..., Ticket]:
    def make(summary: str = "洗衣机到货外壳破损", **said: Any) -> Ticket:
        facts: dict[str, Any] = {
            "by": cast.agent,
            "customer_id": customer.pk,
            "summary": summary,
            "type": "problem",
            "category_id": Category.objects.order_by("pk").values_list("pk", flat=True)[0],
            "urgency": "normal",
            "channel": "phone",
            "received_at": clock.now(),
            "what_happened": "外箱右下角压扁。",
        }
        return services.register(**(facts | said))

    return make


LISTS = ("/desk/", "/desk/?of=team", "/desk/queue/", "/desk/queue/?type=problem&sort=received", "/desk/queue/?holder=none")


def queries(client: Client) -> dict[str, list[int]]:
    """Each list: of the first request, which draws every row, and of the next."""
    assert connection.features.supports_json_field, "SQLite is asked for it once a process: not here"
    counts: dict[str, list[int]] = {}
    for url in LISTS:
        forget_drawn()
        for _request in range(2):
            with CaptureQueriesContext(connection) as found:
                assert client.get(url).status_code == 200
            counts.setdefault(url, []).append(len(found))
    return counts


@pytest.mark.parametrize("who", ["agent", "supervisor", "department_head", "manager", "general_manager"])
def test_a_list_takes_at_most_eight_queries_at_one_row_and_at_fifty(at_desk: Any, registered: Any, cast: SimpleNamespace, who: str) -> None:
    client = at_desk(getattr(cast, who))
    for assignee in (cast.agent.pk, None):
        registered(assignee_id=assignee)
    one = queries(client)
    for n in range(49):
        registered(f"第 {n} 件", assignee_id=cast.agent.pk if n % 2 else None)
    assert queries(client) == one
    assert max(max(counts) for counts in one.values()) <= 8, one


def test_my_work_is_grouped_by_the_next_limit_and_the_nearest_stands_first(at_desk: Any, registered: Any, cast: SimpleNamespace, freeze: Any) -> None:
    freeze("2026-11-03 09:00")
    registered("咨询保修", urgency="low", type="consultation", assignee_id=cast.agent.pk)
    registered("燃气味", urgency="urgent", assignee_id=cast.agent.pk)
    freeze("2026-11-03 12:00")
    listing = at_desk(cast.agent).get("/desk/").context["listing"]
    assert [(g.urgency.key, [r.v.title for r in g.rows]) for g in listing.groups][0] == ("late", ["燃气味"])
    assert listing.total == 2
    assert listing.late == 1


def test_V2_the_work_of_an_absent_colleague_is_shown_to_the_backup(at_desk: Any, registered: Any, cast: SimpleNamespace) -> None:
    registered("我的事", assignee_id=cast.agent.pk)
    client = at_desk(cast.colleague)
    assert "我的事" not in client.get("/desk/").content.decode()
    now = clock.now()
    Absence.objects.create(user=cast.agent, starts_at=now - timedelta(hours=1), ends_at=now + timedelta(days=1))
    assert "我的事" in client.get("/desk/").content.decode()


def test_filters_stand_in_the_address_and_unknown_values_are_passed_over(at_desk: Any, registered: Any, cast: SimpleNamespace) -> None:
    registered("一件问题")
    registered("一件咨询", type="consultation", urgency="low")
    client = at_desk(cast.supervisor)
    assert titles(client, "/desk/queue/?type=consultation&urgency=low") == {"一件咨询"}
    assert titles(client, "/desk/queue/?type=nonsense&holder=77777&department=x&late=9&page=abc&sort=zzz") == {"一件问题", "一件咨询"}
    assert titles(client, "/desk/queue/?late=1") == set()
    assert titles(client, "/desk/queue/?holder=none") == {"一件问题", "一件咨询"}


def titles(client: Client, url: str) -> set[str]:
    listing = client.get(url).context["listing"]
    return {row.v.title for group in listing.groups for row in group.rows} if listing else set()


def test_a_list_is_cut_into_pages_of_fifty(at_desk: Any, registered: Any, cast: SimpleNamespace) -> None:
    for n in range(53):
        registered(f"第 {n} 件")
    client = at_desk(cast.agent)
    first, second = titles(client, "/desk/queue/"), titles(client, "/desk/queue/?page=2")
    assert (len(first), len(second), len(first & second)) == (50, 3, 0)
    assert titles(client, "/desk/queue/?page=999") == second


@pytest.mark.parametrize("role", ["colleague", "supervisor", "manager", "general_manager", "person_concerned"])
def test_V3_somebody_named_in_the_matter_sees_none_of_it_anywhere(at_desk: Any, registered: Any, cast: SimpleNamespace, customer: Any, role: str) -> None:
    user, before = getattr(cast, role), clock.now()
    ticket = registered("配送员态度恶劣", type="complaint", order_number="DD0001", serial="SN-77", assignee_id=cast.agent.pk)
    Concern.objects.create(item=ticket.item, user=user, because="named", since=clock.now())
    client = at_desk(user)
    number = ticket.item.number
    pages = [
        "/desk/",
        "/desk/?of=team",
        "/desk/queue/",
        "/desk/outstanding/",
        f"/desk/search/?q={number}",
        "/desk/search/?q=DD0001",
        "/desk/search/?q=SN-77",
        "/desk/search/?q=配送员",
        "/desk/notices/",
        f"/desk/customers/{customer.number}/",
        "/desk/register/customers/?who=2071",
        f"/desk/register/duplicates/?customer={customer.number}&order_number=DD0001",
    ]
    for url in pages:
        answer = client.get(url)
        if url.startswith("/desk/search/"):
            assert answer.status_code == 200, f"{url} led somewhere"
        shown = answer.content.decode().replace(url.split("q=")[-1], "") if "q=" in url else answer.content.decode()
        assert "态度恶劣" not in shown, url
        assert number not in shown, url
    answer = client.get("/desk/changes", {"since": before.isoformat()})
    assert answer.status_code == 204 or ticket.item_id not in answer.json()["items"]
    if role != "person_concerned":
        assert "1 open" not in client.get("/desk/register/customers/?who=2071", headers={"accept-language": "en"}).content.decode()


def test_V3_a_colleague_not_named_does_see_it(at_desk: Any, registered: Any, cast: SimpleNamespace) -> None:
    before = clock.now()
    ticket = registered("配送员态度恶劣", type="complaint")
    client = at_desk(cast.colleague)
    assert "态度恶劣" in client.get("/desk/queue/").content.decode()
    assert ticket.item_id in client.get("/desk/changes", {"since": before.isoformat()}).json()["items"]


def test_V1_others_see_what_their_department_or_they_themselves_hold(at_desk: Any, registered: Any, cast: SimpleNamespace) -> None:
    ticket = registered("别部门的事")
    client = at_desk(cast.outsider)
    ticket.item.department = cast.delivery
    ticket.item.save(update_fields=["department"])
    assert titles(client, "/desk/queue/") == set()
    ticket.item.department = cast.product
    ticket.item.save(update_fields=["department"])
    assert titles(client, "/desk/queue/") == {"别部门的事"}


@pytest.mark.parametrize(
    "url",
    [
        "/desk/",
        "/desk/?of=team",
        "/desk/queue/",
        "/desk/search/?q=2071",
        "/desk/customers/",
        "/desk/customers/{number}/",
        "/desk/customers/{number}/correct/",
        "/desk/register/?customer={number}",
        "/desk/register/customers/?who=2071",
        "/desk/register/customers/?pick={number}",
        "/desk/notices/",
    ],
)
def test_V4_no_page_shows_contact_data_or_a_name_plain(at_desk: Any, registered: Any, cast: SimpleNamespace, customer: Any, url: str) -> None:
    registered(assignee_id=cast.agent.pk)
    shown = at_desk(cast.agent).get(url.format(number=customer.number)).content.decode()
    for plain in (PHONE, "chen@example.com", "珞喻路"):
        assert plain not in shown
    if "correct" not in url:
        assert "陈雨瑶" not in shown


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("TASK", True),
        ("DD-9", True),
        ("sn-77", True),
        ("2609B", True),
        ("外壳", True),
        ("陈雨瑶", True),
        ("chenyuyao", True),
        ("2071", True),
        (PHONE, True),
        ("138 1234 2071", True),
        ("1381234", False),
        ("342071", False),
        ("没有这回事", False),
        ("", False),
        ("%", False),
    ],
)
def test_search_finds_by_number_customer_order_serial_and_title_but_not_by_part_of_a_phone(
    at_desk: Any, registered: Any, cast: SimpleNamespace, words: str, found: bool
) -> None:
    registered(order_number="DD-9", serial="SN-77", batch="2609B")
    assert bool(titles(at_desk(cast.agent), f"/desk/search/?q={words}")) is found


def test_search_by_a_whole_number_opens_the_ticket(at_desk: Any, registered: Any, cast: SimpleNamespace) -> None:
    ticket = registered()
    assert at_desk(cast.agent).get("/desk/search/", {"q": ticket.item.number.lower()}).headers["Location"] == reverse(
        "workplace:ticket", args=[ticket.item.number]
    )
    assert at_desk(cast.agent).get("/desk/search/", {"q": "TASK20200101001"}).status_code == 200


def test_T6_a_supervisor_assigns_what_is_ticked_and_is_told_what_could_not_be(at_desk: Any, registered: Any, cast: SimpleNamespace) -> None:
    new, taken = registered("新来的"), registered("有人在办", assignee_id=cast.agent.pk)
    answer = at_desk(cast.supervisor).post("/desk/queue/", {"item": [new.item_id, taken.item_id], "assignee": cast.colleague.pk}, follow=True)
    new.refresh_from_db()
    taken.refresh_from_db()
    assert (new.assignee, taken.assignee) == (cast.colleague, cast.agent)
    assert taken.item.number in " ".join(str(m) for m in answer.context["messages"])


def test_T6_an_agent_cannot_assign_to_others(at_desk: Any, registered: Any, cast: SimpleNamespace) -> None:
    new = registered("新来的")
    at_desk(cast.colleague).post("/desk/queue/", {"item": [new.item_id], "assignee": cast.agent.pk})
    new.refresh_from_db()
    assert new.assignee is None


class TestChanges:
    def test_nothing_new_is_204_and_takes_few_queries(self, at_desk: Any, registered: Any, cast: SimpleNamespace, alive: None) -> None:
        registered()
        client = at_desk(cast.agent)
        since = (clock.now() + timedelta(seconds=6)).isoformat()
        client.get("/desk/changes", {"since": since})
        with CaptureQueriesContext(connection) as found:
            assert client.get("/desk/changes", {"since": since}).status_code == 204
        assert len(found) <= 5

    def test_a_change_is_told_once_and_again_when_it_changes_again(self, at_desk: Any, registered: Any, cast: SimpleNamespace, alive: None) -> None:
        client, start = at_desk(cast.agent), clock.now()
        ticket = registered()
        news = client.get("/desk/changes", {"since": start.isoformat()}).json()
        assert news["items"] == [ticket.item_id]
        assert news["counts"]["unclaimed"] == 1
        assert client.get("/desk/changes", {"since": news["since"]}).status_code == 204
        services.record_note(ticket_id=ticket.pk, by=cast.agent, text="客户再次来电。")
        assert client.get("/desk/changes", {"since": news["since"]}).json()["items"] == [ticket.item_id]

    def test_a_change_stamped_before_and_committed_after_the_last_answer_is_told(
        self, at_desk: Any, registered: Any, cast: SimpleNamespace, alive: None
    ) -> None:
        client, now = at_desk(cast.agent), clock.now()
        early = registered("先到的")
        news = client.get("/desk/changes", {"since": now.isoformat()}).json()
        with clock.at(now - timedelta(seconds=2)):
            late = registered("先盖章，后提交")
        assert client.get("/desk/changes", {"since": news["since"]}).json()["items"] == [late.item_id] != [early.item_id]

    def test_unread_notices_are_told_when_their_number_changes(self, at_desk: Any, registered: Any, cast: SimpleNamespace, alive: None) -> None:
        client, start = at_desk(cast.colleague), clock.now()
        ticket = registered()
        first = client.get("/desk/changes", {"since": start.isoformat()}).json()
        services.assign(ticket_id=ticket.pk, by=cast.supervisor, assignee_id=cast.colleague.pk)
        assert client.get("/desk/changes", {"since": first["since"]}).json()["notices"] == first["notices"] + 1

    def test_the_machinery_behind_is_said_once_and_taken_back(self, at_desk: Any, cast: SimpleNamespace) -> None:
        from feedback_desk.workplace import health

        client = at_desk(cast.agent)
        news = client.get("/desk/changes", {"since": clock.now().isoformat()}).json()
        assert news["behind"]
        assert client.get("/desk/changes", {"since": news["since"]}).status_code == 204
        for name in (health.BEAT, *health.WORKERS):
            health.sign(name)
        assert client.get("/desk/changes", {"since": news["since"]}).json()["behind"] is None

    @pytest.mark.parametrize("since", ["", "x", "2026-11-03", "2026-11-03T09:00:00", "2026-13-45T00:00:00+00:00", "~b1~nx~"])
    def test_an_unreadable_since_is_400(self, at_desk: Any, cast: SimpleNamespace, since: str) -> None:
        assert at_desk(cast.agent).get("/desk/changes", {"since": since}).status_code == 400

    def test_who_is_not_signed_in_gets_401(self, client: Client, db: None) -> None:
        assert client.get("/desk/changes", {"since": clock.now().isoformat()}).status_code == 401


@pytest.fixture
def alive(db: None) -> None:
    from feedback_desk.workplace import health

    for name in (health.BEAT, *health.WORKERS):
        health.sign(name)


def test_rows_of_yesterday_and_before_are_dated(local: Callable[[str], datetime]) -> None:
    from feedback_desk.workplace.rows import brief

    now = local("2026-11-03 09:00")
    assert brief(local("2026-11-03 08:05"), now) == "08:05"
    assert brief(local("2026-11-04 00:00"), now, limit=True) == "24:00"
    assert brief(local("2026-11-01 08:05"), now) == "11月1日 08:05"
    with translation.override("en"):
        assert brief(local("2026-11-01 08:05"), now) == "Nov 1 08:05"
        assert brief(local("2026-11-20 00:00"), now, limit=True) == "Nov 19 24:00"


def test_read_notices_stand_below_the_unread_ones_the_latest_first(at_desk: Any, cast: SimpleNamespace, freeze: Any) -> None:
    def told(name: str, minutes: int) -> Notice:
        at = clock.now() + timedelta(minutes=minutes)
        said = {"template": "administrator_note", "data": {"text": name}, "created_at": at, "send_after": at}
        return Notice.objects.create(key=name, cause=name, receiver=cast.agent, channel="page", **said)

    first, second, third = (told(f"n{n}", n) for n in (1, 2, 3))
    Notice.objects.filter(pk=first.pk).update(read_at=clock.now())
    Notice.objects.filter(pk=second.pk).update(read_at=clock.now() + timedelta(minutes=9))
    page = at_desk(cast.agent).get("/desk/notices/").content.decode()
    assert re.findall(r'data-item="n(\d+)"', page) == [str(n.pk) for n in (third, second, first)]
