"""What people do with the outbox by hand."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from feedback_desk.notices.models import Notice, NoticeState
from feedback_desk.people.models import Concern

CAUSE_IS_CONCERN = ("told_concerned",)
"""The one kind of notice that people named in a matter get about it (C7)."""


def send_again(ids: Collection[int], *, at: datetime) -> list[int]:
    """Notices that failed for good wait anew, with all their attempts; those in another state stay as they are, so that nothing sent is sent twice.

    One to somebody who has been named in the matter meanwhile stays unsent (V3). Returns which.
    """
    named = Concern.objects.filter(item_id=OuterRef("item__root"), user_id=OuterRef("receiver"))
    with transaction.atomic():
        failed = Notice.objects.filter(pk__in=ids, state=NoticeState.FAILED).filter(Q(template__in=CAUSE_IS_CONCERN) | ~Exists(named))
        found = list(failed.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
        Notice.objects.filter(pk__in=found).update(state=NoticeState.WAITING, send_after=at, attempts=0)
    return found


def let_be(ids: Collection[int]) -> list[int]:
    """Failed notices that nobody needs any more. Returns which."""
    with transaction.atomic():
        found = list(Notice.objects.filter(pk__in=ids, state=NoticeState.FAILED).select_for_update().order_by("pk").values_list("pk", flat=True))
        Notice.objects.filter(pk__in=found).update(state=NoticeState.WITHDRAWN)
    return found
