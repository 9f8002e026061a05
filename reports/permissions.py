"""Who reads summaries. The tickets behind a number are shown by `visible_to` as everywhere."""

from feedback_desk.people.models import Role, User
from feedback_desk.people.standing import roles_held

READERS = frozenset({Role.GENERAL_MANAGER, Role.CS_MANAGER, Role.OFFICE, Role.SUPERVISOR, Role.ANALYST, Role.ADMINISTRATOR})


def may_read(user: User) -> bool:
    """By one's own role (V1), or as the backup of somebody who is away (V2)."""
    return user.has_role(*READERS) or not READERS.isdisjoint(roles_held(user, None))
