"""T6: of the people who could take an item, the one the desk gives it to, and why, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Candidate:
    """Somebody who handles tickets, as they stand at one instant."""

    user_id: int
    name: str
    in_hand: int = 0
    """Tickets pending or in processing. What waits for a customer is not in one's hands."""
    most: int = 20
    """With so many in hand the desk gives no more by itself; 0: none."""
    last_given_at: datetime | None = None
    here: bool = True
    """At the desk: on duty, on no break, not absent."""
    fits: bool = True
    """Has one of the skills that the category asks for, or it asks for none."""
    skill: tuple[str, str] | None = None
    """By which skill, in Chinese and English."""

    @property
    def free(self) -> bool:
        return self.here and self.fits and self.in_hand < self.most


@dataclass(frozen=True)
class Choice:
    """Who, and the reason as facts that the history keeps; `in_words` says them in the reader's language."""

    user_id: int
    because: dict[str, Any]


def choose(candidates: Sequence[Candidate], *, owner_id: int | None = None, barred: Collection[int] = ()) -> Choice | None:
    """The customer's owner, else the fewest in hand; then who has waited longest for a new one, then the older account. None: nobody is free.

    `barred`: people concerned (V3), and those who had this item before: it never comes back to them by itself.
    """
    free = [c for c in candidates if c.free and c.user_id not in barred]
    owner = next((c for c in free if c.user_id == owner_id), None)
    if owner is not None:
        return Choice(owner.user_id, _because(owner, "owner", free))
    if not free:
        return None
    best = min(free, key=lambda c: (c.in_hand, c.last_given_at or NEVER, c.user_id))
    return Choice(best.user_id, _because(best, _rule(best, free), free))


def _rule(best: Candidate, free: Sequence[Candidate]) -> str:
    """What decided: nobody else was free, the load, the longest wait, or only the order of the accounts."""
    if len(free) == 1:
        return "only"
    equal = [c for c in free if c.in_hand == best.in_hand]
    if len(equal) == 1:
        return "fewest"
    return "longest" if sum(c.last_given_at == best.last_given_at for c in equal) == 1 else "order"


def _because(best: Candidate, rule: str, free: Sequence[Candidate]) -> dict[str, Any]:
    skill, skill_en = best.skill or ("", "")
    return {"rule": rule, "in_hand": best.in_hand, "among": len(free), "skill": skill, "skill_en": skill_en}


def in_words(because: Mapping[str, Any]) -> str:
    """ "Skill “Large appliances”, 3 in hand, the fewest of 4 people." without the full stop; in the reader's language."""
    english = (get_language() or "").startswith("en")
    skill = (because.get("skill_en") if english else "") or because.get("skill")
    in_hand, among = int(because.get("in_hand", 0)), int(because.get("among", 0))
    load = ngettext("%(n)d in hand", "%(n)d in hand", in_hand) % {"n": in_hand}
    match because.get("rule"):
        case "owner":
            parts = [_("the customer's own agent"), load]
        case "only":
            parts = [load, _("nobody else is free for it")]
        case "longest":
            parts = [load, _("the fewest, and longest without a new one")]
        case "order":
            parts = [load, _("as few as others")]
        case _rule:
            parts = [load, ngettext("the fewest of %(n)d person", "the fewest of %(n)d people", among) % {"n": among}]
    return pgettext("between clauses", ", ").join([*([_("skill “%(skill)s”") % {"skill": skill}] if skill else []), *parts])
