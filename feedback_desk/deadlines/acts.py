"""Acts of steps that failed (decision 4: never skipped): tried again after a delay that doubles, by themselves or by the button."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from feedback_desk.deadlines.models import StepFailure, StepTaken

LONGEST = timedelta(minutes=10)


def waiting(at: datetime) -> QuerySet[StepTaken]:
    """Steps whose act is to be done at `at`; those that failed wait for their time and hold nobody up."""
    return StepTaken.objects.exclude(act="").filter(Q(failure=None) | Q(failure__again_at__lte=at), outcome__isnull=True).order_by("pk")


@transaction.atomic
def failed(step_id: int, error: Exception, *, at: datetime) -> None:
    """Put it on record and say when it is tried again: after 10 s, 20 s, 40 s … 10 min."""
    found, _fresh = StepFailure.objects.select_for_update(no_key=True).get_or_create(step_id=step_id, defaults={"since": at, "again_at": at})
    found.attempts += 1
    found.again_at = at + min(timedelta(seconds=10) * 2 ** min(found.attempts - 1, 10), LONGEST)
    found.why = f"{type(error).__name__}: {error}"[:300]
    found.save(update_fields=["attempts", "again_at", "why"])


def done(step_id: int) -> None:
    StepFailure.objects.filter(step_id=step_id).delete()


def again(ids: Collection[int], *, at: datetime) -> list[int]:
    """Those that wait for their time are tried with the next look. Returns which."""
    with transaction.atomic():
        later = StepFailure.objects.filter(step_id__in=ids, again_at__gt=at).select_for_update(no_key=True).order_by("pk")
        found = list(later.values_list("pk", flat=True))
        StepFailure.objects.filter(pk__in=found).update(again_at=at)
    return found
