"""The outbox and its delivery: once per key; sent again under the same key after a crash (decision 3)."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as desk
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends import locmem
from django.db import connection
from django.utils import translation

from feedback_desk.notices import delivery, outbox, wording
from feedback_desk.notices.models import Notice
from feedback_desk.notices.tasks import deliver_notices
from feedback_desk.records.items import open_item

TEMPLATES: dict[str, dict[str, Any]] = {
    "deadline_step": {"name": "方案答复", "name_en": "Solution offered", "code": "D08", "due_at": "2026-03-04T01:00:00+00:00", "late": True},
    "assigned": {"by": "主管秦", "due_at": "2026-03-04T01:00:00+00:00", "urgent": True},
    "handed_up": {},
    "approval_wanted": {"what": "处理意见"},
    "ruled": {"ruling": "同意", "by": "总经理郑"},
    "generic": {"message": "请看一下"},
    "told_concerned": {},
    "receipt": {"link": "https://desk.example/t/abc"},
    "administrator_note": {"name": "方案答复", "name_en": "Solution offered", "code": "D08"},
}


@pytest.fixture
def item(cast, local):
    return open_item("ticket", title="外壳破损 <b>急</b>", at=local("2026-03-02 09:00"))


@pytest.fixture
def tell(item, agent, local):
    def write(key="k1", template="generic", at="2026-03-02 10:00", receiver=agent, **data):
        values = {"number": item.number, "title": item.title, **TEMPLATES[template], **data}
        outbox.tell(key=key, cause=key, item=item, receiver=receiver, template=template, data=values, at=local(at))

    return write


@pytest.fixture
def email(tell):
    """The one e-mail that waits."""
    tell()
    return Notice.objects.get(channel="email")


def test_a_key_is_told_once_on_each_channel(tell):
    tell(), tell()
    assert set(Notice.objects.values_list("channel", "state")) == {("page", "sent"), ("email", "waiting")}
    assert Notice.objects.count() == 2


def test_several_keys_are_written_in_one_statement(item, agent, local, django_assert_num_queries):
    rows = [
        outbox.notice(key=f"k{n}", cause="c", item_id=item.pk, receiver_id=agent.pk, template="generic", data={}, at=local("2026-03-02 10:00"), channel="email")
        for n in range(20)
    ]
    with django_assert_num_queries(1):
        outbox.tell_many(rows)


def test_what_has_not_left_can_be_withdrawn(tell, local):
    tell("k1"), tell("k2")
    assert outbox.withdraw("k1") == 2
    delivery.deliver(local("2026-03-02 10:00"))
    assert [message.extra_headers["X-Desk-Key"].split(":")[0] for message in mail.outbox] == ["k2"]
    assert outbox.withdraw("k2") == 1, "the e-mail has left; the line in the page goes"


def test_a_notice_is_delivered_once(email, local):
    at = local("2026-03-02 10:00")
    assert [delivery.deliver(at), delivery.deliver(at)] == [1, 0]
    email.refresh_from_db()
    assert (email.state, email.attempts, email.sent_at) == ("sent", 1, at)
    (message,) = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    assert message.to == ["agent@desk.example"]
    assert message.extra_headers["X-Desk-Key"] == email.key
    content, mimetype = message.alternatives[0]
    assert mimetype == "text/html"
    assert "<b>急</b>" in message.body
    assert "&lt;b&gt;急" in str(content)


def test_nothing_leaves_before_its_time(item, agent, local):
    outbox.tell(
        key="k",
        cause="k",
        item=item,
        receiver=agent,
        template="generic",
        data={"message": "x"},
        at=local("2026-03-02 10:00"),
        send_after=local("2026-03-02 12:00"),
    )
    assert delivery.deliver(local("2026-03-02 11:59")) == 0
    assert delivery.deliver(local("2026-03-02 12:00")) == 1


def test_a_crash_between_sending_and_marking_sends_again_with_the_same_key(email, local, monkeypatch):
    """At least once; the receiving side can tell by the key that it is the same."""
    at = local("2026-03-02 10:00")

    class Killed(BaseException):
        pass

    def die(*args, **kwargs):
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(delivery, "_mark", die)
        with pytest.raises(Killed):
            delivery.deliver(at)
    assert delivery.deliver(at + timedelta(seconds=119)) == 0, "still somebody's"
    assert delivery.deliver(at + timedelta(seconds=121)) == 1
    first, second = mail.outbox
    assert first.extra_headers["X-Desk-Key"] == second.extra_headers["X-Desk-Key"]
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"] == delivery.message_id(email.key)
    email.refresh_from_db()
    assert (email.state, email.attempts) == ("sent", 2)


def test_a_failing_server_is_tried_again_later_and_given_up_after_eight_times(email, local, monkeypatch):
    def refuse(*args):
        raise ConnectionRefusedError("no server")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    at, waits = local("2026-03-02 10:00"), []
    for _attempt in range(delivery.ATTEMPTS):
        assert delivery.deliver(at) == 1
        email.refresh_from_db()
        waits.append((email.send_after - at).total_seconds())
        at = max(email.send_after, at)
    assert waits[:3] == [10, 20, 40]
    assert (email.state, email.attempts) == ("failed", 8)
    assert "no server" in email.last_error
    assert delivery.deliver(at + timedelta(days=1)) == 0


def test_one_bad_notice_does_not_hold_up_the_next(tell, local, monkeypatch):
    tell("k1", template="generic"), tell("k2")
    Notice.objects.filter(cause="k1").update(template="no_such_template")
    assert delivery.deliver(local("2026-03-02 10:00")) == 2
    assert [message.extra_headers["X-Desk-Key"].split(":")[0] for message in mail.outbox] == ["k2"]


def test_a_slow_server_gives_back_what_it_has_not_begun(tell, local, monkeypatch):
    tell("k1"), tell("k2")
    monkeypatch.setattr(delivery, "PATIENCE", -1.0)
    delivery.deliver(local("2026-03-02 10:00"))
    assert set(Notice.objects.filter(channel="email").values_list("state", "attempts")) == {("waiting", 0)}


def test_a_silent_server_is_asked_once_and_left_alone_for_a_while(tell, local, monkeypatch):
    """A mail server that cannot be reached must not take the time of the sweep: one try, the rest waits half a minute without one."""
    tell("k1"), tell("k2"), tell("k3")
    tried = []

    class Silent(locmem.EmailBackend):
        def open(self):
            tried.append(1)
            raise TimeoutError("timed out")

    monkeypatch.setattr(delivery, "get_connection", Silent)
    at = local("2026-03-02 10:00")
    assert delivery.deliver(at) == 0
    assert delivery.deliver(at + timedelta(seconds=5)) == 0
    assert len(tried) == 1
    assert sorted(Notice.objects.filter(channel="email").values_list("state", "attempts")) == [("waiting", 0), ("waiting", 0), ("waiting", 1)]


def test_without_an_address_it_fails_at_once_and_says_so(email, local, agent):
    agent.email = ""
    agent.save(update_fields=["email"])
    delivery.deliver(local("2026-03-02 10:00"))
    email.refresh_from_db()
    assert (email.state, email.attempts, email.last_error) == ("failed", 1, "There is no e-mail address.")


def test_V4_a_customers_address_is_read_when_sending(item, local, monkeypatch):
    monkeypatch.setattr(delivery, "_resolvers", [lambda pk: ("chen@example.com", "en") if pk == 7 else None])
    for pk in (7, 8):
        data = {"number": item.number, **TEMPLATES["receipt"]}
        outbox.tell_customer(key="receipt", cause="receipt", item=item, contact_point_id=pk, template="receipt", data=data, at=local("2026-03-02 10:00"))
    assert not [data for data in Notice.objects.values_list("data", flat=True) if "chen@example.com" in str(data)]
    delivery.deliver(local("2026-03-02 10:00"))
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["chen@example.com"], f"We received your feedback: {item.number}")
    assert message.body.count("https://desk.example/t/abc") == 1
    assert set(Notice.objects.values_list("contact_point", "state")) == {(7, "sent"), (8, "failed")}


def test_V7_every_template_is_there_and_none_asks_for_contact_data():
    folder = Path(desk.BASE_DIR) / "templates" / "notices"
    subjects = {path.name.removesuffix(".subject.txt") for path in folder.glob("*.subject.txt")}
    assert {path.stem for path in folder.glob("*.txt")} - {f"{name}.subject" for name in subjects} == subjects >= set(TEMPLATES)
    for path in folder.iterdir():
        for word in ("phone", "mail_address", "address", "mobile"):
            assert word not in path.read_text(), path


@pytest.mark.parametrize("template", sorted(TEMPLATES))
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_template_says_something_in_both_languages(item, template, language):
    notice = Notice(template=template, data={"number": item.number, "title": item.title, **TEMPLATES[template]})
    subject, text = wording.subject(notice, language), wording.text(notice, language)
    assert item.number in subject + text
    assert "\n" not in subject
    assert "{{" not in subject + text


def test_the_rule_is_named_in_the_readers_language(item):
    notice = Notice(template="deadline_step", data={"number": item.number, "title": item.title, **TEMPLATES["deadline_step"]})
    with translation.override("zh-hans"):
        assert "方案答复" in wording.subject(notice)
        assert "Solution offered" in wording.subject(notice, "en")


def test_the_task_sends_all_that_waits(tell, freeze):
    freeze("2026-03-02 10:00")
    for n in range(3):
        tell(f"k{n}", at="2026-03-02 09:00")
    assert deliver_notices() == 3


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_deliveries_at_once_send_each_once(tell, local):
    for n in range(40):
        tell(f"k{n}")
    at, gate = local("2026-03-02 10:00"), threading.Barrier(2)

    def work():
        gate.wait()
        while delivery.deliver(at, limit=5):
            pass
        connection.close()

    threads = [threading.Thread(target=work) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    keys = [message.extra_headers["X-Desk-Key"] for message in mail.outbox]
    assert len(keys) == len(set(keys)) == 40
