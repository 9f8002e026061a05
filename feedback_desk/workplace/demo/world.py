"""The agenda: everything that happens, in order of time, under the desk's own clock; between events the sweep runs whenever a step is due."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Generator
from datetime import datetime, timedelta

from django.db.models import Min
from django.utils import timezone

from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from feedback_desk.deadlines.services import mirrored_at_the_end
from feedback_desk.deadlines.sweep import sweep
from feedback_desk.people.one_look import people_at_rest, settings_at_rest
from feedback_desk.workplace.demo.company import Company
from tickets import tasks
from tickets.models import Category, Customer

Way = Generator[timedelta | datetime, None, None]
"""A way yields how long until its next act (or when); the act runs with the desk's clock at that time."""


class World:
    """Plays ways until `now`; what would happen later has not happened yet."""

    def __init__(self, *, now: datetime, company: Company, seed: int = 20260301) -> None:
        self.now, self.company, self.rng = now, company, random.Random(seed)
        self.customers: list[Customer] = []
        self.categories = {c.slug: c for c in Category.objects.all()}
        self._agenda: list[tuple[datetime, int, Way]] = []
        self._running = 0

    def plan(self, at: datetime, way: Way) -> None:
        if at <= self.now:
            heapq.heappush(self._agenda, (at, self._running, way))
            self._running += 1

    def play(self, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        with settings_at_rest(), mirrored_at_the_end():
            self._play(progress)

    def _play(self, progress: Callable[[int, int], None]) -> None:
        done, total = 0, len(self._agenda)
        while self._agenda:
            at, running, way = heapq.heappop(self._agenda)
            self._sweep_until(at)
            with clock.at(at), people_at_rest():
                following = next(way, None)
            if following is None:
                done += 1
                progress(done, total)
            else:
                following = at + following if isinstance(following, timedelta) else max(following, at)
                if following <= self.now:
                    heapq.heappush(self._agenda, (following, running, way))
        self._sweep_until(self.now)

    def _sweep_until(self, at: datetime) -> None:
        """Take every step at the moment it is due, as the running desk does."""
        while (due := self._next_step()) is not None and due <= at:
            with clock.at(due):
                sweep(due)
                tasks.apply_steps()

    @staticmethod
    def _next_step() -> datetime | None:
        first: datetime | None = Deadline.objects.filter(state="running").aggregate(at=Min("next_step_at"))["at"]
        return first

    def minutes(self, low: int, high: int) -> timedelta:
        return timedelta(minutes=self.rng.randint(low, high), seconds=self.rng.randrange(60))

    def in_hours(self, delay: timedelta) -> datetime:
        """`delay` from now, moved into the next opening (09:00-18:00 on weekdays) when it falls outside."""
        local = timezone.localtime(clock.now() + delay)
        if local.hour >= 18:
            local = (local + timedelta(days=1)).replace(hour=9, minute=self.rng.randint(2, 40))
        elif local.hour < 9:
            local = local.replace(hour=9, minute=self.rng.randint(2, 40))
        while local.weekday() >= 5:
            local = (local + timedelta(days=1)).replace(hour=9, minute=self.rng.randint(2, 40))
        return local
