"""`manage.py demo`: a company's last two months, in an empty database, made by the services themselves."""

from __future__ import annotations

import gc
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import F

from feedback_desk import clock
from feedback_desk.notices.models import Channel, Notice, NoticeState
from feedback_desk.people.models import User
from feedback_desk.workplace import accounts
from feedback_desk.workplace.demo import plan
from feedback_desk.workplace.demo.company import PASSWORD, found
from feedback_desk.workplace.demo.world import World


class Command(BaseCommand):
    help = "Make the demonstration (an empty database only)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seed", type=int, default=20260301, help="the same seed and the same minute make the same company")
        parser.add_argument("--days", type=int, default=plan.DAYS, help="how far back it goes; fewer than usual make a small one")

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists():
            raise CommandError("There are people in this database already; the demonstration needs an empty one. 数据库中已有人员，演示数据只能写入空库。")
        now = clock.now().replace(second=0, microsecond=0)
        gc.freeze()
        gc.disable()  # A run of a minute that keeps little: collecting cost a tenth of it.
        with transaction.atomic():
            world = World(now=now, company=found(), seed=options["seed"])
            plan.fill(world, days=options["days"])
            world.play(self._progress)
            _put_away(world)
            accounts.mark_demonstration(finished=True, password=PASSWORD)
        gc.enable()
        self.stdout.write("")

    def _progress(self, done: int, total: int) -> None:
        """On a terminal a line that counts; anywhere else a line for each tenth."""
        if sys.stdout.isatty():
            if done % 20 == 0:
                self.stdout.write(f"\r  {done} / {total}", ending="")
        elif done * 10 // total > (done - 1) * 10 // total:
            self.stdout.write(f"  {done * 10 // total * 10} %")
        self.stdout.flush()


def _put_away(world: World) -> None:
    """Invented people read no mail: what waits for sending is withdrawn, and notices older than a day were read."""
    Notice.objects.filter(channel=Channel.EMAIL, state=NoticeState.WAITING).update(state=NoticeState.WITHDRAWN, last_error="demonstration: not sent")
    old = Notice.objects.filter(channel=Channel.PAGE, read_at__isnull=True, created_at__lt=world.now - timedelta(days=1))
    old.update(read_at=F("created_at") + timedelta(minutes=11))
