"""What customers are given (G4) and what comes of complaints (C14): remedies and actions, in each of their states."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count
from django.utils import timezone

from complaints import services as forms
from complaints.models import CauseCategory, ComplaintForm
from feedback_desk import clock
from feedback_desk.people.models import User
from feedback_desk.workplace.demo.world import Way, World

if TYPE_CHECKING:
    from feedback_desk.workplace.demo.ways import Case

WITHOUT = ("spot", "file", "withdrawn", "invalid", "no_fault", "abnormal")
"""Paths on which nothing is given."""
ABOVE_THE_LIMIT = [
    ("price_reduction", "按成交价让利，客户要求较高", 1200), ("cash", "补偿误工与往返交通费", 800), ("refund", "退一个配件的差价与安装费", 960),
    ("gift", "赠同系列小家电一台", 1380), ("price_reduction", "保留使用，退货款三成", 1500),
]  # fmt: skip
"""Kind, words and yuan that an agent may only ask for."""
AMOUNTS = {"I": Decimal(300), "II": Decimal(100), "III": Decimal(50)}


def offer(case: Case) -> None:
    """Two solutions to choose from, within somebody's limit; at some stops one that waits, is only noted, or was withdrawn."""
    form = case.form
    if case.path in WITHOUT or form.remedies.exists():
        return
    by = supervisor(case) if form.grade == "I" else case.agent
    if case.stop == "draft":
        forms.propose_remedy(form_id=form.pk, by=by, kind="voucher", words="代金券，待与客户确认", value=AMOUNTS[form.grade], draft=True)
        return
    if case.stop == "determining":
        kind, words, value = case.world.rng.choice(ABOVE_THE_LIMIT)
        forms.propose_remedy(form_id=form.pk, by=case.agent, kind=kind, words=words, value=Decimal(value))
        return
    given = forms.propose_remedy(form_id=form.pk, by=by, kind="voucher", words="代金券一张，一年有效", value=AMOUNTS[form.grade])
    forms.propose_remedy(form_id=form.pk, by=by, kind="free_check", words="免费上门检测并保养一次")
    if case.stop == "in_review":
        forms.withdraw_remedy(remedy_id=given.pk, by=by, reason="客户更看重尽快换新，先不谈补偿")


def settle(case: Case) -> None:
    """The customer chose; it is given, but where the visit is still to come."""
    remedies = list(case.form.remedies.filter(state="offered").order_by("option"))
    if not remedies:
        return
    forms.choose_remedy(remedy_id=remedies[0].pk, by=case.agent, who=case.ticket.customer.masked_name, way="call_out", words="选代金券，谢谢")
    if not case.stopped("visiting"):
        forms.fulfil_remedy(remedy_id=remedies[0].pk, by=case.agent, how="代金券已发至客户账户")


def supervisor(case: Case) -> User:
    company, root = case.world.company, case.form.item.root_id
    return next(s for s in (company.qin, company.shao) if not s.concerns.filter(item=root).exists())


ENDS = ("draft", "awaiting_approval", "in_progress", "carried_out", "effective", "not_effective", "cancelled")
TEXTS = [
    ("corrective", "大件装卸改用液压尾板，装车前拍照留存", "装卸靠人力，赶时间时侧放"), ("preventive", "新员工上岗前完成装卸规范考核", "培训只讲不考"),
    ("corrective", "来料加严抽检，连续三批合格后恢复", "供应商换料未通知"), ("preventive", "每月复盘同类投诉，更新作业指导书", "作业指导书两年未更新"),
]  # fmt: skip


def plan(world: World) -> None:
    """Five weeks back, so that what was done could be checked for effect."""
    start = timezone.localtime(world.now).replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=35)
    for turn in range(3):
        for place, end in enumerate(ENDS):
            world.plan(start + timedelta(days=turn, minutes=20 * place), improve(world, end, turn + place))


def improve(world: World, end: str, turn: int) -> Way:
    company = world.company
    serious = ComplaintForm.objects.filter(grade__in=("I", "II")).exclude(state__in=("invalid", "merged"))
    form = serious.annotate(there=Count("actions")).select_related("item").order_by("there", "pk").first()
    if form is None:
        return
    out = set(User.objects.filter(concerns__item=form.item.root_id).values_list("pk", flat=True))
    manager = next(u for u in (company.cheng, company.ye) if u.pk not in out)
    owners = [u for u in (company.cao, company.jiang, company.deng, company.fu) if u.pk not in out]
    owner = owners[turn % len(owners)]
    kind, what, why = TEXTS[turn % len(TEXTS)]
    leaf = CauseCategory.objects.filter(parent__isnull=False, active=True).order_by("pk")[turn % 6]
    forms.write_root_cause(form_id=form.pk, by=manager, category_id=leaf.pk, whys=[why, "没有检查环节"], conclusion=f"{why}，且缺少检查。")
    today = timezone.localtime(clock.now()).date()
    due, effect = (60, 70) if end == "in_progress" else (10, 70) if end == "carried_out" else (10, 20)
    action = forms.draft_action(
        form_id=form.pk, by=manager, kind=kind, what=what, owner_id=owner.pk, department_id=owner.department_id or 0,
        due_on=today + timedelta(days=due), effect_on=today + timedelta(days=effect),
    )  # fmt: skip
    if end == "draft":
        return
    yield world.minutes(20, 60)
    forms.submit_action(action_id=action.pk, by=manager)
    if end == "awaiting_approval":
        return
    yield world.in_hours(timedelta(hours=5))
    forms.approve_action(action_id=action.pk, by=company.qian)
    if end == "in_progress":
        return
    yield timedelta(days=6)
    if end == "cancelled":
        forms.cancel_action(action_id=action.pk, by=manager, reason="该产品停产，措施不再需要")
        return
    forms.report_done(action_id=action.pk, by=owner, done=f"已落实：{what}")
    if end == "carried_out":
        return
    yield timedelta(days=15)
    if end == "effective":
        forms.confirm_effective(action_id=action.pk, by=manager, evidence="两周内同类投诉为零")
    else:
        forms.find_ineffective(action_id=action.pk, by=manager, evidence="两周内又有两起同类投诉")
