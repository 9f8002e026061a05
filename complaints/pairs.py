"""Which states of form and ticket go together: one typed table, checked after every service in the tests.

The inside (form) and the customer's side (ticket) move apart while both are open; ends come together.
"""

from complaints.lifecycle import State as F
from tickets.lifecycle import State as T

OPEN = frozenset({T.PENDING, T.PROCESSING, T.WAITING, T.CONFIRMING, T.COMPLETED})
"""A completed ticket may wait for its form: the customer confirmed, or withdrew, and the inside runs on (T8)."""

ALLOWED: dict[F, frozenset[T]] = {
    F.REGISTERED: OPEN,
    F.GRADED: OPEN,
    F.DETERMINING: OPEN,
    F.IN_REVIEW: OPEN,
    F.NEGOTIATING: OPEN,
    F.AWAITING_RULING: OPEN,
    F.EXECUTING: OPEN,
    F.AWAITING_CHECK: OPEN,
    F.VISITING: OPEN,
    F.OUTSTANDING: OPEN,
    F.CLOSED: frozenset({T.CLOSED}),
    F.CLOSED_ABNORMALLY: frozenset({T.CLOSED}),
    F.INVALID: frozenset({T.INVALID}),
    F.MERGED: frozenset({T.MERGED}),
}


def fits(form_state: str, ticket_state: str, *, complaint: bool = True) -> bool:
    """May this pair stand? A form whose ticket is no complaint any more is invalid, whatever the ticket does."""
    if not complaint:
        return F(form_state) == F.INVALID
    return T(ticket_state) in ALLOWED[F(form_state)]
