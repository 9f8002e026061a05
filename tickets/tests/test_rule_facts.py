"""Rules can choose by everything that is known of an item when its limit starts: a test per fact (section 8)."""

from __future__ import annotations

import pytest

from feedback_desk import clock
from feedback_desk.deadlines import facts
from feedback_desk.deadlines.models import Deadline, Rule
from tickets import services
from tickets.models import Category, Route


@pytest.fixture
def register(cast, customer, freeze):
    """register(urgency="urgent"): a ticket of the agent's about a damaged delivery, its department the service."""
    freeze("2026-03-02 09:00")

    def make(**more):
        given = {"summary": "外壳破损", "type": "problem", "channel": "phone", "what_happened": "送到就是破的", **more}
        slug = given.pop("slug", "transport-damage")
        category_id = Category.objects.get(slug=slug).pk
        return services.register(by=cast.agent, customer_id=customer.pk, category_id=category_id, received_at=clock.now(), assignee_id=cast.agent.pk, **given)

    return make


def rule(code, **when):
    """A rule of its own for this case, one second long."""
    like = Rule.objects.filter(code=code)[0]
    values = {"name": "特例", "owner": like.owner, "ladder": like.ladder, "valid_from": like.valid_from, "clock": "calendar", "amount": 1}
    return Rule.objects.create(code=code, when=when, **values)


def rule_of(ticket, code):
    return Deadline.objects.filter(root=ticket.item, code=code).latest("pk").rule


@pytest.mark.parametrize(
    ("when", "given"),
    [
        ({"kind": ["after_sales"]}, {"type": "after_sales"}),
        ({"category": ["transport-damage"]}, {}),
        ({"urgency": ["urgent"]}, {"urgency": "urgent"}),
        ({"channel": ["forum"]}, {"channel": "forum"}),
    ],
    ids=lambda value: next(iter(value), ""),
)
@pytest.mark.parametrize("code", ["D01", "D08"])
def test_rules_choose_by_what_the_ticket_is(register, code, when, given):
    wanted = rule(code, **when)
    assert rule_of(register(**given), code) == wanted


@pytest.mark.parametrize("code", ["D01", "D08"])
def test_rules_choose_by_the_customers_level(register, customer, code):
    wanted = rule(code, level=["vip"])
    assert rule_of(register(), code) != wanted
    customer.level = "vip"
    customer.save(update_fields=["level"])
    assert rule_of(register(), code) == wanted


def test_rules_choose_by_the_category_and_by_any_above_it_the_nearest_first(register):
    top = Category.objects.filter(children__isnull=False)[0]
    child = top.children.all()[0]
    grandchild = Category.objects.create(slug="corner", name="边角", parent=child)
    above = rule("D08", category=[top.slug])
    assert rule_of(register(slug="corner"), "D08") == above
    near = rule("D08", category=[child.slug])
    assert rule_of(register(slug="corner"), "D08") == near
    nearest = rule("D08", category=[grandchild.slug])
    rule("D08", category=[top.slug])
    assert rule_of(register(slug="corner"), "D08") == nearest


def test_rules_choose_by_the_department_of_the_limit(register, cast):
    route = Route.objects.create(category=Category.objects.get(slug="transport-damage"), department=cast.delivery)
    wanted = rule("D08", department=[str(cast.delivery.pk)])
    other = rule("D08", department=[str(cast.service.pk)])
    assert rule_of(register(), "D08") == wanted
    route.delete()
    assert rule_of(register(), "D08") == other


def test_rules_choose_by_the_grade_on_the_form_and_on_its_ticket(way, cast, local):
    on_form, on_ticket = rule("D15", grade=["II"]), rule("D38", grade=["II"])
    complaint = way("II").in_review()
    assert rule_of(complaint.ticket, "D15") == on_form
    said = {"way": "call_out", "said": "约定明天再联系。", "customer_says": "好", "next_step": "再联系", "promised_at": local("2026-03-03 09:00")}
    services.record_contact(ticket_id=complaint.ticket_id, by=cast.agent, **said)
    assert rule_of(complaint.ticket, "D38") == on_ticket


def test_rules_choose_by_the_department_that_a_review_asks(way, cast):
    asked = rule("D15", department=[str(cast.delivery.pk)])
    assert rule_of(way().in_review().ticket, "D15") == asked


def test_a_limit_keeps_what_its_rule_was_chosen_by(register, cast):
    kept = Deadline.objects.get(root=register(urgency="urgent").item, code="D08").facts
    assert {key: kept[key] for key in ("kind", "urgency", "level", "channel", "grade", "department")} == {
        "kind": "problem", "urgency": "urgent", "level": "ordinary", "channel": "phone", "grade": "", "department": str(cast.service.pk),
    }  # fmt: skip
    assert kept["category"][0] == "transport-damage"


def test_every_fact_that_services_pass_can_be_picked_and_the_other_way_round(register):
    kept = Deadline.objects.get(root=register().item, code="D08").facts
    assert set(kept) | {"order"} == {fact.key for fact in facts.known()}, "no ticket has an order yet (S2)"
    for fact in (fact for fact in facts.known() if fact.key in kept):
        values = {value for value, _name in fact.choices()}
        held = kept[fact.key] if isinstance(kept[fact.key], list) else [kept[fact.key]]
        assert values.issuperset(value for value in held if value), fact.key
