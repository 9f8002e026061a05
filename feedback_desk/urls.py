"""Every address of the desk; rooms are named by string."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from feedback_desk.workplace.views import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="workplace:work"), name="home"),
    path("desk/", include("feedback_desk.workplace.urls")),
    path("accounts/", include("feedback_desk.people.urls")),
    path("admin/", include("reports.urls")),
    path("admin/limits/", include("feedback_desk.deadlines.urls")),
    path("admin/imports/", include("tickets.imports.urls")),
    path("admin/machinery/", include("feedback_desk.workplace.office_urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("metrics", health.show_metrics, name="metrics"),
]
handler400 = "feedback_desk.workplace.errors.unreadable"
handler403 = "feedback_desk.workplace.errors.forbidden"
handler404 = "feedback_desk.workplace.errors.not_found"
handler500 = "feedback_desk.workplace.errors.broken"
