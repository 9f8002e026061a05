"""``manage.py backup [FILE]`` (V6)."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from feedback_desk import clock
from feedback_desk.workplace import health, measuring, safekeeping


class Command(BaseCommand):
    help = "Write one .tar.gz with the database and the uploads; the keys are not in it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", metavar="FILE", help="default: backups/desk-<time>.tar.gz in the data folder")

    def handle(self, *args: Any, **options: Any) -> None:
        at = clock.now()
        named = Path(settings.DATA_DIR) / "backups" / f"desk-{timezone.localtime(at):%Y%m%d-%H%M%S}.tar.gz"
        target = Path(options["file"] or named).resolve()
        try:
            safekeeping.back_up(target, at)
        except safekeeping.CannotKeep as error:
            raise CommandError(str(error)) from error
        health.sign(measuring.BACKUP, bytes=target.stat().st_size)
        self.stdout.write(f"Written 已备份: {target}")
        self.stdout.write(f"The keys are not in it: keep {settings.KEY_DIR} in another place; without them personal data cannot be read.")
        self.stdout.write("备份不含密钥：请另行妥善保存密钥文件夹，否则无法读取个人信息。")
