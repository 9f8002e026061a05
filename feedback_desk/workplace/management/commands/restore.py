"""``manage.py restore FILE`` (V6)."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from feedback_desk.workplace import safekeeping
from feedback_desk.workplace.supervisor import CannotStart, take_lock


class Command(BaseCommand):
    help = "Put the database and the uploads of a backup in place. The desk must be stopped."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--force", action="store_true", help="replace what is in the database now")

    def handle(self, *args: Any, **options: Any) -> None:
        source = Path(options["file"]).resolve()
        try:
            with take_lock(Path(settings.DATA_DIR) / "serve.lock"):
                manifest = safekeeping.read_manifest(source)
                if not options["force"] and not safekeeping.database_is_empty():
                    raise CommandError("The database is not empty: say --force to replace what is in it. 数据库非空：如需覆盖请加 --force。")
                safekeeping.restore(source)
                call_command("migrate", verbosity=0, interactive=False)
        except (safekeeping.CannotKeep, CannotStart) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Restored 已恢复: {source} ({manifest['at']})")
        if manifest["keys"] != safekeeping.key_fingerprint():
            self.stdout.write(f"The keys in {settings.KEY_DIR} are not those of the backup: put them back, or personal data stays unreadable.")
            self.stdout.write("当前密钥与备份时不同：请放回原来的密钥，否则无法读取个人信息。")
