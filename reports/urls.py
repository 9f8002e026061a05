"""/admin/summaries/: included before the admin's own addresses."""

from datetime import date

from django.urls import path, register_converter

from reports import replay_views, views
from reports.periods import Kind


class KindConverter:
    regex = "|".join(Kind)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return str(value)


class DayConverter:
    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


register_converter(KindConverter, "period_kind")
register_converter(DayConverter, "day")

app_name = "reports"
urlpatterns = [
    path("summaries/weekly/", views.latest, {"kind": "weekly"}, name="weekly"),
    path("summaries/monthly/", views.latest, {"kind": "monthly"}, name="monthly"),
    path("summaries/rewards/", views.latest, {"kind": "rewards"}, name="rewards"),
    path("summaries/<period_kind:kind>/<day:start>/", views.summary, name="summary"),
    path("summaries/<period_kind:kind>/<day:start>/tickets/", views.tickets, name="tickets"),
    path("summaries/<period_kind:kind>/<day:start>/excel/", views.excel, name="excel"),
    path("what-if/", replay_views.ask, name="what_if"),
    path("what-if/go-on/", replay_views.go_on, name="what_if_go_on"),
    path("what-if/excel/", replay_views.excel, name="what_if_excel"),
]
