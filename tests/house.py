"""The people of a real desk that browsers visit, and what its rows say afterwards; they run in a process of the desk's own environment (browsing.told)."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

from django.conf import settings
from django.db import connection

from conftest import make_person
from feedback_desk.people.models import Department, Refusal, Role, User
from tickets.models import Category, Customer, Ticket


def people() -> None:
    """The fixed cast of conftest.py, with the first rows."""
    from complaints import first_rows as complaint_rows
    from feedback_desk.deadlines import first_rows as deadline_rows
    from tickets import first_rows as ticket_rows

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    for rows in (deadline_rows, ticket_rows, complaint_rows):
        rows.load()
    service, delivery = Department.objects.create(name="客服中心", name_en="Customer service"), Department.objects.create(name="配送部", name_en="Delivery")
    chief = make_person("gm", "总经理郑", Role.GENERAL_MANAGER)
    make_person("office", "管理部孙", Role.OFFICE, superior=chief)
    manager = make_person("manager", "客服经理程", Role.CS_MANAGER, department=service, superior=chief)
    supervisor = make_person("supervisor", "主管秦", Role.SUPERVISOR, department=service, superior=manager)
    for username, name, role in (("agent", "客服林", Role.AGENT), ("colleague", "客服周", Role.AGENT), ("visitor", "回访王", Role.RETURN_VISIT)):
        make_person(username, name, role, department=service, superior=supervisor)
    make_person("inspector", "质检冯", Role.INSPECTOR, department=service, superior=manager)
    head = make_person("head", "配送部邓", Role.DEPARTMENT_HEAD, department=delivery, superior=chief)
    make_person("concerned", "配送员罗", Role.BUSINESS, department=delivery, superior=head)
    for department, leader in ((service, manager), (delivery, head)):
        department.head = leader
        department.save(update_fields=["head"])


def ticket(summary: str = "热水器不出热水", **more: Any) -> str:
    """A ticket of the agent's, for the customer 何青; its number."""
    from feedback_desk import clock
    from tickets import services

    agent = User.objects.get(username="agent")
    customer = Customer.objects.filter(name="何青").first() or services.create_customer(by=agent, name="何青", phone="13700010002", email="he@example.com")
    made = services.register(**{
        "by": agent, "customer_id": customer.pk, "summary": summary, "type": "problem", "received_at": clock.now(), "assignee_id": agent.pk,
        "category_id": Category.objects.get(slug="transport-damage").pk, "channel": "phone", "what_happened": "早上开始没有热水。", **more,
    })  # fmt: skip
    return str(made.item.number)


def states(number: str) -> list[str]:
    """Of the ticket and of its form."""
    found = Ticket.objects.select_related("form").get(item__number=number)
    return [found.state, found.form.state]


def refusals(username: str) -> list[list[str]]:
    return [[r.item.number if r.item else "", r.verb] for r in Refusal.objects.filter(user__username=username).order_by("pk").select_related("item")]


def matter(number: str) -> dict[str, Any]:
    """How the form of a ticket, its only measure and the customer's contact point are found in addresses."""
    row = Ticket.objects.select_related("form__item", "customer").get(item__number=number)
    points = list(row.customer.contact_points.values_list("pk", flat=True))
    return {"form": row.form.item.number, "measure": row.form.dispositions.get().pk, "customer": row.customer.number, "points": points}


def ask_customer(number: str, by: str) -> None:
    """A colleague makes a move while somebody else has its dialog open."""
    from datetime import timedelta

    from feedback_desk import clock
    from tickets import services

    row = Ticket.objects.get(item__number=number)
    services.ask_customer(ticket_id=row.pk, by=User.objects.get(username=by), question="请发铭牌照片", until=clock.now() + timedelta(days=1))


def complaint(station: str, grade: str = "II") -> str:
    """A complaint that the services have brought to a station of `tests.ways.Way`; the number of its ticket."""
    from types import SimpleNamespace

    from tests.ways import Way
    from tickets import services

    users = {user.username: user for user in User.objects.select_related("department", "superior", "backup")}
    service, delivery = Department.objects.select_related("head").order_by("pk")
    cast = SimpleNamespace(
        service=service, delivery=delivery, product=service, agent=users["agent"], supervisor=users["supervisor"], manager=users["manager"],
        office=users["office"], general_manager=users["gm"], department_head=users["head"], product_head=users["manager"], head_backup=users["office"],
        person_concerned=users["concerned"], inspector=users["inspector"], visitor=users["visitor"],
    )  # fmt: skip
    customer = Customer.objects.filter(name="何青").first() or services.create_customer(by=cast.agent, name="何青", phone="13700010002")
    way = Way(cast, customer, grade)
    getattr(way, station)()
    return str(way.ticket.item.number)


def complaint_never_reached() -> str:
    """A complaint of five days ago, waiting for its visit; nobody answered on each of the last three days. The number of its ticket."""
    from datetime import timedelta

    from feedback_desk import clock
    from followups import services as visits

    now = clock.now()
    with clock.at(now - timedelta(days=5)):
        number = complaint("visiting")
    row, visitor = Ticket.objects.get(item__number=number), User.objects.get(username="visitor")
    for days in (3, 2, 1):
        with clock.at(now - timedelta(days=days)):
            visits.record_visit(ticket_id=row.pk, by=visitor, reached=False, said="无人接听，稍后再打。", next_at=clock.now() + timedelta(days=1))
    return number


def form_number(number: str) -> str:
    return str(Ticket.objects.select_related("form__item").get(item__number=number).form.item.number)


def tell() -> None:
    """Each line asks for a function and its words, each answer is a line: what it returned, or how it failed."""
    for line in sys.stdin:
        story, words = json.loads(line)
        try:
            answer = {"returned": globals()[story](*words)}
        except Exception:
            answer = {"failed": traceback.format_exc()}
        connection.close()
        print(json.dumps(answer), flush=True)
