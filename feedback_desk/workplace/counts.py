"""How many wait where: all counts of the sidebar in one query, notices and signs of life in another, each at most once a request."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import Count, Exists, F, IntegerField, JSONField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from complaints.lifecycle.form import HAS_RESULT
from complaints.models import CorrectiveAction, Disposition
from complaints.permissions import APPROVES
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.notices.models import Channel, Notice, NoticeState, ServiceState
from feedback_desk.notices.services import CAUSE_IS_CONCERN
from feedback_desk.people.models import Concern, Role, User
from feedback_desk.workplace import context, health, measuring, nav, waiting
from tickets.models import Ticket

TOLD_CONCERNED = CAUSE_IS_CONCERN
KEEP_LIMITS = (health.BEAT, "sweep")
"""Without these signs nobody is reminded and no mail leaves."""


def notices_of(user: User) -> Any:
    """Page notices this person may read: nothing of matters they are named in, but that they are (V3)."""
    named = Concern.objects.filter(user=user).values("item_id")
    mine = Notice.objects.filter(receiver=user, channel=Channel.PAGE).exclude(state=NoticeState.WITHDRAWN)
    return mine.exclude(~Q(template__in=TOLD_CONCERNED), item__isnull=False, item__root_id__in=named)


def of_nav(user: User) -> dict[str, int]:
    """Open tickets by place, of those this person sees; kept on the user for the request."""
    found: dict[str, int] | None = getattr(user, "_desk_counts", None)
    if found is None:
        at = clock.now()
        mine = waiting.for_me(user, at)
        found = waiting.seen_by(user).filter(item__open=True).aggregate(
            work=Count("pk", filter=mine), team=Count("pk", filter=waiting.of_team(user)), late=Count("pk", filter=mine & Q(item__next_limit_at__lt=at)),
            unclaimed=Count("pk", filter=Q(state="pending", assignee=None)), approvals=Count("pk", filter=waiting.awaits_approval(user)),
            visits=Count("pk", filter=Q(form__state="visiting", state__in=HAS_RESULT)),
            outstanding=Count("pk", filter=Q(form__state="outstanding")),
            complaints=Count("pk", filter=Q(type="complaint")), after_sales=Count("pk", filter=Q(type="after_sales")),
            problems=Count("pk", filter=Q(type="problem")), consultations=Count("pk", filter=Q(type="consultation")),
        )  # fmt: skip
        user._desk_counts = found  # type: ignore[attr-defined]
    return found


def pulse(user: User, **more: Any) -> dict[str, Any]:
    """Unread notices, how many of beat and the queues gave a fresh sign and whether limits lie untaken (at the database's time); one query a request.

    `more`: subqueries of the page's own that are read with it; whoever wants them asks first.
    """
    found: Any = getattr(user, "_desk_pulse", None)
    if found is None:
        signs = ServiceState.objects.filter(at__gt=Now() - health.STALE_AFTER)
        unread = notices_of(user).filter(read_at=None).order_by()
        found = User.objects.filter(pk=user.pk).annotate(
            unread=_number(unread.annotate(one=F("channel")).values("one")),
            keeping=_number(signs.filter(name__in=KEEP_LIMITS).annotate(one=OuterRef("is_active")).values("one")),
            working=Exists(signs.filter(name="work")), lying=Exists(Deadline.objects.filter(measuring.due(Now() - measuring.BEHIND))),
            about_me=_number(Disposition.objects.about(user).order_by().annotate(one=F("user_id")).values("one")), head=_number(_of_head(user)),
            to_approve=_number(_actions(user)), **{name: Subquery(rows, output_field=JSONField()) for name, rows in more.items()},
        ).values("unread", "keeping", "working", "lying", "about_me", "head", "to_approve", *more).get()  # fmt: skip
        user._desk_pulse = found  # type: ignore[attr-defined]
    return dict(found)


def _of_head(user: User) -> Any:
    """C4, C6, G2: forms with something for a head to sign, review, negotiate, carry out or hand over; of their tickets a head may see nothing."""
    if Role.DEPARTMENT_HEAD not in user.roles:
        return Ticket.objects.none().annotate(one=F("type")).values("one")
    named = Concern.objects.filter(user=user).values("item_id")
    theirs = Ticket.objects.filter(waiting.awaits_head(user) | waiting.awaits_my_signature(user))
    return theirs.exclude(item__root_id__in=named).order_by().annotate(one=F("type")).values("one")


def _actions(user: User) -> Any:
    """C14: actions that wait for this person's approval, or for more time."""
    if not user.roles & APPROVES:
        return CorrectiveAction.objects.none().annotate(one=F("kind")).values("one")
    named = Concern.objects.filter(user=user).values("item_id")
    approve = Q(state="awaiting_approval") & ~Q(compiled_by=user) & ~Q(drafted_by=user)
    asked = Deadline.objects.filter(item=OuterRef("item"), asking__isnull=False).exclude(asking__asked_by=user)
    rows = CorrectiveAction.objects.filter(approve | Q(Exists(asked))).exclude(item__root_id__in=named)
    return rows.order_by().annotate(one=OuterRef("is_active")).values("one")


def _number(rows: Any) -> Coalesce:
    return Coalesce(Subquery(rows.annotate(n=Count("*")).values("n"), output_field=IntegerField()), 0)


def unread(user: User) -> int:
    found: int = pulse(user)["unread"]
    return found


def behind(user: User) -> str:
    """One sentence when beat or a queue is silent or limits lie for more than a minute; what is typed is kept and everything catches up."""
    found = pulse(user)
    if found["keeping"] < len(KEEP_LIMITS) or found["lying"]:
        return _("Reminders and mail are behind; what you register is kept and catches up by itself.")
    return "" if found["working"] else _("Imports and summaries are behind; they are kept and catch up by themselves.")


def _count(key: str, user: User) -> int:
    return of_nav(user)[key]


def approvals(user: User) -> int:
    found: int = max(of_nav(user)["approvals"], pulse(user)["head"]) + pulse(user)["to_approve"]
    return found


def install() -> None:
    """Fill the frame's hooks."""
    for key in ("work", "unclaimed", "visits", "complaints", "after_sales", "problems", "consultations", "outstanding"):
        nav.COUNTS[key] = partial(_count, key)
    nav.COUNTS["approvals"] = approvals
    nav.COUNTS["about_me"] = lambda user: pulse(user)["about_me"]
    nav.LATE["work"] = lambda user: of_nav(user)["late"]
    context.UNREAD[:] = [unread]
    context.BEHIND[:] = [behind]
