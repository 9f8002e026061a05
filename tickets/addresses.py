"""Where a notice to a customer goes: read when sending, never stored in the outbox (V4, decision 11)."""

from tickets.models import ContactPoint


def address_of(contact_point_id: int) -> tuple[str, str] | None:
    """(e-mail address, language) of a contact point; None when it is gone or no e-mail."""
    point = ContactPoint.objects.filter(pk=contact_point_id, kind=ContactPoint.Kind.EMAIL).first()
    return (point.reveal(), "zh-hans") if point else None
