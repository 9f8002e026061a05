"""Who may what: the one place that is asked (decision 6, V1, V3).

`may` and `demand` deny concerned people first, administrators included. Rooms register, per kind of item, who may see it.
A door that gets False from `may(user, "see", item)` answers 404, as for a number that does not exist.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from feedback_desk import clock
from feedback_desk.people.actors import Actor, person
from feedback_desk.people.models import Concern, Refusal, User
from feedback_desk.people.one_look import remembered_of_people
from feedback_desk.records.models import Item

Verb: TypeAlias = str
Rule: TypeAlias = Callable[[User, Verb, Item], bool]
_rules: dict[str, Rule] = {}


class NotYou(PermissionDenied):
    """403: this move is not for this person. Raised inside the transaction; the door records it with `record_refusal` after the rollback."""

    def __init__(self, because: str, *, user: User | None = None, item: Item | None = None, verb: str = "") -> None:
        super().__init__(because)
        self.because, self.user, self.item, self.verb = because, user, item, verb


class NotNow(Exception):
    """409: the move is not possible in this state any more; carries who moved it and when, for the sentence on the page."""

    def __init__(self, because: str, *, moved_by: str = "", moved_at: object = None, missing: list[str] | None = None) -> None:
        super().__init__(because)
        self.because, self.moved_by, self.moved_at, self.missing = because, moved_by, moved_at, missing or []


class Changed(NotNow):
    """409: the text that was seen is not the one that stands there. `changes`: lines with label, before and after, where they are known."""

    def __init__(self, because: str, *, changes: Sequence[Any] = (), **more: Any) -> None:
        super().__init__(because, **more)
        self.changes = changes


def register(kind: str, rule: Rule) -> None:
    """A room says who may do what with its kind of item; called from AppConfig.ready()."""
    _rules[kind] = rule


def concerned(user: User, item: Item) -> bool:
    """V3: is this person named in the matter that `item` belongs to?"""
    root = item.root_id or item.pk
    return remembered_of_people(("concerned", user.pk, root), lambda: Concern.objects.filter(item_id=root, user=user).exists())


def may(actor: Actor, verb: Verb, item: Item) -> bool:
    """Deny unless allowed; a concerned person never, whatever their roles."""
    user = person(actor)
    if user is None:
        return True
    if not user.is_active or concerned(user, item):
        return False
    rule = _rules.get(item.kind)
    return rule is not None and rule(user, verb, item)


def refuse_if_concerned(actor: Actor, verb: Verb, item: Item) -> None:
    user = person(actor)
    if user is not None and concerned(user, item):
        raise NotYou(_("You are named in this matter and take no part in handling it."), user=user, item=item, verb=verb)


def record_refusal(error: NotYou) -> None:
    """Keep what was tried (V3), in a transaction of its own."""
    with transaction.atomic():
        Refusal.objects.create(user=error.user, item=error.item, verb=error.verb[:60], because=error.because[:200], at=clock.now())
