"""Telling people: rows written with the change that causes them, delivered by `notices.deliver` (decisions 3, 11).

Rows carry numbers and summaries, never contact data (V7). A row in the page is there as soon as it is written; the rest waits for the task.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from feedback_desk.notices.models import Channel, Notice, NoticeState
from feedback_desk.people.models import User
from feedback_desk.records import bulk
from feedback_desk.records.models import Item, as_data

BOTH = (Channel.PAGE, Channel.EMAIL)


def tell(
    *, key: str, cause: str, item: Item | None, receiver: User, template: str, data: Mapping[str, Any], at: datetime,
    channels: Iterable[str] = BOTH, send_after: datetime | None = None,
) -> None:  # fmt: skip
    """Tell a colleague, once per `key` and channel."""
    tell_many(
        notice(
            key=key,
            cause=cause,
            item_id=item.pk if item else None,
            receiver_id=receiver.pk,
            template=template,
            data=data,
            at=at,
            channel=channel,
            send_after=send_after,
        )
        for channel in channels
    )


def notice(
    *, key: str, cause: str, item_id: int | None, receiver_id: int, template: str, data: Mapping[str, Any], at: datetime,
    channel: str, send_after: datetime | None = None,
) -> Notice:  # fmt: skip
    """An unsaved row for `tell_many`; its key is f"{key}:{receiver}:{channel}"."""
    now = channel == Channel.PAGE
    return Notice(
        key=f"{key}:{receiver_id}:{channel}", cause=cause, item_id=item_id, receiver_id=receiver_id, channel=channel, template=template,
        data={k: as_data(v) for k, v in data.items()}, created_at=at, send_after=send_after or at,
        state=NoticeState.SENT if now else NoticeState.WAITING, sent_at=at if now else None,
    )  # fmt: skip


def tell_customer(
    *, key: str, cause: str, item: Item, contact_point_id: int, template: str, data: Mapping[str, Any], at: datetime, send_after: datetime | None = None
) -> None:
    """Tell the customer at one of their addresses, which is read when sending (V4)."""
    row = Notice(
        key=f"{key}:c{contact_point_id}:{Channel.EMAIL}", cause=cause, item=item, contact_point=contact_point_id, channel=Channel.EMAIL, template=template,
        data={k: as_data(v) for k, v in data.items()}, created_at=at, send_after=send_after or at,
    )  # fmt: skip
    tell_many([row])


def tell_many(rows: Iterable[Notice]) -> None:
    """Write rows in one statement; those whose key is there already are left as they are."""
    Notice.objects.bulk_create(rows, ignore_conflicts=True)


class Letter(NamedTuple):
    """What one colleague is told, on both channels, once per `cause`."""

    cause: str
    item_id: int
    receiver_id: int
    template: str
    data: str
    """JSON text."""


def tell_each(letters: Sequence[Letter], *, at: datetime) -> None:
    """As `tell` for each of any number, in one statement."""
    rows = [(f"{letter.cause}:{letter.receiver_id}:{channel.value}", channel, *letter) for letter in letters for channel in BOTH]
    if rows:
        key, channels, cause, item_id, receiver_id, template, data = map(list, zip(*rows, strict=True))
        columns = {"key": key, "cause": cause, "item_id": item_id, "receiver_id": receiver_id, "channel": channels, "template": template, "data": data}
        times = {"created_at": at, "send_after": at, "sent_at": [at if channel == Channel.PAGE else None for channel in channels]}
        bulk.insert(Notice, {**columns, **times, "state": [NoticeState.SENT if channel == Channel.PAGE else NoticeState.WAITING for channel in channels]})


def withdraw(*causes: str) -> int:
    """Take back what has not left yet or failed to, and what stands unread in the page. Returns how many."""
    told = Notice.objects.filter(cause__in=causes)
    waiting = told.filter(state__in=(NoticeState.WAITING, NoticeState.FAILED)).update(state=NoticeState.WITHDRAWN)
    return waiting + told.filter(channel=Channel.PAGE, state=NoticeState.SENT, read_at__isnull=True).update(state=NoticeState.WITHDRAWN)
