"""One function per figure of the summaries: the database adds up, a few typed rows come back (decision 14).

Rows that are counted and rows that are listed come from the same functions: `received`, `complaints`, `completed`, `due`, `visited` … say
what belongs to a span; `counted(span, what)` gives the rows behind one number, for its link. The definitions in words: `definitions.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django.db.models import Avg, Case, Count, DurationField, Exists, ExpressionWrapper, F, Min, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce, ExtractHour, ExtractIsoWeekDay, TruncDate
from django.utils import timezone

from complaints.lifecycle import State as FormState
from complaints.models import ComplaintForm
from feedback_desk.deadlines.models import WAITS, Deadline, DeadlineState, Rule
from feedback_desk.people.models import Department
from feedback_desk.records.models import Entry
from followups.models import Visit
from reports.periods import Period
from tickets import past
from tickets.lifecycle import State
from tickets.models import Ticket, Type
from tickets.past import DONE

FORMAL_REPLY, CLOSING = "D13", "D26"
TOP_CATEGORIES = 7
GONE = (State.INVALID, State.MERGED)
LOW = 3
"""F4: a score of this or less is followed up."""


@dataclass(frozen=True)
class Span:
    """From `start` to before `end`; what is judged by today's clock is judged at `at`."""

    start: datetime
    end: datetime
    at: datetime
    zone: tzinfo

    @classmethod
    def of(cls, period: Period, at: datetime) -> Span:
        zone = timezone.get_default_timezone()
        return cls(*period.bounds(zone), at=at, zone=zone)

    @property
    def until(self) -> datetime:
        """The end, or now while the period runs."""
        return min(self.end, self.at)


# --- What belongs to a span ---


def received(span: Span) -> QuerySet[Ticket]:
    """Tickets by when they were received, imported ones too; merged ones are counted with the ticket that survives."""
    rows: QuerySet[Ticket] = Ticket.objects.filter(received_at__gte=span.start, received_at__lt=span.end).exclude(state=State.MERGED)
    return rows


def complaints(span: Span) -> QuerySet[Ticket]:
    return received(span).filter(type=Type.COMPLAINT)


def repeats(span: Span) -> QuerySet[Ticket]:
    """I7: complaints of the same customer about the same thing."""
    return complaints(span).filter(repeat=True)


def completed(span: Span) -> QuerySet[Ticket]:
    """Tickets that were completed in the span and still were when it ended, each with `done_at`; what was invalid or merged has no result.

    C15: a ticket that was reopened after the span keeps the completion it had in it; its moves tell when (the row says only the last one).
    """
    rows: QuerySet[Any] = Ticket.objects.annotate(done_at=Case(When(_last_in(span), then=F("completed_at")), default=Subquery(_turns(span).values("done")[:1])))
    before = Q(round__gt=1, received_at__lt=span.end) & (Q(completed_at__isnull=True) | Q(completed_at__gte=span.end))
    last: QuerySet[Ticket] = rows.filter(Q(_last_in(span), ~Q(state__in=GONE)) | Q(before, done_at__gte=span.start, done_at__lt=span.end))
    return last


def _last_in(span: Span) -> Q:
    return Q(completed_at__gte=span.start, completed_at__lt=span.end)


def _turns(span: Span) -> QuerySet[Any]:
    """Completions and reopenings of a ticket before the end, the last one first; `done` is empty for a reopening."""
    moves = past.moves().filter(item_id=OuterRef("item_id"), at__lt=span.end)
    turns = moves.filter(Q(target__in=DONE) & ~Q(source__in=DONE) | Q(source__in=DONE) & ~Q(target__in=DONE))
    last_first: QuerySet[Any] = turns.annotate(done=Case(When(target__in=DONE, then=F("at")), default=None)).order_by("-at", "-pk")
    return last_first


def open_at_end(span: Span) -> QuerySet[Ticket]:
    """Received before the end and not closed, invalid or merged by then, whatever was reopened or restored after it."""
    gone = Case(When(state__in=GONE, then=Coalesce(F("closed_at"), F("state_since"))), default=F("closed_at"))
    rows: QuerySet[Any] = Ticket.objects.filter(received_at__lt=span.until).annotate(gone_at=gone)
    moves = past.moves().filter(item_id=OuterRef("item_id"), at__lt=span.until)
    then = Coalesce(Subquery(moves.order_by("-at", "-pk").values("target")[:1]), Value(""))
    there: QuerySet[Ticket] = rows.filter(Q(gone_at__isnull=True) | Q(gone_at__gte=span.until)).annotate(then=then).exclude(then__in=(*GONE, State.CLOSED))
    return there


def late_at_end(span: Span) -> QuerySet[Ticket]:
    """Open at the end, with at least one limit passed and unmet by then. A paused limit counts if it had passed when it was paused."""
    unmet = Q(ended_at__isnull=True) | Q(ended_at__gte=span.until)
    passed = Deadline.objects.filter(unmet, root_id=OuterRef("item_id"), due_at__lt=span.until).exclude(state=DeadlineState.VOID).exclude(code__in=WAITS)
    return open_at_end(span).filter(Exists(passed.filter(Q(paused_at__isnull=True) | Q(paused_at__gt=F("due_at")))))


def outstanding(span: Span) -> QuerySet[Ticket]:
    """Complaints set aside at the end (C2): the last change of state of the form before the end led there, whatever came after."""
    before = Entry.objects.filter(item_id=OuterRef("item_id"), at__lt=span.until)
    last = before.filter(target__in=FormState.values).order_by("-at", "-pk").values("target")
    forms = ComplaintForm.objects.filter(Exists(before.filter(verb="park")), opened_at__lt=span.until).annotate(then=Subquery(last[:1]))
    return Ticket.objects.filter(type=Type.COMPLAINT, form__in=forms.filter(then=FormState.OUTSTANDING).values("pk"))


def due(span: Span) -> QuerySet[Deadline]:
    """Limits of tickets and their forms by when they were due: settled ones, and those passed and unmet. Void ones and those that wait are not judged.

    While a period runs, limits still to come are not judged either.
    """
    overdue = Q(state=DeadlineState.RUNNING, due_at__lt=span.at) | Q(state=DeadlineState.PAUSED, paused_at__gt=F("due_at"))
    judged = Deadline.objects.filter(Q(state=DeadlineState.SETTLED) | overdue, due_at__gte=span.start, due_at__lt=span.end, root__kind="ticket")
    return judged.exclude(code__in=WAITS)


MISSED = Q(late=True) | Q(late__isnull=True, ended_at__gt=F("due_at")) | ~Q(state=DeadlineState.SETTLED)
"""Late: ended after it was due, or passed and not ended yet."""


def visited(span: Span) -> QuerySet[Visit]:
    """F3: return visits with all three scores."""
    return Visit.objects.filter(at__gte=span.start, at__lt=span.end, speed__isnull=False, solution__isnull=False, attitude__isnull=False)


LOW_SCORE = Q(speed__lte=LOW) | Q(solution__lte=LOW) | Q(attitude__lte=LOW)


# --- The figures ---


@dataclass(frozen=True)
class Counted:
    key: str
    n: int


@dataclass(frozen=True)
class Named:
    """A count for a row of the configuration, with its names as they were."""

    key: str
    name: str
    name_en: str
    n: int


@dataclass(frozen=True)
class Judged:
    """Limits of one code in one department."""

    code: str
    department: int | None
    all: int
    late: int


@dataclass(frozen=True)
class Scores:
    n: int
    low: int
    speed: float | None
    solution: float | None
    attitude: float | None

    @property
    def mean(self) -> float | None:
        parts = (self.speed, self.solution, self.attitude)
        return None if None in parts else sum(p for p in parts if p is not None) / 3


@dataclass(frozen=True)
class Handling:
    """Hours from received to completed."""

    n: int
    mean: float | None
    median: float | None


@dataclass(frozen=True)
class Intake:
    day: date
    hour: int
    n: int


@dataclass(frozen=True)
class Shares:
    """What a department received."""

    department: int | None
    received: int
    complaints: int
    repeats: int


def received_by_type(span: Span) -> list[Counted]:
    found = dict(received(span).order_by().values_list("type").annotate(n=Count("pk")))
    return [Counted(kind, found[kind]) for kind in Type.values if kind in found]


def by_category(rows: QuerySet[Ticket], top: int = TOP_CATEGORIES) -> list[Named]:
    """The largest categories, most first, then all others as one row whose key lists what it leaves out."""
    found = rows.order_by().values("category_id", "category__name", "category__name_en").annotate(n=Count("pk")).order_by("-n", "category_id")
    named = [Named(str(r["category_id"]), r["category__name"], r["category__name_en"], r["n"]) for r in found]
    head, tail = (named, []) if len(named) <= top + 1 else (named[:top], named[top:])
    rest = Named("not-" + ",".join(r.key for r in head), "", "", sum(r.n for r in tail))
    return head + [rest] * bool(tail)


def complaints_by_grade(span: Span) -> list[Counted]:
    """By the grade the form has now; "" is not graded yet."""
    found: dict[str, int] = {}
    for grade, n in complaints(span).order_by().values_list("form__grade").annotate(n=Count("pk")):
        found[grade or ""] = found.get(grade or "", 0) + n
    return [Counted(grade, found[grade]) for grade in ("I", "II", "III", "") if grade in found]


def shares_by_department(span: Span) -> list[Shares]:
    complaint = Q(type=Type.COMPLAINT)
    rows = received(span).order_by().values_list("item__department_id")
    found = rows.annotate(Count("pk"), complaints=Count("pk", filter=complaint), repeats=Count("pk", filter=complaint & Q(repeat=True)))
    return [Shares(*row) for row in found.order_by("item__department_id")]


def compliance(span: Span) -> list[Judged]:
    """R5: by rule code and department."""
    found = due(span).order_by().values_list("code", "root__department_id").annotate(Count("pk"), late=Count("pk", filter=MISSED))
    return [Judged(*row) for row in found.order_by("code", "root__department_id")]


def scores_by_department(span: Span) -> list[tuple[int | None, Scores]]:
    rows = visited(span).order_by().values_list("ticket__item__department_id")
    found = rows.annotate(Count("pk"), low=Count("pk", filter=LOW_SCORE), a=Avg("speed"), b=Avg("solution"), c=Avg("attitude"))
    return [(row[0], Scores(*row[1:])) for row in found.order_by("ticket__item__department_id")]


def outstanding_by_department(span: Span) -> list[tuple[int | None, int]]:
    return list(outstanding(span).order_by().values_list("item__department_id").annotate(Count("pk")).order_by("item__department_id"))


def handling(span: Span) -> Handling:
    """Mean and median; the median is the middle row, asked for by position, since only one of the two databases can compute it."""
    hours = ExpressionWrapper(F("done_at") - F("received_at"), output_field=DurationField())
    timed = completed(span).annotate(took=hours)
    total = timed.aggregate(n=Count("pk"), sum=Sum("took"))
    n = total["n"]
    if not n:
        return Handling(0, None, None)
    middle = list(timed.order_by("took").values_list("took", flat=True)[(n - 1) // 2 : n // 2 + 1])
    return Handling(n, _hours(total["sum"]) / n, sum(map(_hours, middle)) / len(middle))


def _hours(took: timedelta) -> float:
    return took.total_seconds() / 3600


def intake(span: Span) -> list[Intake]:
    """Received by local day and hour: the one source of the daily line and of the weekday grid."""
    rows = by_local_time(span).order_by().values_list("local_day", "local_hour").annotate(Count("pk"))
    return [Intake(*row) for row in rows.order_by("local_day", "local_hour")]


def by_local_time(span: Span) -> QuerySet[Any]:
    """Received, with day, weekday (1 is Monday) and hour on the desk's clock."""
    day, weekday, hour = (of("received_at", tzinfo=span.zone) for of in (TruncDate, ExtractIsoWeekDay, ExtractHour))
    return received(span).annotate(local_day=day, local_weekday=weekday, local_hour=hour)


def rules_named() -> dict[str, tuple[str, str]]:
    """By code the name of the newest rule in both languages."""
    return {code: (name, name_en) for code, name, name_en in Rule.objects.order_by("version", "-pk").values_list("code", "name", "name_en")}


def departments_named() -> dict[int, tuple[str, str]]:
    return {pk: (name, name_en) for pk, name, name_en in Department.objects.values_list("pk", "name", "name_en")}


def first_registered() -> datetime | None:
    """When the desk took up work: the first ticket that is not imported history."""
    first: datetime | None = Ticket.objects.filter(historic=False).aggregate(first=Min("registered_at"))["first"]
    return first


# --- The rows behind a number ---

Rows = QuerySet[Ticket] | QuerySet[Deadline] | QuerySet[Visit]


def counted(span: Span, what: str) -> Rows:
    """The rows behind the number that carries `what`: "received", "type:complaint", "due:D14:late", "department:3:complaints" … Raises KeyError."""
    name, _, rest = what.partition(":")
    try:
        rows: Rows = LISTS[name](span, *rest.split(":")) if rest else LISTS[name](span)
        return rows
    except (TypeError, ValueError) as error:
        raise KeyError(what) from error


def _of_category(rows: QuerySet[Ticket], key: str) -> QuerySet[Ticket]:
    if key.startswith("not-"):
        return rows.exclude(category_id__in=[int(pk) for pk in key[4:].split(",")])
    return rows.filter(category_id=int(key))


def _in_department(key: str, path: str) -> Q:
    return Q(**{f"{path}__isnull": True}) if key == "none" else Q(**{path: int(key)})


def _of_department(span: Span, key: str, part: str) -> Rows:
    if part in ("visits", "low"):
        return (visited(span) if part == "visits" else visited(span).filter(LOW_SCORE)).filter(_in_department(key, "ticket__item__department_id"))
    rows: QuerySet[Ticket] = OF_TICKETS[part](span)
    return rows.filter(_in_department(key, "item__department_id"))


def _due(span: Span, code: str, verdict: str = "", department: str = "") -> QuerySet[Deadline]:
    """Of one code: all, `late` or `kept`; of one department."""
    rows = due(span).filter(code=code)
    if department:
        rows = rows.filter(_in_department(department, "root__department_id"))
    if verdict in ("", "all"):
        return rows
    return {"late": rows.filter(MISSED), "kept": rows.exclude(MISSED)}[verdict]


def _slot(span: Span, weekday: str, hour: str) -> QuerySet[Ticket]:
    return by_local_time(span).filter(local_weekday=int(weekday), local_hour=int(hour))


def _day(span: Span, day: str) -> QuerySet[Ticket]:
    return by_local_time(span).filter(local_day=date.fromisoformat(day))


def _grade(span: Span, grade: str) -> QuerySet[Ticket]:
    return complaints(span).filter(Q(form__grade="") | Q(form__isnull=True) if grade == "none" else Q(form__grade=grade))


OF_TICKETS: dict[str, Any] = {
    "received": received, "complaints": complaints, "repeats": repeats, "completed": completed,
    "open": open_at_end, "late": late_at_end, "outstanding": outstanding,
}  # fmt: skip
LISTS: dict[str, Any] = {
    **OF_TICKETS,
    "type": lambda span, key: received(span).filter(type=key),
    "category": lambda span, key: _of_category(received(span), key),
    "cause": lambda span, key: _of_category(complaints(span), key),
    "grade": _grade,
    "department": _of_department,
    "due": _due,
    "visits": visited,
    "low": lambda span: visited(span).filter(LOW_SCORE),
    "day": _day,
    "slot": _slot,
}
