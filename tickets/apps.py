from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TicketsConfig(AppConfig):
    name = "tickets"
    verbose_name = _("Tickets")

    def ready(self) -> None:
        from feedback_desk.notices import delivery
        from feedback_desk.people.services import before_concern, on_concern
        from tickets import addresses, permissions, rule_facts, services

        permissions.install()
        rule_facts.install()
        before_concern(services.lock_matter)
        on_concern(services.take_work_away)
        delivery.register_contact_resolver(addresses.address_of)
