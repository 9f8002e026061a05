"""Who can do what at 临江家电, which items the desk gives out by itself (T6), and who analyses what (G7)."""

from __future__ import annotations

from complaints.models import AnalysisRule
from feedback_desk.people import services as people
from feedback_desk.people.models import Presence
from feedback_desk.workplace.demo.company import Company
from feedback_desk.workplace.demo.world import Way
from tickets.models import Category, Placing, Route, Seat, Skill

# name, English name, categories, people
SKILLS: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = [
    ("家电故障", "Appliance faults", ("product-quality", "technical"), ("lin", "he", "tang", "hanshu")),
    ("产品安全", "Product safety", ("product-safety",), ("tang", "hanshu")),
    ("物流理赔", "Delivery and claims", ("logistics",), ("zhou", "he", "xu")),
    ("安装维修", "Installation and repair", ("after-sales",), ("lin", "xu", "tang")),
]
MOST = {"lin": 20, "zhou": 20, "he": 15, "xu": 15, "tang": 12, "hanshu": 0}
"""The second line gets its work by hand."""
BY_ITSELF = ("product-quality", "logistics", "after-sales")
"""Everything else waits in the queue."""


ANALYSE = {"product-quality": "品管部", "logistics": "配送部", "after-sales": "安装维修部", "sales": "销售部", "payment": "财务部"}
"""G7: everything else is chosen by hand."""
BESIDE = {"logistics": "品管部"}
"""How it was driven, and how it was packed."""


def found(company: Company) -> None:
    categories = {category.slug: category for category in Category.objects.all()}
    seats = {username: Seat.objects.create(user=company.people[username], most=most) for username, most in MOST.items()}
    for name, english, covered, able in SKILLS:
        skill = Skill.objects.create(name=name, name_en=english)
        skill.categories.set([categories[slug] for slug in covered])
        skill.seats.set([seats[username] for username in able])
    service = company.departments["客服中心"]
    Route.objects.bulk_create(Route(category=categories[slug], department=service, placing=Placing.AUTOMATIC) for slug in BY_ITSELF)
    for slug, name in ANALYSE.items():
        beside = company.departments[BESIDE[slug]] if slug in BESIDE else None
        AnalysisRule.objects.update_or_create(category=categories[slug], defaults={"department": company.departments[name], "beside": beside})


def a_break(company: Company) -> Way:
    """One agent is on a break as the desk is opened."""
    people.set_presence(user_id=company.he.pk, presence=Presence.BREAK, by=company.he)
    yield from ()
