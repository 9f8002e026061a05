"""Sending what waits in the outbox: at least once, and with a key by which a receiver can see that it has it already (decision 3).

Claimed in a transaction, sent outside of any, then marked. A worker that dies in between leaves the row as "being sent"; after two minutes another
sends it again under the same `Message-ID` and `X-Desk-Key`.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import TypeAlias

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from feedback_desk.notices import quiet, wording
from feedback_desk.notices.models import Channel, Notice, NoticeState

log = logging.getLogger(__name__)
Resolver: TypeAlias = Callable[[int], tuple[str, str] | str | None]
ATTEMPTS = 8
STALE = timedelta(minutes=2)
PATIENCE = 4.0
"""Seconds that one batch may take: sweep and delivery share the workers, and the beat asks again in five."""
SILENCE = timedelta(seconds=30)
"""So long nothing is tried at a mail server that could not be reached: its silence must not take the time of the sweep."""
_resolvers: list[Resolver] = []


class Undeliverable(Exception):
    """There is no address; trying again changes nothing."""


def register_contact_resolver(resolver: Resolver) -> None:
    """The room that keeps customers answers for the id of a contact point: address, or (address, language), or None."""
    _resolvers[:] = [resolver]


def deliver(at: datetime, limit: int = 50) -> int:
    """Send what is due at `at`, at most `limit` notices; 0 means that nothing waits, or that the server is slow or silent: later."""
    if connection.vendor == "sqlite" and not waiting(at).exists():
        return 0
    claimed = _claim(at, limit)
    return len(claimed) if claimed and _send_all(claimed, at) else 0


def _send_all(claimed: Sequence[Notice], at: datetime) -> bool:
    """Over one connection. When the server is slow or silent, what is left goes back at once; False then."""
    mail, begun = get_connection(), time.monotonic()
    try:
        for position, notice in enumerate(claimed):
            if time.monotonic() - begun > PATIENCE:
                return _give_back(claimed[position:])
            if not _deliver_one(notice, mail, at):
                return _give_back(claimed[position + 1 :], send_after=at + SILENCE)
    finally:
        mail.close()
    return True


def _give_back(notices: Sequence[Notice], **fields: object) -> bool:
    if notices:
        ours = Notice.objects.filter(pk__in=[notice.pk for notice in notices], state=NoticeState.SENDING, claimed_at=notices[0].claimed_at)
        ours.update(state=NoticeState.WAITING, attempts=F("attempts") - 1, **fields)
    return False


def waiting(at: datetime) -> QuerySet[Notice]:
    """Waiting and due, or claimed by somebody who seems to have died."""
    return Notice.objects.filter(Q(state=NoticeState.WAITING) | Q(state=NoticeState.SENDING, claimed_at__lt=at - STALE), send_after__lte=at)


@transaction.atomic
def _claim(at: datetime, limit: int) -> Sequence[Notice]:
    may_go = waiting(at).exclude(quiet.put_off(waiting(at), at))
    rows = list(may_go.select_related("receiver").select_for_update(of=("self",), skip_locked=True).order_by("send_after", "pk")[:limit])
    Notice.objects.filter(pk__in=[row.pk for row in rows]).update(state=NoticeState.SENDING, claimed_at=at, attempts=F("attempts") + 1)
    for row in rows:
        row.state, row.claimed_at, row.attempts = NoticeState.SENDING, at, row.attempts + 1
    return rows


def _deliver_one(notice: Notice, mail: BaseEmailBackend, at: datetime) -> bool:
    """False where the server could not be reached, so that the others need not try."""
    reached = True
    try:
        prepared = message(notice, mail)
        reached = False
        mail.open()
        reached = True
        prepared.send()
    except Undeliverable as error:
        _mark(notice, state=NoticeState.FAILED, last_error=str(error))
    except Exception as error:
        log.warning("Notice %s was not sent (attempt %s): %s", notice.key, notice.attempts, error)
        mail.close()
        _again_later(notice, at, f"{type(error).__name__}: {error}"[:300])
    else:
        _mark(notice, state=NoticeState.SENT, sent_at=at, last_error="")
    return reached


def _again_later(notice: Notice, at: datetime, error: str) -> None:
    if notice.attempts >= ATTEMPTS:
        _mark(notice, state=NoticeState.FAILED, last_error=error)
    else:
        _mark(notice, state=NoticeState.WAITING, send_after=at + backoff(notice.attempts), last_error=error)


def backoff(attempts: int) -> timedelta:
    """10 s, 20 s, 40 s … up to an hour."""
    return timedelta(seconds=min(10 * 2 ** (attempts - 1), 3600))


def _mark(notice: Notice, **fields: object) -> None:
    """Only as long as the claim is ours."""
    Notice.objects.filter(pk=notice.pk, state=NoticeState.SENDING, claimed_at=notice.claimed_at).update(**fields)


def message(notice: Notice, mail: BaseEmailBackend) -> EmailMultiAlternatives:
    """The e-mail, text and HTML, in the receiver's language. Raises Undeliverable without an address."""
    address, language = _address(notice)
    title, body, url = wording.subject(notice, language), wording.text(notice, language), wording.link(notice)
    if url and url not in body:
        body = f"{body}\n{url}\n"
    headers = {"Message-ID": message_id(notice.key), "X-Desk-Key": notice.key, "Auto-Submitted": "auto-generated"}
    mail_message = EmailMultiAlternatives(title, body, settings.DEFAULT_FROM_EMAIL, [address], headers=headers, connection=mail)
    mail_message.attach_alternative(wording.html(body, title, url, language), "text/html")
    return mail_message


def message_id(key: str) -> str:
    """The same for every attempt, so that a receiving server can tell."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2] or "localhost"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"


def _address(notice: Notice) -> tuple[str, str]:
    if notice.channel != Channel.EMAIL:
        raise Undeliverable(f"Nothing is sent on the channel {notice.channel}.")
    if notice.receiver is not None:
        found: tuple[str, str] | str | None = (notice.receiver.email, notice.receiver.language) if notice.receiver.is_active else None
    else:
        found = _resolvers[0](notice.contact_point) if _resolvers and notice.contact_point else None
    address, language = found if isinstance(found, tuple) else (found or "", wording.DEFAULT_LANGUAGE)
    if not address:
        raise Undeliverable("There is no e-mail address.")
    return address, language
