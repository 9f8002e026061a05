"""Bring a complaint to any state of its way by the services alone, as the fixed cast would; tests begin where their rule does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from types import SimpleNamespace
from typing import Any

import pytest

from complaints import first_rows
from complaints import services as forms
from complaints.models import ComplaintForm, Disposition, ReplyTemplate
from feedback_desk import clock
from feedback_desk.deadlines.models import Deadline
from followups import services as visits
from tests.stages import reach
from tickets import services as tickets
from tickets.models import Category, Ticket

MONDAY = "2026-03-02 09:00"


def comes_next(step: str = "核实后给客户回电", hours: float = 5) -> dict[str, Any]:
    """F1: what every contact record ends with."""
    return {"next_step": step, "next_at": clock.now() + timedelta(hours=hours)}


def first_hours(form_id: int, cast: SimpleNamespace) -> None:
    """C1, G2: facts checked, first plan, and for grades I and II the handling decision, signed by both."""
    form = ComplaintForm.objects.select_related("ticket__item__department__head").get(pk=form_id)
    forms.check_facts(form_id=form_id, by=cast.agent, colleague_id=cast.head_backup.pk, found="装车单显示侧放。", on_site=False)
    forms.write_first_plan(form_id=form_id, by=cast.agent, text="换新，或更换外壳并延保。")
    text = {"lead_id": cast.agent.pk, "department_ids": [cast.delivery.pk], "reply": "客服主管书面答复", "measures": "先行致歉，安排换新。"}
    if form.grade == "I":
        decision = forms.decide_handling(form_id=form_id, by=cast.supervisor, **text)
        forms.sign_decision(form_id=form_id, by=cast.manager, seen=decision.pk)
    elif form.grade == "II":
        decision = forms.decide_handling(form_id=form_id, by=cast.supervisor, **text)
        line = form.ticket.item.department
        assert line is not None
        assert line.head is not None
        forms.sign_decision(form_id=form_id, by=line.head, seen=decision.pk)


def replied(form_id: int, cast: SimpleNamespace) -> None:
    """C13, C17: points answered, the final reply sent where the grade asks for it."""
    form = ComplaintForm.objects.get(pk=form_id)
    if left := list(form.points.filter(answer="").values_list("pk", flat=True)):
        forms.answer_points(form_id=form_id, by=cast.agent, answers=dict.fromkeys(left, "已换新机,运费由我司承担。"))
    if form.grade in ("I", "II"):
        said = {"found": "卸货时侧放。", "done": "整机换新。", "prevented": "大件装卸加贴标识。", "apology": "深表歉意。"}
        letter = ReplyTemplate.objects.filter(language="zh-hans").earliest("order")
        reply = forms.draft_reply(form_id=form_id, by=cast.supervisor, template_id=letter.pk, **said)
        forms.send_reply(form_id=form_id, by=cast.supervisor, seen=reply.pk, way="letter")


def summed_up(form_id: int, cast: SimpleNamespace, text: str = "卸货侧放所致;换新得当。") -> None:
    """C13, C17, C20: all that stands before the closing, with the report of grade I and the case summary."""
    replied(form_id, cast)
    form = ComplaintForm.objects.get(pk=form_id)
    if form.grade == "I" and not form.managementreport_rows.exists():
        forms.report_to_management(form_id=form_id, by=cast.supervisor, report="批次运输破损。", proposals="更换包装方案。")
    forms.write_case_summary(form_id=form_id, by=cast.agent, text=text)


def not_reached(form: ComplaintForm, cast: SimpleNamespace) -> None:
    """C3: two attempts on record, both failed."""
    for _n in range(2):
        tickets.record_contact(ticket_id=form.ticket_id, by=cast.agent, way="call_out", said="无人接听", reached=False, **comes_next("再次拨打"))


def kept(step: Callable[..., Way]) -> Callable[..., Way]:
    """A step that a whole test run needs again and again (tests.stages)."""

    @wraps(step)
    def go(way: Way, *measures: dict[str, Any], **more: Any) -> Way:
        def make() -> tuple[int, int]:
            step(way, *measures, **more)
            return way.ticket_id, way.form_id

        words = (step.__name__, way.wanted, way.customer, way.ticket_id, way.form_id, measures, more)
        way.ticket_id, way.form_id = reach(way.cast, make, *words)
        return way

    return go


class Way:
    """One complaint of the customer 陈雨瑶 about a dented machine; each method goes one step on from the state before it and returns the way."""

    def __init__(self, cast: SimpleNamespace, customer: Any, grade: str) -> None:
        self.cast, self.customer, self.wanted = cast, customer, grade
        self.ticket_id = self.form_id = 0

    @property
    def ticket(self) -> Ticket:
        found: Ticket = Ticket.objects.select_related("item", "assignee").get(pk=self.ticket_id)
        return found

    @property
    def form(self) -> ComplaintForm:
        found: ComplaintForm = ComplaintForm.objects.select_related("item__root", "ticket__item").get(pk=self.form_id)
        return found

    @property
    def measures(self) -> list[Disposition]:
        return list(Disposition.objects.filter(form_id=self.form_id, round=self.form.round).order_by("pk"))

    @property
    def measure(self) -> Disposition:
        return self.measures[0]

    @property
    def states(self) -> tuple[str, str]:
        return self.form.state, self.ticket.state

    def limit(self, code: str, round: int | None = None) -> Deadline:
        """The newest limit of a code on ticket or form."""
        found = Deadline.objects.filter(root_id=self.ticket.item_id, code=code)
        return (found.filter(round=round) if round else found).latest("pk")

    def live(self, *codes: str) -> set[str]:
        found = Deadline.objects.filter(root_id=self.ticket.item_id, state__in=("running", "paused"))
        return set((found.filter(code__in=codes) if codes else found).values_list("code", flat=True))

    @kept
    def register(self, **more: Any) -> Way:
        ticket = tickets.register(**self.said(**more))
        self.ticket_id, self.form_id = ticket.pk, ticket.form.pk
        return self

    def said(self, **more: Any) -> dict[str, Any]:
        """The words of `tickets.register`."""
        return {
            "by": self.cast.agent, "customer_id": self.customer.pk, "summary": "洗衣机到货外壳破损", "type": "complaint",
            "category_id": Category.objects.get(slug="transport-damage").pk, "channel": "phone", "received_at": clock.now(),
            "what_happened": "开箱后外壳凹陷约 12 厘米。", "assignee_id": self.cast.agent.pk, **more,
        }  # fmt: skip

    @kept
    def graded(self, **more: Any) -> Way:
        """Damaged in transport is proposed as II (G1): another grade has its reason, and below it is the supervisor's (G6)."""
        self.register()
        by = self.cast.supervisor if self.wanted == "III" else self.cast.agent
        forms.grade(form_id=self.form_id, by=by, grade=self.wanted, **{"reason": "" if self.wanted == "II" else "客户情况特殊", **more})
        return self

    @kept
    def spoken(self) -> Way:
        words: dict[str, Any] = {"said": "说明正在核实,给出两个方案。", "customer_says": "同意换新"}
        tickets.record_contact(ticket_id=self.ticket_id, by=self.cast.agent, way="call_out", purpose="solution", **words, **comes_next())
        return self

    @kept
    def prepared(self) -> Way:
        """C1, G2: all that the determination asks for first."""
        first_hours(self.form_id, self.cast)
        return self

    @kept
    def determining(self, **more: Any) -> Way:
        self.graded(**more).spoken().prepared()
        forms.begin_determination(form_id=self.form_id, by=self.cast.manager)
        return self

    @kept
    def determined(self, *measures: dict[str, Any], **more: Any) -> Way:
        """In determination, with the given measures (else one warning for the person concerned) in draft."""
        if not self.form_id:
            self.determining(**more)
        self.determine(list(measures) or [self.one()])
        return self

    def one(self, kind: str = "warning", amount: Any = None, user: Any = None, department: Any = None, **more: Any) -> dict[str, Any]:
        """A measure; for the person concerned of the delivery department unless said otherwise."""
        department = department or self.cast.delivery
        user = user or (self.cast.person_concerned if department == self.cast.delivery else None)
        text = {"kind": kind, "amount": amount, "clause": "《配送作业规范》4.2", "reason": "大件不得侧放"}
        return {"user_id": user.pk if user else None, "department_id": department.pk, **text, **more}

    def determine(self, measures: list[dict[str, Any]], by: Any = None, shares: list[int] | None = None, **more: Any) -> Way:
        targets = list(dict.fromkeys((m["user_id"], m["department_id"]) for m in measures)) or [(None, self.cast.delivery.pk)]
        shares = shares or [100 - 10 * (len(targets) - 1), *[10] * (len(targets) - 1)]
        responsible = [{"user_id": u, "department_id": d, "share": s, "because": "侧放大件"} for (u, d), s in zip(targets, shares, strict=True)]
        words: dict[str, Any] = {"findings": "卸货时侧放。", "why_not_spoken": ""}
        forms.determine(form_id=self.form_id, by=by or self.cast.manager, responsibilities=responsible, measures=measures, **words, **more)
        return self

    @kept
    def in_review(self, *measures: dict[str, Any], **more: Any) -> Way:
        self.determined(*measures, **more)
        forms.submit(form_id=self.form_id, by=self.cast.manager)
        return self

    @kept
    def negotiating(self) -> Way:
        self.in_review()
        forms.object(disposition_id=self.measure.pk, by=self.cast.department_head, reason="当时车厢已满,应由调度负责。")
        return self

    @kept
    def awaiting_ruling(self, *measures: dict[str, Any], **more: Any) -> Way:
        self.in_review(*measures, **more)
        heads = {self.cast.delivery.pk: self.cast.department_head, self.cast.product.pk: self.cast.product_head}
        for measure in self.measures:
            forms.agree(disposition_id=measure.pk, by=heads[measure.department_id])
        return self

    @kept
    def executing(self, *measures: dict[str, Any], **more: Any) -> Way:
        self.awaiting_ruling(*measures, **more)
        forms.rule(form_id=self.form_id, by=self.cast.general_manager)
        return self

    def carry_out(self) -> Way:
        for measure in self.measures:
            if measure.state == "ruled":
                head = self.cast.department_head if measure.department_id == self.cast.delivery.pk else self.cast.product_head
                forms.carry_out(disposition_id=measure.pk, by=head, talk_on=clock.now().date(), talk_words="已谈话,本人认可。")
        return self

    @kept
    def awaiting_check(self, *measures: dict[str, Any], **more: Any) -> Way:
        self.executing(*measures, **more).carry_out()
        forms.hand_over(form_id=self.form_id, by=self.cast.department_head)
        return self

    def result(self) -> Way:
        tickets.offer_result(ticket_id=self.ticket_id, by=self.cast.agent, result="换新机,今天送到。", agreement="陈女士,电话,今天 10:05")
        return self

    @kept
    def visiting(self, **more: Any) -> Way:
        self.awaiting_check(**more).result()
        forms.inspect(form_id=self.form_id, by=self.cast.inspector, timely=True, severity="fitting")
        summed_up(self.form_id, self.cast)
        return self

    def visit(self, accepted: bool | None = True, scores: tuple[int, int, int] = (5, 5, 5), **more: Any) -> Any:
        speed, solution, attitude = scores
        return visits.record_visit(**{
            "ticket_id": self.ticket_id, "by": self.cast.visitor, "reached": True, "said": "回访新机使用情况", "mood": "satisfied", "accepted": accepted,
            "speed": speed, "solution": solution, "attitude": attitude, "comment": "新机运转正常", "missing": "" if accepted else "新机仍有异响", **more,
        })  # fmt: skip

    def visit_in_vain(self, next_at: datetime) -> Any:
        return visits.record_visit(ticket_id=self.ticket_id, by=self.cast.visitor, reached=False, said="无人接听,稍后再打。", next_at=next_at)

    @kept
    def closed(self, **more: Any) -> Way:
        self.visiting(**more).visit()
        return self


@pytest.fixture
def way(cast: SimpleNamespace, customer: Any, freeze: Callable[[str], datetime]) -> Callable[..., Way]:
    """way() is a new complaint's way (grade II unless said otherwise); the clock stands at Monday 09:00 until the test moves it."""
    first_rows.load()
    freeze(MONDAY)
    return lambda grade="II": Way(cast, customer, grade)
