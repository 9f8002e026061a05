"""T6, the pure part: of the people who could take it, one, and why; of the rules of assignment, the most specific."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import translation

from tickets.choosing import Candidate, choose, in_words
from tickets.models import Route
from tickets.routes import best

MORNING, NOON = datetime(2026, 3, 2, 1, tzinfo=UTC), datetime(2026, 3, 2, 4, tzinfo=UTC)
SKILL = ("大家电", "Large appliances")


def one(user_id: int, in_hand: int = 0, **more: object) -> Candidate:
    return Candidate(user_id, f"p{user_id}", in_hand, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("people", "barred", "chosen", "rule", "why"),
    [
        ([one(1, 4), one(2, 3), one(3, 5)], (), 2, "fewest", "the fewest in hand"),
        ([one(1, 3, last_given_at=NOON), one(2, 3, last_given_at=MORNING), one(3, 4)], (), 2, "longest", "of those with as few, the longest without a new one"),
        ([one(1, 3, last_given_at=MORNING), one(2, 3)], (), 2, "longest", "never given anything is longest"),
        ([one(2, 3), one(1, 3)], (), 1, "order", "then the older account, whatever the order of the rows"),
        ([one(1, 9), one(2, 0, here=False), one(3, 1, fits=False)], (), 1, "only", "nobody else is at the desk with the skill"),
        ([one(1, 20), one(2, 21), one(3, 0, most=0)], (), None, "", "all are full, or take none by themselves"),
        ([one(1, 20), one(2, 19)], (), 2, "only", "one below the number has room"),
        ([one(1), one(2, 7)], (1,), 2, "only", "named in the matter, or had it before: never"),
        ([], (), None, "", "nobody"),
    ],
)
def test_T6_the_fewest_in_hand_then_the_longest_wait_then_the_account(people, barred, chosen, rule, why):
    found = choose(people, barred=barred)
    assert (found.user_id if found else None, found.because["rule"] if found else "") == (chosen, rule), why


@pytest.mark.parametrize(
    ("owner", "barred", "chosen", "why"),
    [
        (one(9, 12), (), 9, "the customer's own agent, whatever the load"),
        (one(9, 20), (), 1, "full"),
        (one(9, here=False), (), 1, "not at the desk"),
        (one(9, fits=False), (), 1, "without the skill"),
        (one(9), (9,), 1, "named in the matter"),
    ],
)
def test_T6_the_customers_owner_first_if_free_for_it(owner, barred, chosen, why):
    found = choose([one(1, 3), owner], owner_id=9, barred=barred)
    assert found is not None
    assert found.user_id == chosen, why


@pytest.mark.parametrize(
    ("because", "chinese", "english"),
    [
        ({"rule": "fewest", "in_hand": 3, "among": 4, "skill": SKILL[0], "skill_en": SKILL[1]}, "具备技能「大家电」，在办 3 件，4 人中最少",
         "skill “Large appliances”, 3 in hand, the fewest of 4 people"),
        ({"rule": "owner", "in_hand": 1, "among": 2}, "该客户的归属客服，在办 1 件", "the customer's own agent, 1 in hand"),
        ({"rule": "only", "in_hand": 0, "among": 1}, "在办 0 件，当前没有其他合适的人有空", "0 in hand, nobody else is free for it"),
        ({"rule": "longest", "in_hand": 2, "among": 3}, "在办 2 件，并列最少，且最久未接到新工单", "2 in hand, the fewest, and longest without a new one"),
        ({"rule": "order", "in_hand": 2, "among": 3}, "在办 2 件，与他人同为最少", "2 in hand, as few as others"),
    ],
)  # fmt: skip
def test_T6_the_reason_in_words(because, chinese, english):
    for language, words in (("zh-hans", chinese), ("en", english)):
        with translation.override(language):
            assert in_words(because) == words


ROUTES = [Route(type=type, category_id=category, placing=name) for type, category, name in (
    ("", None, "all"), ("praise", None, "praise"), ("", 1, "top"), ("praise", 1, "praise in top"), ("", 11, "part"), ("praise", 11, "praise in part"),
)]  # fmt: skip


@pytest.mark.parametrize(
    ("type", "category", "parent", "left_out", "name"),
    [
        ("problem", 2, None, (), "all"), ("praise", 2, None, (), "praise"), ("problem", 1, None, (), "top"), ("praise", 1, None, (), "praise in top"),
        ("problem", 11, 1, (), "part"), ("praise", 11, 1, (), "praise in part"), ("praise", 11, 1, (5,), "part"), ("praise", 11, 1, (4, 5), "praise in top"),
        ("problem", 12, 1, (), "top"), ("problem", 2, None, (0,), None),
    ],
)  # fmt: skip
def test_T6_the_most_specific_rule_of_assignment_applies(type, category, parent, left_out, name):
    routes = [route for at, route in enumerate(ROUTES) if at not in left_out]
    found = best(routes, type=type, category_id=category, parent_id=parent)
    assert (found.placing if found else None) == name
