"""Who acts: a person, the desk itself, or the customer."""

from enum import Enum
from typing import TypeAlias

from feedback_desk.people.models import User


class Bystander(Enum):
    """Actors without an account here. Moves name them in `who` like the people's capacities."""

    SYSTEM = "system"
    CUSTOMER = "customer"


SYSTEM = Bystander.SYSTEM
CUSTOMER = Bystander.CUSTOMER
Actor: TypeAlias = User | Bystander


def person(actor: Actor) -> User | None:
    """The user behind an actor, None for the desk and the customer."""
    return actor if isinstance(actor, User) else None
