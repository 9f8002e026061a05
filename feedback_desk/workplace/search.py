"""What the search box finds. Conditions only: who may see what is asked before."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q

from feedback_desk.people.models import User
from feedback_desk.records.models import Item
from tickets.models import Customer

NUMBER = re.compile(r"(TASK|FK|HF)\d{11,}", re.IGNORECASE)


def exact_number(seen: Any, words: str) -> str | None:
    """The ticket's number when the words are a whole number of something visible: of a ticket, or of a form or visit that belongs to one."""
    if not NUMBER.fullmatch(words):
        return None
    found: str | None = seen.filter(item__in=Item.objects.filter(number=words.upper()).values("root")).values_list("item__number", flat=True).first()
    return found


def condition(words: str, user: User) -> Q:
    """Any of the numbers contains the words, or the customer is found by them (V3: not one whose file is closed), or each word stands in the title."""
    titled = Q()
    for word in words.split():
        titled &= Q(item__title__icontains=word)
    numbered = Q(item__in=Item.objects.filter(number__icontains=words).values("root")) if len(words) >= 3 else Q()
    return (
        titled | numbered | Q(external_id__iexact=words) | Q(order_number__icontains=words) | Q(serial__icontains=words) | Q(batch__iexact=words)
        | Q(customer__in=Customer.objects.untouched_by(user).found_by(words).values("pk"))
    )  # fmt: skip
