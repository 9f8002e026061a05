"""The back office's site; rooms register their models in their own admin.py."""

from django.contrib.admin.apps import AdminConfig


class BackOfficeConfig(AdminConfig):
    default_site = "feedback_desk.workplace.site.BackOffice"
