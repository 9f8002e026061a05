from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _


class NoticesConfig(AppConfig):
    name = "feedback_desk.notices"
    label = "notices"
    verbose_name = _("Notices")

    def ready(self) -> None:
        from feedback_desk.notices.database_clock import follow_database

        connection_created.connect(follow_database)
