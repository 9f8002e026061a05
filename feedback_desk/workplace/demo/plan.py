"""What is on the agenda: two months of ordinary days, then today's desk, with every state of every machine and what is late or nearly so."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from feedback_desk import clock
from feedback_desk.people.models import Absence
from feedback_desk.workplace.demo import aftercare, matters, skills, ways
from feedback_desk.workplace.demo.matters import Matter
from feedback_desk.workplace.demo.ways import Case
from feedback_desk.workplace.demo.world import Way, World
from reports import services as reports
from tickets import services as tickets

DAYS = 63
CHANNELS = (["phone", "vip_line", "wechat", "chat", "email", "web", "in_person", "forum", "letter"], [48, 8, 14, 12, 7, 5, 3, 2, 1])
COMPLAINT_PATHS = (
    [
        "whole",
        "spot",
        "file",
        "objection",
        "changed",
        "two",
        "struck",
        "no_fault",
        "returned",
        "not_accepted",
        "sent_back",
        "split",
        "resumed",
        "withdrawn",
        "unreached",
        "abnormal",
        "invalid",
        "reversed",
    ],
    [30, 12, 8, 6, 5, 5, 4, 6, 5, 3, 3, 3, 3, 3, 3, 3, 2, 3],
)
ON_THE_WAY = ("split", "objection", "sent_back", "no_fault", "returned", "not_accepted")
"""They come back to the usual way."""
SIMPLE_PATHS = (["at_once", "plain", "waiting", "not_solved", "invalid", "reopen"], [40, 26, 14, 8, 7, 5])


def fill(world: World, *, days: int = DAYS) -> None:
    """Put everything on the agenda, the first day at 08:00. Fewer days make a small company: one of each kind today."""
    start = timezone.localtime(world.now).replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=days)
    skills.found(world.company)
    with clock.at(start):
        people(world)
    for day in range(days):
        ordinary_day(world, start + timedelta(days=day), last=days - day)
    for day in range(days + 1):
        world.plan(start + timedelta(days=day, minutes=5), _summaries())
    every_path(world, start)
    today(world, most=1 if days < DAYS else None)
    aftercare.plan(world)
    absences(world)
    world.plan(world.now - timedelta(minutes=8), skills.a_break(world.company))


def people(world: World) -> None:
    agents = world.company.agents
    for running in range(140):
        person = matters.customer(world.rng, running)
        world.customers.append(tickets.create_customer(
            by=world.rng.choice(agents), name=person.name, kind=person.kind, phone=person.phone, email=person.email, address=person.address, area=person.area,
            level=person.level, contact_name=person.contact_name, owner=world.rng.choice(agents) if person.level == "strategic" else None,
        ))  # fmt: skip


def ordinary_day(world: World, day: datetime, *, last: int) -> None:
    """Three or four items on weekdays, three at the weekend, between 08:20 and 18:40; fewer complaints than questions."""
    rng = world.rng
    for _item in range(rng.randint(3, 4) if day.weekday() < 5 else 3):
        at = day + timedelta(minutes=rng.randint(20, 640), seconds=rng.randrange(60))
        agent = rng.choice(world.company.agents)
        channel = rng.choices(*CHANNELS)[0]
        if rng.random() < 0.06:
            path = rng.choices(*COMPLAINT_PATHS)[0]
            matter = pick(world, path)
            case = Case(world, matter, "complaint", agent, path=path, channel=channel, lively=last <= 6, urgency="urgent" if matter.grade == "I" else "normal")
            world.plan(at, ways.complaint(case))
        else:
            matter, kind = rng.choice(
                [
                    *((q, "consultation") for q in matters.QUESTIONS[:5]),
                    *((q, "problem") for q in matters.QUESTIONS[4:]),
                    *((s, "suggestion") for s in matters.SUGGESTIONS),
                ]
            )
            kind = "praise" if matter.summary.startswith("表扬") else "after_sales" if "保" in matter.summary else kind
            world.plan(
                at,
                ways.simple(
                    Case(
                        world,
                        matter,
                        kind,
                        agent,
                        path=rng.choices(*SIMPLE_PATHS)[0],
                        channel=channel,
                        lively=last <= 6,
                        urgency=rng.choice(["normal", "normal", "low"]),
                    )
                ),
            )


def pick(world: World, path: str, stop: str = "") -> Matter:
    """A matter that fits the path: the short way and filing are grade III's, visits are for the others, a person must be named to object for or to reverse."""
    fitting = matters.COMPLAINTS
    if path in ("spot", "file"):
        fitting = [m for m in fitting if m.grade == "III"]
    elif path in ("abnormal", "reversed", "not_accepted") or stop == "visiting":
        fitting = [m for m in fitting if m.grade != "III"]
    elif path in ("resumed", "parked"):
        fitting = [m for m in fitting if m.grade != "I"]
    if path in ("objection", "split", "changed", "reversed"):
        fitting = [m for m in fitting if m.who[1]]
    return world.rng.choice(fitting)


def _summaries() -> Way:
    reports.issue_due(clock.now())
    yield from ()


def every_path(world: World, start: datetime) -> None:
    """Each rarer path, four weeks back: three times where it ends in a state of its own, so that no state of any machine depends on chance."""
    rng = world.rng
    for path in ("abnormal", "reversed", "split", "objection", "struck", "sent_back", "invalid", "no_fault", "withdrawn", "returned", "not_accepted"):
        for turn in range(1 if path in ON_THE_WAY else 3):
            day = start + timedelta(days=21 + rng.randrange(14), hours=2 + turn, minutes=rng.randrange(60))
            agent = rng.choice(world.company.agents)
            world.plan(day, ways.complaint(Case(world, pick(world, path), "complaint", agent, path=path, urgency="normal")))
    for turn in range(3):
        case = Case(
            world, matters.COMPLAINTS[turn], "complaint", rng.choice(world.company.agents), path="spot" if matters.COMPLAINTS[turn].grade == "III" else "whole"
        )
        day = start + timedelta(days=40 + turn, hours=3)
        world.plan(day, ways.complaint(case))
        world.plan(day + timedelta(minutes=9), ways.merged(Case(world, case.matter, "complaint", rng.choice(world.company.agents)), into=case))


def today(world: World, *, most: int | None) -> None:
    """The desk as it stands now: each state three times, what is late, what is due within the hour. Ages are chosen for the limit they meet."""
    rows: list[tuple[float, str, str, str, int]] = [
        # hours ago, kind of way, stop, path, how many
        (0.4, "complaint", "pending", "whole", 2), (1.5, "complaint", "registered", "whole", 3), (3, "complaint", "graded", "whole", 1),
        (5.5, "complaint", "draft", "whole", 3), (7, "complaint", "in_review", "whole", 1),
        (8, "complaint", "negotiating", "objection", 3), (8.5, "complaint", "agreed", "two", 3), (9, "complaint", "negotiated", "objection", 3),
        (10, "complaint", "awaiting_ruling", "whole", 3), (11, "complaint", "executing", "whole", 3), (11.5, "complaint", "executed", "whole", 3),
        (12, "complaint", "awaiting_check", "spot", 3), (13, "complaint", "visiting", "whole", 1), (30, "complaint", "", "parked", 3),
        (2, "simple", "pending", "plain", 3), (4, "simple", "processing", "plain", 4), (6, "simple", "waiting", "waiting", 4),
        (9, "simple", "confirming", "plain", 4), (10, "simple", "completed", "promised", 3), (11, "simple", "completed", "low_score", 2),
        # late now
        (27, "complaint", "determining", "whole", 3), (31, "complaint", "graded", "whole", 2),
        (2.7, "urgent", "pending", "plain", 2), (26, "simple", "pending", "plain", 3),
        (50, "waiting_long", "", "plain", 3), (42, "complaint", "visiting", "changed", 2), (80, "complaint", "in_review", "whole", 2),
        # due within the hour
        (1.3, "urgent", "pending", "plain", 2), (23.3, "complaint", "determining", "whole", 2),
        (23.5, "simple", "pending", "plain", 2), (0.2, "urgent", "pending", "plain", 1),
    ]  # fmt: skip
    for hours, way, stop, path, count in rows:
        for _one in range(min(count, most or count)):
            at = world.now - timedelta(hours=hours, minutes=world.rng.randint(0, 9))
            world.plan(at, _way(world, way, stop, path))


def _way(world: World, way: str, stop: str, path: str) -> Way:
    agent = world.rng.choice(world.company.agents)
    if way == "complaint":
        return ways.complaint(Case(world, pick(world, path, stop), "complaint", agent, path=path, stop=stop, lively=True))
    question = world.rng.choice(matters.QUESTIONS)
    if way == "urgent":
        question = world.rng.choice(matters.QUESTIONS[4:7])
        return ways.simple(Case(world, question, "problem", agent, stop=stop, lively=True, urgency="urgent", received_before=timedelta(minutes=2)))
    if way == "waiting_long":
        return _unanswered(Case(world, question, "problem", agent, lively=True))
    return ways.simple(Case(world, question, "problem", agent, path=path, stop=stop, lively=True))


def _unanswered(case: Case) -> Way:
    """Spoken with, but no solution offered within 48 hours (D08)."""
    ways.register(case)
    yield case.wait(5, 20)
    ways.contact(case, "已记录现象，正与厂家确认备件。", "尽快", then="厂家答复备件后回电", hours=30)


def absences(world: World) -> None:
    """Two people away now, one back: the backup has their work (V2)."""
    spans: list[tuple[str, float, float, str]] = [("hanshu", -2, 3, "年假"), ("sun", -20, -17, "出差"), ("deng", 6, 9, "培训")]
    for username, begin, end, reason in spans:
        Absence.objects.create(
            user=world.company.people[username], starts_at=world.now + timedelta(days=begin), ends_at=world.now + timedelta(days=end), reason=reason
        )
