"""Files to import, and the way from an upload to its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile

from feedback_desk.people.models import User
from tickets.imports import columns, services
from tickets.models import ImportRun

SHARED = settings.BASE_DIR.parent / "shared" / "data"
HEADER = "编号,标题,分类,渠道,状态,创建时间,截止时间,办结时间,客户姓名,联系电话\n"
GOOD = (
    "A1,冰箱不制冷,产品故障,电话,已关闭,2026/1/5 9:05,2026/1/7 18:00,2026/1/6 10:00,陈雨瑶,13812342071\n"
    "A2,配送晚了两天,配送延误,网站,已关闭,2026/1/6 10:00,2026/1/8 18:00,2026/1/9 9:00,顾明,13900001111\n"
    "A3,想退货,退货退款,微信,待处理,2026/1/7 11:30,2026/1/9 18:00,,陈雨瑶,138 1234 2071\n"
)


def shared(name: str) -> Path:
    """A file of real data that is not part of the project."""
    path: Path = SHARED / name
    if not path.exists():
        pytest.skip(f"shared data absent: {name}")
    return path


@pytest.fixture
def baltimore() -> Path:
    return shared("baltimore311.csv")


@pytest.fixture
def truth() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shared("baltimore311.truth.json").read_text())
    return found


def content(text: str, encoding: str = "utf-8") -> bytes:
    return text.encode(encoding)


@pytest.fixture
def upload(manager: User) -> Callable[..., ImportRun]:
    """upload(bytes, columns=..., …): uploaded, with guesses taken and what is given said by hand."""

    def run(data: bytes, *, kind: str = "tickets", name: str = "file.csv", **chosen: Any) -> ImportRun:
        made = services.upload(by=manager, kind=kind, name=name, content=ContentFile(data))
        said = {
            "constants": {"type": "problem", "channel": "phone", "category": "product-fault"},
            "new_categories": True,
            "keep_rest": True,
            "fallback_name": "未具名",
        }
        made = services.choose(run_id=made.pk, by=manager, settings={**said, **chosen})
        return services.choose(run_id=made.pk, by=manager, settings={"values": {**guessed(made), **chosen.get("values", {})}})

    return run


def guessed(run: ImportRun) -> dict[str, dict[str, str]]:
    """What the page of meanings proposes; what it cannot guess is taken as the web."""
    targets = columns.targets_by_key(run.kind)
    choices = {key: said for key, said in services.values_of(run).items() if targets[key].kind == "choice"}
    return {key: {words: columns.guess_meaning(targets[key], words) or "web" for words in said} for key, said in choices.items()}


@pytest.fixture
def checked(manager: User, upload: Callable[..., ImportRun]) -> Callable[..., ImportRun]:
    """… and checked by the worker."""

    def run(data: bytes, **chosen: Any) -> ImportRun:
        made = upload(data, **chosen)
        services.ask_check(run_id=made.pk, by=manager)
        services.check_run(run_id=made.pk)
        made.refresh_from_db()
        return made

    return run


@pytest.fixture
def imported(manager: User, checked: Callable[..., ImportRun]) -> Callable[..., ImportRun]:
    """… and confirmed and written."""

    def run(data: bytes, *, leave_out: bool = False, **chosen: Any) -> ImportRun:
        made = checked(data, **chosen)
        services.ask_import(run_id=made.pk, by=manager, leave_out=leave_out)
        services.import_run(run_id=made.pk)
        made.refresh_from_db()
        return made

    return run


@pytest.fixture
def rows(cast: SimpleNamespace) -> bytes:
    return content(HEADER + GOOD)
