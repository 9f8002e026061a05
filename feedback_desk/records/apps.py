from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RecordsConfig(AppConfig):
    name = "feedback_desk.records"
    label = "records"
    verbose_name = _("Records")

    def ready(self) -> None:
        from feedback_desk.records.triggers import make_after_migrate

        post_migrate.connect(make_after_migrate, sender=self)
