"""Every move of the four machines by every part, concerned or not, against docs/who-may.toml (V1, V3)."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from complaints import acts, services
from complaints.models import ComplaintForm, CorrectiveAction, Disposition, Remedy, Responsibility
from conftest import make_person
from feedback_desk import clock
from feedback_desk.people.access import NotNow, NotYou
from feedback_desk.people.actors import CUSTOMER, SYSTEM
from feedback_desk.people.models import Concern, Role, User
from feedback_desk.people.one_look import settings_at_rest
from feedback_desk.records.items import open_item
from feedback_desk.records.moves import moves_of, perform
from tests.stages import reach
from tickets import services as tickets
from tickets.models import Category, Ticket

pytestmark = pytest.mark.django_db

TABLE: dict[str, dict[str, list[str]]] = tomllib.loads((Path(settings.BASE_DIR) / "docs" / "who-may.toml").read_text())
MACHINES: dict[str, type[Any]] = {
    "ticket": Ticket, "form": ComplaintForm, "disposition": Disposition, "remedy": Remedy, "action": CorrectiveAction,
}  # fmt: skip
CASES = [(machine, name) for machine, model in MACHINES.items() for name in moves_of(model)]
ACT_ROWS, WRITTEN_ROWS = TABLE.pop("act"), TABLE.pop("written")
BYSTANDERS = {"system": SYSTEM, "customer": CUSTOMER}
LENDER = {"ticket": "form", "form": "ticket", "disposition": "form", "remedy": "form", "action": "form"}
UNASSIGNED = {("ticket", "take")}


@pytest.fixture
def parts(cast: SimpleNamespace, customer: Any, freeze: Any) -> dict[str, Any]:
    freeze("2026-03-02 09:00")  # what a test begins with is laid down, not made (tests.stages)
    more = reach(cast, lambda: [make_person(*words).pk for words in (
        ("tech", "技师许", Role.TECHNICIAN), ("representative", "管代沈", Role.REPRESENTATIVE), ("analyst", "分析员沈", Role.ANALYST),
    )], "more people")  # fmt: skip
    technician, representative, analyst = (User.objects.get(pk=pk) for pk in more)
    return {
        "assignee": cast.agent, "colleague": cast.colleague, "second_line": cast.second, "supervisor": cast.supervisor, "cs_manager": cast.manager,
        "ticket_head": cast.product_head, "department_head": cast.department_head, "office": cast.office, "general_manager": cast.general_manager,
        "inspector": cast.inspector, "return_visit": cast.visitor, "business": cast.person_concerned,
        "technician": technician, "representative": representative, "owner": cast.head_backup,
        "quality": cast.outsider, "analyst": analyst, "administrator": cast.administrator, **BYSTANDERS,
    }  # fmt: skip


@pytest.fixture
def subject_of(cast: SimpleNamespace, customer: Any, parts: dict[str, Any]) -> Callable[[str, str, str], Any]:
    """A subject of the machine in the given state, as the services would leave it."""

    def matter(assignee_id: int | None) -> int:
        ticket = tickets.register(
            by=cast.agent, customer_id=customer.pk, summary="外壳破损", type="complaint", category_id=Category.objects.get(slug="transport-damage").pk,
            channel="phone", received_at=clock.now(), what_happened="凹陷", assignee_id=assignee_id,
        )  # fmt: skip
        ticket.item.department = cast.product
        ticket.item.save(update_fields=["department"])
        form = ticket.form
        form.quality_class, form.analysis_department = 2, cast.product
        form.save(update_fields=["quality_class", "analysis_department"])
        Responsibility.objects.create(form=form, round=1, department=cast.delivery, share=100, because="侧放")
        Disposition.objects.create(form=form, round=1, state_since=clock.now(), department=cast.delivery, kind="training", clause="4.2", reason="侧放")
        Remedy.objects.create(
            form=form, round=1, option=1, state_since=clock.now(), kind="voucher", value=300, words="代金券", proposed_by=cast.agent, proposed_at=clock.now()
        )
        return int(form.pk)

    def make(machine: str, name: str, state: str) -> Any:
        assignee_id = None if (machine, name) in UNASSIGNED else cast.agent.pk
        form = ComplaintForm.objects.select_related("ticket__item", "item__root").get(pk=reach(cast, lambda: matter(assignee_id), "matter", assignee_id))
        if machine == "remedy":  # 300 yuan: above an agent's limit of grade II, within everybody's above
            ComplaintForm.objects.filter(pk=form.pk).update(grade="II")
        if machine == "action":
            return in_state(action_on(form, cast), state)
        by_machine = {"ticket": form.ticket, "form": form, "disposition": form.dispositions.get(), "remedy": form.remedies.get()}
        return in_state(by_machine[machine], state)

    return make


def action_on(form: ComplaintForm, cast: SimpleNamespace) -> CorrectiveAction:
    """C14: drafted by the business colleague, for the department found responsible; carried out by the backup of its head."""
    at, day = clock.now(), clock.now().date()
    item = open_item("action", title="装车核对表", at=at, root=form.item.root)
    return CorrectiveAction.objects.create(
        item=item, form=form, kind="corrective", what="装车核对表", owner=cast.head_backup, department=cast.delivery, due_on=day, effect_on=day,
        drafted_by=cast.person_concerned, hands=[cast.person_concerned.pk], drafted_at=at, state_since=at,
    )  # fmt: skip


def in_state(subject: Any, state: str) -> Any:
    """The same subject, put into another state past its moves."""
    subject.__dict__["state"] = state
    if state == "closed":
        subject.closed_at = clock.now()
    subject.save()
    return _fresh(subject)


def test_every_move_has_a_row_and_every_row_a_move():
    assert {(machine, name) for machine, rows in TABLE.items() for name in rows} == set(CASES)


def outcome(subject: Any, name: str, actor: Any, standing: str = "") -> bool:
    """Was the move this actor's to make? What is missing for it (NotNow) is another matter."""
    try:
        with transaction.atomic():
            perform(subject, name, by=actor, standing=standing)
            transaction.set_rollback(True)
    except NotYou:
        return False
    except NotNow:
        return True
    return True


@pytest.mark.parametrize(("machine", "name"), CASES, ids=lambda value: value)
def test_V1_every_part_may_make_exactly_the_moves_of_its_row(machine, name, parts, subject_of):
    move = moves_of(MACHINES[machine])[name]
    subject = subject_of(machine, name, min(move.sources))
    for state in sorted(move.sources):
        subject = in_state(subject, state)
        with settings_at_rest():  # who holds which office is asked once, not by each part again
            found = {part for part, actor in parts.items() if outcome(_fresh(subject), name, actor)}
            if outcome(_fresh(subject), name, parts["analyst"], LENDER[machine]):
                found.add("other_machine")
        assert found == set(TABLE[machine][name]), (state, found ^ set(TABLE[machine][name]))


@pytest.mark.parametrize(("machine", "name"), CASES, ids=lambda value: value)
def test_V3_a_person_concerned_may_make_no_move_at_all(machine, name, parts, subject_of):
    state = sorted(moves_of(MACHINES[machine])[name].sources)[0]
    subject = subject_of(machine, name, state)
    people = {part: actor for part, actor in parts.items() if part not in BYSTANDERS}
    Concern.objects.bulk_create(Concern(item=subject.item.root, user=actor, because="named", since=clock.now()) for actor in people.values())
    for part, actor in people.items():
        assert not outcome(_fresh(subject), name, actor), part
        assert not outcome(_fresh(subject), name, actor, LENDER[machine]), part


def test_every_act_beside_the_moves_has_a_row_and_every_row_an_act():
    assert set(ACT_ROWS) == set(acts.ACTS)


def act_outcome(form: Any, name: str, actor: Any) -> bool:
    try:
        acts.demand(form, acts.ACTS[name], by=actor)
    except NotYou:
        return False
    except NotNow:
        return True
    return True


@pytest.mark.parametrize("name", sorted(acts.ACTS))
def test_V1_every_part_may_do_exactly_the_acts_of_its_row(name, parts, subject_of):
    form = subject_of("form", name, min(acts.ACTS[name].states))
    for state in sorted(acts.ACTS[name].states):
        form = in_state(form, state)
        with settings_at_rest():
            found = {part for part, actor in parts.items() if act_outcome(form, name, actor)}
        assert found == set(ACT_ROWS[name]), (state, found ^ set(ACT_ROWS[name]))


@pytest.mark.parametrize("name", sorted(acts.ACTS))
def test_V3_a_person_concerned_may_do_no_act_at_all(name, parts, subject_of):
    form = subject_of("form", name, sorted(acts.ACTS[name].states)[0])
    people = {part: actor for part, actor in parts.items() if part not in BYSTANDERS}
    Concern.objects.bulk_create(Concern(item=form.item.root, user=actor, because="named", since=clock.now()) for actor in people.values())
    assert not [part for part, actor in people.items() if act_outcome(form, name, actor)]


# ---- what is written beside moves and acts ----


@dataclass(frozen=True)
class Written:
    """States of form and measure in which it is written, and the service that writes it."""

    form: str
    measure: str
    write: Callable[[ComplaintForm, Disposition, Any], Any]


TERMS: dict[str, Any] = {"kind": "talk", "amount": None, "clause": "4.2", "reason": "侧放"}
WRITTEN = {
    "determine": Written("determining", "draft", lambda form, measure, by: services.determine(
        form_id=form.pk, by=by, findings="侧放", why_not_spoken="", measures=[],
        responsibilities=[{"user_id": None, "department_id": measure.department_id, "share": 100, "because": "侧放"}],
    )),
    "revise": Written("negotiating", "objected", lambda form, measure, by: services.revise(
        disposition_id=measure.pk, by=by, seen_version=measure.version, **TERMS,
    )),
    "answer": Written("in_review", "proposed", lambda form, measure, by: services.answer(disposition_id=measure.pk, by=by, words="车厢已满")),
    "keep_note_manager": Written("outstanding", "draft", lambda form, measure, by: services.keep_note(form_id=form.pk, by=by, manager_note="等报告")),
    "keep_note_service": Written("outstanding", "draft", lambda form, measure, by: services.keep_note(form_id=form.pk, by=by, service_note="已提醒")),
    "write_case_summary": Written("awaiting_check", "ruled", lambda form, measure, by: services.write_case_summary(form_id=form.pk, by=by, text="侧放所致")),
}  # fmt: skip


def test_everything_written_has_a_row():
    assert set(WRITTEN_ROWS) == set(WRITTEN)


def written_by(name: str, parts: dict[str, Any], subject_of: Callable[..., Any], *, concerned: bool = False) -> set[str]:
    """Whose it was to write it; what they wrote is undone each time."""
    one = WRITTEN[name]
    form = subject_of("form", name, one.form)
    measure = in_state(form.dispositions.get(), one.measure)
    Disposition.objects.filter(pk=measure.pk).update(user=parts["business"])
    people = {part: actor for part, actor in parts.items() if part not in BYSTANDERS}
    if concerned:
        Concern.objects.bulk_create(Concern(item=form.item.root, user=actor, because="named", since=clock.now()) for actor in people.values())
    return {part for part, actor in people.items() if _wrote(one, form, measure, actor)}


def _wrote(one: Written, form: ComplaintForm, measure: Disposition, actor: Any) -> bool:
    with transaction.atomic():
        try:
            one.write(form, measure, actor)
        except NotYou:
            return False
        finally:
            transaction.set_rollback(True)
    return True


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_V1_every_part_may_write_exactly_what_its_rows_say(name, parts, subject_of):
    assert written_by(name, parts, subject_of) == set(WRITTEN_ROWS[name])


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_V3_a_person_concerned_writes_nothing_but_their_own_answer(name, parts, subject_of):
    assert written_by(name, parts, subject_of, concerned=True) == ({"business"} if name == "answer" else set())


def _fresh(subject: Any) -> Any:
    return type(subject).objects.get(pk=subject.pk)
