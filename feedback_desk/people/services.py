"""Who is named in a matter (V3): written here, and told to the rooms at once, so that open work is taken away with it.

Absence and backup (V2), presence (T6).
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from feedback_desk import ahead, clock
from feedback_desk.people import access
from feedback_desk.people.access import NotYou
from feedback_desk.people.actors import Actor
from feedback_desk.people.models import Absence, Concern, Presence, PresenceChange, Role, User
from feedback_desk.people.one_look import people_changed
from feedback_desk.records import history
from feedback_desk.records.models import Item

TakeAway = Callable[[Item, User, Actor, datetime], None]
"""(root item, person named, by whom, at): takes the person's open work in the matter away; runs in the same transaction."""
_take_away: list[TakeAway] = []
LockMatter = Callable[[Item], None]
"""(root item): locks the matter's rows in the order of the room's own services."""
_lock_matter: list[LockMatter] = []


def on_concern(callback: TakeAway) -> None:
    """A room says how it takes work away from a person who becomes concerned; called from AppConfig.ready()."""
    if callback not in _take_away:
        _take_away.append(callback)


def before_concern(callback: LockMatter) -> None:
    """A room says how its matter is locked, so that nobody is given work in it while they are being named; called from AppConfig.ready()."""
    if callback not in _lock_matter:
        _lock_matter.append(callback)


@transaction.atomic
def name_concerned(item: Item, user: User, *, because: str, by: Actor, at: datetime) -> Concern:
    """V3: from now on `user` takes no part in the matter of `item`. Naming somebody twice changes nothing."""
    access.refuse_if_concerned(by, "name_concerned", item)
    root = item.root or item
    for lock_matter in _lock_matter:
        lock_matter(root)
    concern, fresh = Concern.objects.get_or_create(item=root, user=user, defaults={"because": because[:200], "since": at})
    people_changed()
    if fresh:
        history.record(root, "named_concerned", by=by, at=at, reason=because, data={"user": user.pk})
        for take_away in _take_away:
            take_away(root, user, by, at)
    return concern


@transaction.atomic
def no_longer_concerned(item: Item, user: User, *, because: str, by: Actor, at: datetime) -> None:
    """Take the naming back, with a reason; nobody does so for themselves. What was taken away stays with whoever has it now."""
    access.refuse_if_concerned(by, "no_longer_concerned", item)
    root = item.root or item
    removed, _rows = Concern.objects.filter(item=root, user=user).delete()
    people_changed()
    if removed:
        history.record(root, "no_longer_concerned", by=by, at=at, reason=because, data={"user": user.pk})


@transaction.atomic
def record_absence(user: User, *, starts_at: datetime, ends_at: datetime, reason: str, backup: User | None) -> Absence:
    """V2: leave with its dates, and who gets work and notices meanwhile. Deadlines do not move."""
    ahead.check(ends_at=ends_at)
    absence = Absence.objects.create(user=user, starts_at=starts_at, ends_at=ends_at, reason=reason)
    people_changed()
    if user.backup_id != (backup.pk if backup else None):
        user.backup = backup
        user.save(update_fields=["backup"])
    return absence


@transaction.atomic
def end_absence(absence: Absence, *, at: datetime) -> None:
    """Back early: one that runs ends now, one that has not begun is taken out, one that is over stays."""
    people_changed()
    if absence.starts_at >= at:
        absence.delete()
    elif absence.ends_at > at:
        absence.ends_at = at
        absence.save(update_fields=["ends_at"])


SAYS_FOR_OTHERS = (Role.SUPERVISOR, Role.ADMINISTRATOR)


@transaction.atomic
def set_presence(*, user_id: int, presence: str, by: User) -> User:
    """T6: at the desk, on a break or off duty, said by oneself; by a supervisor for somebody who forgot to. Said twice it changes nothing."""
    at = clock.now()
    if user_id != by.pk and not (by.is_superuser or by.has_role(*SAYS_FOR_OTHERS)):
        raise NotYou(_("Only the person and a supervisor say who is at the desk."), user=by, verb="presence")
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    if user.presence != presence:
        user.on_duty, user.on_break, user.presence_since = presence != Presence.GONE, presence == Presence.BREAK, at
        user.save(update_fields=["on_duty", "on_break", "presence_since"])
        PresenceChange.objects.create(user=user, presence=Presence(presence), at=at, by=by)
        people_changed()
    return user
