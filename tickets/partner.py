"""The complaint form behind a ticket, seen from below: complaints registers itself, tickets call it in the same transaction (machines.md, coupling).

This is the one place where the lower room speaks to the upper one: by a protocol declared here, not by signals.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from feedback_desk.people.actors import Actor

if TYPE_CHECKING:
    from tickets.models import Contact, Ticket


class Partner(Protocol):
    def opened(self, ticket: Ticket, *, by: Actor, at: datetime) -> None:
        """A complaint was registered: open its form."""

    def objection(self, ticket: Ticket, move: str) -> str | None:
        """Why the form forbids this move of the ticket, in a sentence; None when it does not."""

    def moved(self, ticket: Ticket, move: str, *, by: Actor, at: datetime, reason: str, **facts: Any) -> None:
        """The ticket made this move: do what machines.md asks of the form."""

    def contacted(self, ticket: Ticket, contact: Contact, *, at: datetime) -> None:
        """A contact or attempt was recorded (C3: the second failed attempt lengthens D14; C11, G3: progress, a formal reply)."""

    def held(self, ticket: Ticket, *, at: datetime) -> None:
        """Somebody else has the ticket: the form's limits that are the assignee's go along (E1)."""

    def corrected(self, ticket: Ticket, *, at: datetime) -> None:
        """What was typed wrongly was corrected: the text that the form's decisions rest on."""

    def attached(self, ticket: Ticket, *, at: datetime) -> None:
        """A file was added: evidence that the form's decisions rest on."""

    def grade(self, ticket: Ticket) -> str:
        """The form's grade, "" while it has none."""

    def propose_major(self, ticket: Ticket, *, at: datetime) -> bool:
        """G1: unsolved three days after receipt, grade I is proposed; True when that is new."""

    def lock(self, ticket: Ticket) -> None:
        """Lock the form's row after the ticket's."""


_partner: Partner | None = None


def install(partner: Partner) -> None:
    global _partner
    _partner = partner


def of(ticket: Ticket) -> Partner | None:
    """The partner of a complaint ticket; None for other types and for imported history."""
    return _partner if ticket.type == "complaint" and not ticket.historic else None


def objection(ticket: Ticket, move: str) -> str | None:
    partner = of(ticket)
    return partner.objection(ticket, move) if partner else None
