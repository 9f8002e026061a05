"""Who imports and exports: administrators and customer-service managers (V1)."""

from django.utils.translation import gettext as _

from feedback_desk.people.access import NotYou
from feedback_desk.people.models import Role, User
from tickets.permissions import may_see_contact_data

IMPORTERS = (Role.ADMINISTRATOR, Role.CS_MANAGER)


def may_import(user: User) -> bool:
    return user.has_role(*IMPORTERS)


def demand(user: User) -> None:
    """403, recorded, for everybody else."""
    if not may_import(user):
        raise NotYou(_("Importing and exporting is for administrators and customer-service managers."), user=user, verb="import")


def may_export_plain(user: User) -> bool:
    """V4: contact data leaves the desk readable only with a role whose work needs it."""
    return may_import(user) and may_see_contact_data(user)
