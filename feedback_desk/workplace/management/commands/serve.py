"""``script/server``: prepare the data, start the group, look after it until Ctrl-C or TERM."""

from __future__ import annotations

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection, connections

from feedback_desk.notices.models import ServiceState
from feedback_desk.people.models import User
from feedback_desk.workplace import accounts, supervisor
from feedback_desk.workplace.supervisor import CannotStart, Group


class Stop(BaseException):
    """Ctrl-C or TERM. Not an Exception, so that nothing on the way takes it for a failure of its own."""


class Command(BaseCommand):
    help = "Run the whole desk on this machine: web, broker, two workers and beat."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self.told_to_stop)
        self.group: Group | None = None
        self.stopping = self.interruptible = False
        try:
            self.run()
        except CannotStart as error:
            self.end()
            self.stderr.write(str(error))
            sys.exit(1)
        except Stop:
            self.end()

    def told_to_stop(self, number: int, frame: FrameType | None) -> None:
        """Only the long preparation is broken off where it stands; raised inside subprocess, Stop would leave a child's lock taken."""
        self.stopping = True
        if self.interruptible:
            self.interruptible = False
            raise Stop

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)
        if self.stopping:
            raise Stop

    def end(self) -> None:
        """Once told to stop, being told again changes nothing: the children are given their time."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if self.group and self.group.children:
            self.tell("Stopping; work under way is finished … 正在停止，进行中的工作将先完成…")
            self.group.stop()
            self.tell("Stopped. 已停止。")

    def tell(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    def run(self) -> None:
        host, port = os.environ.get("HOST") or "127.0.0.1", port_wanted()
        data = supervisor.own_folder(Path(settings.DATA_DIR))
        lock = supervisor.take_lock(data / "serve.lock")
        supervisor.check_port(host, port)
        with lock:
            self.serve(host, port, data)

    def serve(self, host: str, port: int, data: Path) -> None:
        for name in ("logs", "run", "uploads", "static"):
            supervisor.own_folder(data / name)
        address = supervisor.web_address(host, port)
        told = {**os.environ, "CELERY_BROKER_URL": settings.CELERY_BROKER_URL, "DESK_URL": os.environ.get("DESK_URL") or address}
        self.group = Group(data / "logs", told, self.tell, self.rest)
        refuse_open_demonstration(host)
        if settings.BROKER_EMBEDDED:
            supervisor.private_folder(settings.BROKER_SOCKET.parent)
            self.group.start(supervisor.broker(settings.BROKER_SOCKET, data / "broker"))
        self.interruptible = True
        self.prepare()
        self.interruptible = False
        self.rest(0)
        connections.close_all()
        self.tell("Starting … 正在启动…")
        self.group.start(supervisor.web(host, port))
        self.wait_for_web(address)  # Alone, as somebody waits for the page.
        for program in (supervisor.worker("sweep"), supervisor.worker("work"), supervisor.beat()):
            self.group.start(program)
        self.welcome(address, data)
        while True:
            self.group.look_after()
            self.rest(0.5)

    def prepare(self) -> None:
        """Migrate; on an empty database make the demonstration, or the first administrator."""
        self.tell("Preparing the database … 正在准备数据库…")
        try:
            call_command("migrate", verbosity=0, interactive=False)
            if (mark := accounts.demonstration()) and not mark["finished"]:
                self.begin_again()
            call_command("load_first_rows", verbosity=0)
            if not User.objects.exists():
                self.fill()
        except DatabaseError as error:
            raise CannotStart(f"The database does not answer: {first_line(error)}", "无法连接数据库，请检查 DATABASE_URL。") from error

    def fill(self) -> None:
        if demonstration_wanted() and "demo" in get_commands():
            self.tell("Making the demonstration, once … 正在生成演示数据（仅首次）…")
            accounts.mark_demonstration(finished=False)
            call_command("demo")
            if not (accounts.demonstration() or {}).get("finished"):
                accounts.mark_demonstration(finished=True)
        else:
            user = accounts.first_administrator()
            self.tell(f"The administrator {user.username} has been made. 已建立管理员 {user.username}。")

    def begin_again(self) -> None:
        """The making of the demonstration was interrupted, nobody has worked here yet: empty the database and start over."""
        self.tell("The demonstration was not finished last time and is made anew. 上次演示数据未生成完，现重新生成。")
        if connection.vendor == "sqlite":
            connection.close()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{settings.DATABASES['default']['NAME']}{suffix}").unlink(missing_ok=True)
        else:
            ours = [connection.ops.quote_name(t) for t in (*connection.introspection.django_table_names(only_existing=True), "django_migrations")]
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE {', '.join(ours)} CASCADE")
        call_command("migrate", verbosity=0, interactive=False)

    def wait_for_web(self, address: str, patience: float = 90.0) -> None:
        assert self.group
        web = next(child for child in self.group.children if child.program.name == "web")
        until = time.monotonic() + patience
        while not web_answers(address):
            if not web.running or time.monotonic() > until:
                raise CannotStart(f"The web server does not start; see {web.log}.", f"网页服务无法启动，原因见 {web.log}。")
            self.rest(0.2)

    def welcome(self, address: str, data: Path) -> None:
        self.tell(f"\n  Feedback Desk 客户反馈台: {address}/\n")
        if mark := accounts.demonstration():
            password = mark.get("password", "")
            self.tell(f"  Demonstration accounts 演示账号{f' (password 密码: {password})' if password else ''}:")
            for account in accounts.accounts_by_role():
                self.tell(f"    {account.username:<16} {account.role} {account.name}")
        self.tell(f"\n  Data and logs 数据与日志: {data}\n  Stop with Ctrl-C. 按 Ctrl-C 停止。\n")
        connections.close_all()


def web_answers(address: str) -> bool:
    """Anything at all; a proxy of the environment is not asked."""
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{address}/healthz", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def port_wanted() -> int:
    value = os.environ.get("PORT") or "8000"
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise CannotStart(f"PORT={value} is not a port: say a number from 1 to 65535.", f"PORT={value} 不是端口号：请填 1 到 65535 之间的数字。")
    return int(value)


def demonstration_wanted() -> bool:
    value = (os.environ.get("DEMO") or "1").lower()
    if value not in ("0", "1", "true", "false", "yes", "no", "on", "off"):
        raise CannotStart(f"DEMO={value}: say 1 or 0.", f"DEMO={value}：请填 1 或 0。")
    return value in ("1", "true", "yes", "on")


def refuse_open_demonstration(host: str) -> None:
    """Accounts whose password everybody knows are not shown to a network unless that was said (asked before anything is made)."""
    asked_for = bool(os.environ.get("DEMO")) and demonstration_wanted()
    if asked_for or not supervisor.reachable_by_others(host):
        return
    if holds_demonstration() or (demonstration_wanted() and is_empty()):
        raise CannotStart(
            f"HOST={host} can be reached by others and this desk has demonstration accounts: say DEMO=1 if you want that, or DEMO=0 with a fresh DATA_DIR.",
            f"HOST={host} 可被他人访问，而系统中有演示账号：若确实需要请设置 DEMO=1，否则请用 DEMO=0 和新的 DATA_DIR。",
        )


def tables() -> set[str]:
    try:
        return set(connection.introspection.table_names())
    except DatabaseError as error:
        raise CannotStart(f"The database does not answer: {first_line(error)}", "无法连接数据库，请检查 DATABASE_URL。") from error


def is_empty() -> bool:
    return User._meta.db_table not in tables() or not User.objects.exists()


def holds_demonstration() -> bool:
    return ServiceState._meta.db_table in tables() and accounts.demonstration() is not None


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
