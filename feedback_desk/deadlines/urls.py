"""/admin/limits/: included before the admin's own addresses."""

from django.urls import path

from feedback_desk.deadlines import change_views, views

app_name = "limits"
urlpatterns = [
    path("try/", views.try_rule, name="try"),
    path("changes/", change_views.preview, name="preview"),
    path("changes/<int:pk>/", change_views.change, name="change"),
    path("changes/<int:pk>/order/", change_views.order, name="order"),
    path("changes/<int:pk>/leave/", change_views.leave, name="leave"),
    path("changes/<int:pk>/again/", change_views.again, name="again"),
    path("calendars/<int:pk>/<int:year>/", change_views.year, name="year"),
    path("calendars/<int:pk>/<int:year>/load/", change_views.load_year, name="load_year"),
    path("calendars/<int:pk>/<int:year>/confirm/", change_views.confirm_year, name="confirm_year"),
]
