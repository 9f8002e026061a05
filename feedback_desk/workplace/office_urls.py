"""/admin/machinery/: included before the admin's own addresses."""

from django.urls import path

from feedback_desk.workplace.views import machinery

app_name = "office"
urlpatterns = [
    path("", machinery.show, name="machinery"),
    path("panel/", machinery.panel, name="panel"),
    path("again/<slug:kind>/", machinery.again, name="again"),
    path("let-be/", machinery.let_be, name="let_be"),
    path("forget/", machinery.forget, name="forget"),
]
