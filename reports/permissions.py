"""Who reads summaries, and who rewards and penalties. The tickets behind a number are shown by `visible_to` as everywhere."""

from feedback_desk.people.models import Role, User
from feedback_desk.people.standing import roles_held

READERS = frozenset({Role.GENERAL_MANAGER, Role.CS_MANAGER, Role.OFFICE, Role.SUPERVISOR, Role.ANALYST, Role.ADMINISTRATOR})


ISSUED_TO = (Role.GENERAL_MANAGER, Role.CS_MANAGER, Role.OFFICE)
"""They are told that a summary is out; rewards and penalties, which say what it cost whom, are read by nobody else (R3)."""


def may_read(user: User) -> bool:
    """By one's own role (V1), or as the backup of somebody who is away (V2)."""
    return _holds(user, READERS)


def may_read_rewards(user: User) -> bool:
    return _holds(user, frozenset(ISSUED_TO))


def _holds(user: User, roles: frozenset[Role]) -> bool:
    return user.has_role(*roles) or not roles.isdisjoint(roles_held(user, None))
