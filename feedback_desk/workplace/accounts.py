"""The first people of a desk: the demonstration's, or one administrator."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import override

from feedback_desk.notices.models import ServiceState
from feedback_desk.people.models import Membership, Role, User
from feedback_desk.workplace.supervisor import CannotStart

MARK = "demonstration"


@dataclass(frozen=True)
class Account:
    username: str
    role: str
    name: str


def mark_demonstration(*, finished: bool, password: str = "") -> None:
    """Say on a row that this database holds demonstration accounts, and whether their making came to its end."""
    ServiceState.objects.update_or_create(name=MARK, defaults={"at": Now(), "data": {"finished": finished, "password": password}})


def demonstration() -> dict[str, Any] | None:
    """The mark of a demonstration in this database: {"finished": bool, "password": str}."""
    return ServiceState.objects.filter(name=MARK).values_list("data", flat=True).first()


def accounts_by_role() -> list[Account]:
    """One account per role, in the order of the roles; all that the start prints."""
    with override("zh-hans"):
        labels = {str(value): str(label) for value, label in Role.choices}
    first: dict[str, Account] = {}
    for username, name, role in Membership.objects.filter(user__is_active=True).order_by("pk").values_list("user__username", "user__name", "role"):
        first.setdefault(role, Account(username, labels.get(role, role), name))
    return [first[role] for role in Role.values if role in first]


def first_administrator() -> User:
    """From DESK_ADMIN_USER, DESK_ADMIN_PASSWORD and DESK_ADMIN_EMAIL, else asked for on the terminal."""
    username, password = os.environ.get("DESK_ADMIN_USER", ""), os.environ.get("DESK_ADMIN_PASSWORD", "")
    email = os.environ.get("DESK_ADMIN_EMAIL", "")
    if username and password:
        return make_administrator(username=username, password=password, email=email)
    if not sys.stdin.isatty():
        raise CannotStart(
            "There is no administrator yet: set DESK_ADMIN_USER and DESK_ADMIN_PASSWORD, or start on a terminal.",
            "尚无管理员：请设置 DESK_ADMIN_USER 和 DESK_ADMIN_PASSWORD，或在终端中启动。",
        )
    return ask_for_administrator(email)


def ask_for_administrator(email: str) -> User:
    print("The first administrator. 第一位管理员。")
    username = input("User name 用户名: ").strip()
    email = email or input("E-mail 电子邮箱: ").strip()
    while True:
        password = getpass.getpass("Password 密码: ")
        if password != getpass.getpass("Once more 再输一次: "):
            print("The two differ. 两次输入不一致。")
            continue
        try:
            return make_administrator(username=username, password=password, email=email)
        except CannotStart as error:
            print(error)


@transaction.atomic
def make_administrator(*, username: str, password: str, email: str) -> User:
    user = User(username=username, name=username, email=email, is_staff=True, is_superuser=True)
    try:
        validate_password(password, user)
        user.set_password(password)
        user.full_clean()
    except ValidationError as error:
        raise CannotStart(f"The administrator cannot be made: {' '.join(error.messages)}", "无法建立管理员账号，原因见上。") from error
    user.save()
    Membership.objects.create(user=user, role=Role.ADMINISTRATOR)
    return user
