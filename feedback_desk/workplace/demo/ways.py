"""What becomes of an item: generators that call the desk's services, act by act, and may stop at any state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.functional import cached_property

from complaints import services as forms
from complaints.grading import RANK, propose
from complaints.models import ComplaintForm, Disposition, ReplyTemplate
from feedback_desk import clock
from feedback_desk.people.actors import SYSTEM
from feedback_desk.people.models import User
from feedback_desk.workplace.demo import aftercare
from feedback_desk.workplace.demo.matters import PRODUCTS, Matter
from feedback_desk.workplace.demo.world import Way, World
from followups import services as visits
from followups.models import Visit
from tickets import services as tickets
from tickets.models import Customer, NextStep, Ticket
from tickets.permissions import matter_that_closes


@dataclass
class Case:
    """One item on its way. `stop`: leave it in this state of ticket, form or measure; `lively`: acts follow within minutes, at any hour."""

    world: World
    matter: Matter
    kind: str
    agent: User
    path: str = "whole"
    stop: str = ""
    lively: bool = False
    urgency: str = "normal"
    channel: str = "phone"
    received_before: timedelta = timedelta(minutes=6)
    ticket_id: int = 0

    @property
    def ticket(self) -> Ticket:
        ticket: Ticket = Ticket.objects.select_related("item", "customer").get(pk=self.ticket_id)
        return ticket

    @property
    def state(self) -> str:
        state: str = Ticket.objects.values_list("state", flat=True).get(pk=self.ticket_id)
        return state

    @property
    def form(self) -> ComplaintForm:
        form: ComplaintForm = ComplaintForm.objects.get(ticket_id=self.ticket_id)
        return form

    @cached_property
    def form_id(self) -> int:
        pk: int = ComplaintForm.objects.values_list("pk", flat=True).get(ticket_id=self.ticket_id)
        return pk

    @property
    def measures(self) -> list[Disposition]:
        return list(Disposition.objects.filter(form__ticket_id=self.ticket_id, round=F("form__round")).exclude(state="withdrawn").order_by("pk"))

    def stopped(self, *states: str) -> bool:
        return self.stop in states

    def wait(self, low: int, high: int) -> timedelta | datetime:
        """A pause of so many minutes; outside the lively cases it ends within opening hours."""
        delay = self.world.minutes(low, high)
        return self.world.minutes(2, 9) if self.lively else self.world.in_hours(delay)


def register(case: Case, *, take: bool = True) -> None:
    world, matter, at = case.world, case.matter, clock.now()
    model = world.rng.choice(PRODUCTS[matter.product])
    ticket = tickets.register(
        by=case.agent, customer_id=_customer(case).pk, summary=matter.summary, type=case.kind,
        category_id=world.categories[matter.category].pk,
        urgency=case.urgency, channel=case.channel, received_at=at - case.received_before, what_happened=matter.story, expectation=matter.wants,
        assignee_id=case.agent.pk if take else None, product=matter.product, model=model, order_number=f"DD{at:%y%m%d}{world.rng.randrange(10000):04d}",
        serial=f"{model.replace('-', '')}-{world.rng.randrange(2600, 2612)}B-{world.rng.randrange(100000):05d}",
        batch=f"{world.rng.randrange(2606, 2612)}B", quantity="1 台",
    )  # fmt: skip
    case.ticket_id = ticket.pk


def _customer(case: Case) -> Customer:
    """One whose file is open to the agent (V3)."""
    while matter_that_closes(case.agent, customer := case.world.rng.choice(case.world.customers)):
        pass
    return customer


def contact(case: Case, said: str, says: str, *, then: str, hours: int, purpose: str = "follow_up", reached: bool = True) -> None:
    """F1: a contact, and what comes next; what was to come before it is done with it."""
    tickets.record_contact(
        ticket_id=case.ticket_id, by=case.agent, way="call_out", said=said, customer_says=says if reached else "", reached=reached, purpose=purpose,
        next_step=then, next_at=case.world.in_hours(timedelta(hours=hours)) if not case.lively else clock.now() + timedelta(hours=hours),
        finished=list(_open_steps(case).values_list("pk", flat=True)),
    )  # fmt: skip


def tick_off(case: Case, outcome: str) -> None:
    for step in _open_steps(case):
        tickets.finish_step(step_id=step.pk, by=case.agent, outcome=outcome)


def _open_steps(case: Case) -> Any:
    return NextStep.objects.filter(item__ticket=case.ticket_id, owner=case.agent, ended_at=None)


def simple(case: Case) -> Way:
    """A question, problem or suggestion: answered, its result confirmed, closed by the desk."""
    register(case, take=case.stop != "pending")
    if case.stopped("pending"):
        return
    if case.path == "at_once":  # the answer was known on the first call
        yield case.wait(3, 12)
        yield from _result(case)
        return
    yield case.wait(6, 90)
    contact(case, f"已核实：{case.matter.product}，{case.matter.wants}。", "好的，等你们消息", purpose="solution", then="落实处理方案后给客户回电", hours=20)
    if case.stopped("processing"):
        return
    if case.path == "invalid":
        tickets.invalidate(
            ticket_id=case.ticket_id, by=case.agent, reason="客户拨错号码，所述产品非本公司产品", explanation="已说明该品牌客服电话，并建议联系购买门店"
        )
        return
    if case.path == "waiting":
        yield case.wait(5, 40)
        tickets.ask_customer(ticket_id=case.ticket_id, by=case.agent, question="请补发购买凭证和故障视频", until=clock.now() + timedelta(days=2))
        if case.stopped("waiting"):
            return
        yield case.wait(300, 1500)
        tickets.customer_answered(ticket_id=case.ticket_id, by=case.agent, words="客户微信补发了发票照片")
    yield case.wait(60, 900)
    tick_off(case, f"方案已落实：{case.matter.answer}")
    yield from _result(case)


def _visited_with_a_low_score(case: Case) -> None:
    """F4: called back after the result, a low score: a supervisor owes the second follow-up (D22), so the ticket stays completed."""
    visits.record_visit(
        ticket_id=case.ticket_id, by=case.world.company.wang, reached=True, said="回访处理结果", mood="dissatisfied", accepted=True,
        speed=2, solution=3, attitude=4, comment="问题解决了，但来回催了三次",
    )  # fmt: skip


def _result(case: Case) -> Way:
    """Completed, a ticket owes nothing and is closed within a minute, but where something was promised (D38) or a score was low (D22)."""
    tickets.offer_result(
        ticket_id=case.ticket_id, by=case.agent, result=case.matter.answer, agreement=f"{case.ticket.customer.masked_name}，电话同意",
        late_reason="等待仓库与厂家核实，已提前告知客户", promised_at=clock.now() + timedelta(days=3) if case.path == "promised" else None,
    )  # fmt: skip
    if case.stopped("confirming"):
        return
    yield case.wait(120, 1400)
    if case.path == "not_solved":
        tickets.not_solved(ticket_id=case.ticket_id, by=case.agent, reason="客户来电：问题仍在")
        yield case.wait(60, 400)
        tickets.offer_result(ticket_id=case.ticket_id, by=case.agent, result=f"复查后{case.matter.answer}", agreement="客户电话同意", late_reason="二次处理")
        yield case.wait(100, 900)
    if case.state == "confirming":
        tickets.confirm_result(ticket_id=case.ticket_id, by=case.agent, words="客户来电确认已解决")
    if case.stopped("completed"):
        if case.path == "low_score":
            yield case.wait(5, 20)
            _visited_with_a_low_score(case)
        return
    yield case.world.minutes(2, 30)
    if case.kind != "complaint":
        tickets.close(ticket_id=case.ticket_id, by=SYSTEM)
        if case.path == "reopen":
            yield case.wait(1400, 2800)
            tickets.reopen(ticket_id=case.ticket_id, by=case.agent, reason="同一问题再次出现")
            case.path = "plain"
            yield case.wait(20, 120)
            contact(case, "再次核实，安排升级处理。", "希望这次彻底解决", purpose="solution", then="升级处理有结果后回电", hours=6)
            yield case.wait(60, 400)
            tick_off(case, "升级处理完毕，已电话告知客户结果")
            yield from _result(case)


def complaint(case: Case) -> Way:
    """A complaint from its registration; what comes after grading is the path's."""
    company = case.world.company
    register(case, take=case.stop not in ("pending", "registered_unassigned"))
    if case.stopped("pending"):
        return
    if case.stopped("registered"):
        return
    yield case.wait(4, 25)
    reason = "按经过与分类定级" if case.matter.grade == "III" else "书面或质量问题"
    quality = 1 if case.matter.category == "product-safety" else 3 if case.world.categories[case.matter.category].quality else None
    below = RANK[case.matter.grade] < RANK[propose(case.form, quality_class=quality).grade]
    forms.grade(
        form_id=case.form_id,
        by=company.qin if below else case.agent,
        grade=case.matter.grade,
        reason="已与客户核实，情况较轻" if below else reason,
        quality_class=quality,
        visit_marked=case.path != "file" and case.matter.grade != "III",
    )
    if case.stopped("graded"):
        return
    yield case.wait(5, 45)
    if case.path == "unreached":
        contact(case, "无人接听", "", reached=False, then="再次拨打客户电话", hours=3)
        yield case.wait(60, 200)
        contact(case, "再次拨打，已关机，发短信告知回电号码", "", reached=False, then="次日再拨，接通后说明方案", hours=17)
        yield case.wait(900, 1100)
    contact(
        case,
        f"致歉并说明正在核实；提出：{case.matter.answer}。",
        case.matter.wants,
        purpose="solution",
        then="核实后回电",
        hours=5,
    )
    tickets.record_note(ticket_id=case.ticket_id, by=case.agent, text=f"已向{case.matter.who[0] or '相关部门'}核实：{case.matter.cause or '情况属实'}。")
    aftercare.offer(case)
    if case.path == "withdrawn":
        yield case.wait(60, 200)
        tickets.withdraw(ticket_id=case.ticket_id, by=case.agent, reason="客户来电：家人误会，撤诉")
        yield case.wait(30, 200)
        forms.close_withdrawn(form_id=case.form_id, by=company.qin, reason="客户撤诉，无处理意见")
        return
    if case.path == "invalid":
        tickets.invalidate(ticket_id=case.ticket_id, by=company.qin, reason="非本公司产品", explanation="已说明该品牌售后电话")
        return
    if case.path == "spot":
        yield case.wait(10, 50)
        forms.handle_on_the_spot(form_id=case.form_id, by=case.agent, how="当场致歉并补偿代金券，客户满意，不追究个人责任")
        yield from _to_the_end(case)
        return
    yield case.wait(5, 20)
    prepare(case)
    yield case.wait(15, 70)
    forms.begin_determination(form_id=case.form_id, by=company.cheng)
    if case.stopped("determining"):
        return
    if case.path in ("parked", "resumed"):
        yield from _parked(case)
        if case.path == "parked":
            return
    if case.path == "no_fault":
        yield case.wait(60, 300)
        forms.no_fault(form_id=case.form_id, by=company.cheng, reason="核对监控与签收记录，属使用不当，非我方责任；已耐心说明并免费检测")
        if case.stopped("awaiting_ruling"):
            return
        if case.form.state == "awaiting_ruling":
            yield case.wait(30, 150)
            forms.confirm_no_fault(form_id=case.form_id, by=company.zheng, words="同意，注意安抚客户")
        yield from _to_the_end(case)
        return
    yield from _responsibility(case)


def prepare(case: Case) -> None:
    """C1, C16, G2: facts checked with the department, first plan, first analysis, and for grades I and II the decision signed by both."""
    company, form, matter = case.world.company, case.form, case.matter
    said = matter.cause or "情况属实"
    line = form.ticket.item.department
    root = form.item.root_id
    colleagues = [company.luo, company.guo, company.shi, company.cao]
    colleague = next(c for c in colleagues if not c.concerns.filter(item=root).exists())
    agent = form.ticket.assignee or case.agent
    forms.check_facts(form_id=form.pk, by=agent, colleague_id=colleague.pk, found=f"{said}，记录与客户所述一致。", on_site=case.world.rng.random() < 0.2)
    forms.write_first_plan(form_id=form.pk, by=agent, text=f"{matter.answer}；先致歉，当日反馈进展。")
    supervisor = aftercare.supervisor(case)
    if form.grade != "III":
        text = f"您反映的“{form.item.title}”我们已受理并核实，由{agent.name}专人跟进。"
        mail = form.ticket.customer.contact_points.filter(kind="email").exists()
        forms.reply_in_writing(form_id=form.pk, by=supervisor, text=text, way="email" if mail else "letter")
    forms.write_first_analysis(form_id=form.pk, by=agent, what=form.item.title, cause=said, solution=matter.answer, may_be_told=False)
    if form.grade == "III":
        return
    if form.quality_class is not None:
        analyst = next(a for a in (company.yu, company.jiang) if not a.concerns.filter(item=root).exists())
        cause = forms.write_cause(form_id=form.pk, by=analyst, cause=f"{said}，已留样并拍照。", evidence="留样一件，现场照片")
        forms.approve_cause(form_id=form.pk, by=company.cheng, seen=cause.pk)
    places = [line.pk] if line else []
    terms: dict[str, Any] = {"lead_id": agent.pk, "department_ids": places, "reply": "客服主管，书面答复", "measures": f"先行致歉；{matter.answer}"}
    decision = forms.decide_handling(form_id=form.pk, by=supervisor, **terms)
    second = company.cheng if form.grade == "I" or line is None or line.head is None else line.head
    forms.sign_decision(form_id=form.pk, by=second, seen=decision.pk)


def sum_up(case: Case) -> None:
    """C13, C17, C20: the final reply to each point, and of grade I the report to management."""
    form, matter = case.form, case.matter
    if form.grade == "III" or case.ticket.outcome == "withdrawn":
        return
    supervisor = aftercare.supervisor(case)
    if left := list(form.points.filter(answer="").values_list("pk", flat=True)):
        forms.answer_points(form_id=form.pk, by=supervisor, answers=dict.fromkeys(left, matter.answer))
    letter = ReplyTemplate.objects.get(name="最终答复（非我方责任）" if form.no_fault else "最终答复（我方责任）")
    said = {"found": f"{matter.cause or '情况属实'}。", "done": f"{matter.answer}。", "prevented": "已在部门内通报，完善作业检查。"}
    sorry = "" if form.no_fault else "对给您带来的不便，我们深表歉意。"
    reply = forms.draft_reply(form_id=form.pk, by=case.agent, template_id=letter.pk, apology=sorry, **said)
    mail = form.ticket.customer.contact_points.filter(kind="email").exists()
    forms.send_reply(form_id=form.pk, by=supervisor, seen=reply.pk, way="email" if mail else "letter")
    if form.grade == "I" and not form.managementreport_rows.exists():
        report = f"{form.item.title}。原因：{matter.cause or '情况属实'}；处理：{matter.answer}。"
        forms.report_to_management(form_id=form.pk, by=supervisor, report=report, proposals="纳入月度复盘，检查同批次产品与同类作业。")


def _parked(case: Case) -> Way:
    company = case.world.company
    yield case.wait(30, 200)
    forms.ask_parking(
        form_id=case.form_id, by=company.cheng, parking_reason="parts", contact=f"{case.agent.name}（客服中心）", reason="等厂家配件到货后才能判断原因"
    )
    yield case.wait(20, 120)
    if case.stop == "refused":
        forms.refuse_parking(form_id=case.form_id, by=company.zheng, reason="先按现有证据认定")
        case.stop = ""
        return
    forms.park(form_id=case.form_id, by=company.zheng)
    if case.path == "parked":
        return
    yield timedelta(days=3)
    forms.resume(form_id=case.form_id, by=company.cheng, reason="配件到货，检测结论已出")


def draft(case: Case) -> None:
    """The determination: the person or department of the matter, one measure; every fifth shares it with the installers."""
    company, matter = case.world.company, case.matter
    department = company.departments[matter.who[0] or "品管部"]
    user = company.people.get(matter.who[1])
    kind, amount = (
        case.world.rng.choice([("talk", None), ("training", None), ("warning", None), ("deduct_share", 5), ("deduct_amount", 200)])
        if user
        else ("training", None)
    )
    shares = [{"user_id": user.pk if user else None, "department_id": department.pk, "share": 100, "because": matter.cause}]
    text = {"clause": matter.clause or "《客服服务规范》第 2.4 条", "reason": matter.cause or "情况属实"}
    measures = [{"user_id": user.pk if user else None, "department_id": department.pk, "kind": kind, "amount": amount, **text}]
    if case.path in ("struck", "two") and department.name != "安装维修部":
        other = company.departments["安装维修部"]
        shares[0]["share"] = 70
        shares.append({"user_id": None, "department_id": other.pk, "share": 30, "because": "交接未复核"})
        measures.append(
            {"user_id": None, "department_id": other.pk, "kind": "training", "amount": None, "clause": "《安装作业规范》第 6.2 条", "reason": "交接未复核"}
        )
    forms.determine(
        form_id=case.form_id, by=company.cheng, findings=f"{matter.cause or '情况属实'}。", why_not_spoken="", responsibilities=shares, measures=measures
    )
    case.agent = case.ticket.assignee or case.agent  # V3: found responsible, the agent's work went to the backup.


def head(case: Case, measure: Disposition) -> User:
    """Who acts for the measure's department; the manager, who proposed, does not also review or sign for customer service (V8)."""
    company, department = case.world.company, measure.department
    if department.head_id == company.cheng.pk:
        return company.ye if measure.state in ("proposed", "objected") else company.cheng
    return next(user for user in company.people.values() if user.pk == department.head_id)


def _responsibility(case: Case) -> Way:
    """Determination, review, ruling, carrying out, hand-over."""
    company, form = case.world.company, case.form
    yield case.wait(60, 400)
    draft(case)
    if case.stopped("draft"):
        return
    yield case.wait(10, 60)
    forms.submit(form_id=form.pk, by=company.cheng)
    if (concerned := case.measures[0].user) is not None and case.world.rng.random() < 0.6:
        yield case.wait(10, 50)
        forms.answer(disposition_id=case.measures[0].pk, by=concerned, words="当时赶时间，以后注意；已当面向客户致歉。")
    if case.stopped("in_review", "proposed"):
        return
    yield case.wait(20, 150)
    yield from _review(case)
    if case.form.state != "awaiting_ruling" or case.stopped("awaiting_ruling", "negotiated", "agreed"):
        return
    yield case.wait(20, 150)
    if case.path == "sent_back":
        forms.send_back(form_id=form.pk, by=company.zheng, reason="请补充签收环节的责任")
        case.path = "whole"
        yield from _responsibility(case)
        return
    _rule(case)
    if case.stopped("executing", "ruled"):
        return
    yield case.wait(60, 250)
    for measure in case.measures:
        if measure.state == "ruled":
            forms.carry_out(
                disposition_id=measure.pk,
                by=head(case, measure),
                talk_on=timezone.localtime(clock.now()).date(),
                talk_words="已谈话，本人认识到问题，承诺按规范作业。",
            )
    if case.stopped("executed"):
        return
    yield case.wait(5, 60)
    forms.hand_over(form_id=form.pk, by=head(case, case.measures[0]))
    yield from _to_the_end(case)


def _review(case: Case) -> Way:
    company, form = case.world.company, case.form
    objecting = case.path in ("objection", "split")
    measures = case.measures
    for measure in measures:
        if objecting:
            forms.object(disposition_id=measure.pk, by=head(case, measure), reason="当日暴雨改线，现场条件受限，建议减轻", seen_version=measure.version)
        elif not (case.stopped("agreed") and measure is measures[-1] and len(measures) > 1):
            forms.agree(disposition_id=measure.pk, by=head(case, measure), seen_version=measure.version)
    if not objecting or case.stopped("negotiating", "objected"):
        return
    yield case.wait(30, 100)
    if case.path == "split":
        forms.report_split(form_id=form.pk, by=company.sun, reason="客服认为应警告，部门认为谈话即可，双方未达成一致")
        return
    for measure in case.measures:
        forms.revise(
            disposition_id=measure.pk,
            by=company.cheng,
            seen_version=measure.version,
            kind="talk",
            amount=None,
            clause=measure.clause,
            reason=f"{measure.reason}；考虑天气因素从轻",
        )
    for measure in case.measures:
        forms.sign(disposition_id=measure.pk, by=company.cheng, seen_version=measure.version)
        forms.sign(disposition_id=measure.pk, by=head(case, measure), seen_version=measure.version)


def _rule(case: Case) -> None:
    form, measures = case.form, case.measures
    changes: dict[int, dict[str, Any]] = {}
    struck: dict[int, str] = {}
    if case.path == "changed":
        changes = {measures[0].pk: {"kind": "training", "amount": None, "clause": measures[0].clause, "reason": f"{measures[0].reason}；以培训为主"}}
    if case.path == "struck" and len(measures) > 1:
        struck = {measures[-1].pk: "交接环节无明确规定，不追究"}
    forms.rule(form_id=form.pk, by=case.world.company.zheng, seen_version=form.version, words="同意，举一反三。", changes=changes, struck=struck)


def _to_the_end(case: Case) -> Way:
    """The ticket's result, the check, the visit, the closing; or one of the other ends."""
    company, form = case.world.company, case.form
    if case.stopped("awaiting_check"):
        return
    yield case.wait(10, 90)
    if case.state == "processing":
        tick_off(case, f"已核实并回电：{case.matter.answer}")
        aftercare.settle(case)
        tickets.offer_result(
            ticket_id=case.ticket_id,
            by=case.agent,
            result=case.matter.answer,
            agreement=f"{case.ticket.customer.masked_name}，电话同意",
            late_reason="等待核实责任，已提前告知客户",
        )
    if not case.form.visit_due and case.state == "confirming":
        yield case.wait(60, 600)
        tickets.confirm_result(ticket_id=case.ticket_id, by=case.agent, words="客户来电确认已解决")
    sum_up(case)
    forms.write_case_summary(
        form_id=form.pk, by=case.agent, text=f"原因：{case.matter.cause or '情况属实'}。经过：受理、核实、处理、回访。方案：{case.matter.answer}，得当。"
    )
    yield case.wait(20, 120)
    if case.path == "returned":
        forms.inspect(form_id=form.pk, by=company.feng, timely=True, severity="mild", faults="谈话记录过于简单，责任分析不足", passed=False)
        if case.stopped("returned"):
            return
        yield case.wait(40, 150)
        at_fault = case.measures[0].department_id if case.measures else case.ticket.item.department_id
        forms.hand_over(
            form_id=form.pk,
            by=head(case, case.measures[0]) if case.measures else company.cheng,
            department_id=at_fault,
            words="谈话后未及时补全记录，已补写谈话要点与责任分析",
        )
        yield case.wait(20, 90)
    forms.inspect(form_id=form.pk, by=company.feng, timely=case.world.rng.randrange(6) > 0, severity="fitting")
    if case.form.state == "closed" or case.stopped("visiting"):
        return
    yield from _visit(case)


def _visit(case: Case) -> Way:
    company, rng = case.world.company, case.world.rng
    visitor = rng.choice([company.wang, company.pan])
    if case.path == "abnormal":
        for _day in range(3):
            again = case.world.in_hours(timedelta(hours=24))
            visits.record_visit(ticket_id=case.ticket_id, by=visitor, reached=False, said="无人接听", next_at=again + timedelta(minutes=30))
            yield again
        forms.ask_abnormal(form_id=case.form_id, by=case.agent, ground="unreachable", words="三天三次电话均无人接听，短信未回")
        yield case.wait(60, 400)
        forms.rule_abnormal(form_id=case.form_id, by=company.cheng, reason="三次回访未联系上，结果已书面告知")
        return
    yield case.wait(40, 420)
    if case.path == "not_accepted" and case.form.round == 1:
        _speak(case, visitor, accepted=False, scores=(3, 2, 4), comment="换来的也有划痕", missing="新机仍有划痕，要求再换")
        yield case.wait(20, 200)
        _second(case)
        yield from _responsibility(case)
        return
    scores = rng.choices([(5, 5, 5), (5, 4, 5), (4, 4, 5), (4, 5, 4), (3, 4, 4), (2, 3, 4)], [36, 24, 16, 12, 8, 4])[0]
    _speak(case, visitor, accepted=True, scores=scores, comment=rng.choice(["处理得快，满意", "态度好", "希望下次一次到位", "换新后使用正常", "跟进及时"]))
    if min(scores) <= 3 and case.stop != "second_wanted":
        yield case.wait(30, 300)
        _second(case)
    if case.path == "reversed":
        yield case.wait(1400, 2800)
        forms.reopen(form_id=case.form_id, by=case.agent, reason="客户提供新的照片和说明，原认定依据不足")
        yield case.wait(30, 90)
        for measure in Disposition.objects.filter(form=case.form, round=1, state="executed"):
            forms.reverse(disposition_id=measure.pk, by=company.zheng, reason="新证据表明原认定有误，原处理冲销")
        if case.stop != "round_two":
            yield case.wait(60, 200)
            forms.no_fault(form_id=case.form_id, by=company.ye, reason="复核新证据，原责任人已尽到职责，无责")
            if case.form.state == "awaiting_ruling":
                yield case.wait(20, 120)
                forms.confirm_no_fault(form_id=case.form_id, by=company.zheng, words="同意")
            case.path = "whole"
            yield from _to_the_end(case)


def _second(case: Case) -> None:
    """F4: the supervisor calls after a low score."""
    visit = Visit.objects.filter(ticket_id=case.ticket_id, second__isnull=True).latest("at")
    why, agreed = "客户觉得前期等待太久，中途没有主动告知进度", "后续专人跟进，客户表示理解"
    visits.second_follow_up(visit_id=visit.pk, by=case.world.company.qin, why=why, agreed=agreed, no_step_why="客户没有别的要求")


def _speak(case: Case, visitor: User, *, accepted: bool, scores: tuple[int, int, int], comment: str, missing: str = "") -> None:
    visits.record_visit(
        ticket_id=case.ticket_id, by=visitor, reached=True, said="回访：核对处理结果与服务感受", accepted=accepted,
        mood="satisfied" if min(scores) >= 4 else "neutral" if accepted else "dissatisfied",
        speed=scores[0], solution=scores[1], attitude=scores[2], comment=comment, missing=missing,
    )  # fmt: skip


def merged(case: Case, into: Case) -> Way:
    """The same customer calls again about the same thing: merged into the first."""
    first = into.ticket
    at = clock.now()
    if matter_that_closes(case.agent, first.customer):
        case.agent = case.world.company.qin
    again = tickets.register(
        by=case.agent, customer_id=first.customer_id, summary=f"再次来电：{first.item.title}"[:200], type=first.type,
        category_id=first.category_id, channel="phone",
        received_at=at - timedelta(minutes=3), what_happened="客户再次来电催办，内容同前。", assignee_id=case.agent.pk,
        order_number=first.order_number, product=first.product,
    )  # fmt: skip
    case.ticket_id = again.pk
    yield case.world.minutes(3, 12)
    tickets.merge(ticket_id=again.pk, by=case.agent, into_number=first.item.number, reason="同一客户同一事项")
