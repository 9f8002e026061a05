"""Addresses under /admin/imports/."""

from django.urls import path

from tickets.imports import views

app_name = "imports"
urlpatterns = [
    path("", views.index, name="index"),
    path("export/", views.export, name="export"),
    path("<int:pk>/", views.run, name="run"),
    path("<int:pk>/columns/", views.columns, name="columns"),
    path("<int:pk>/reread/", views.reread, name="reread"),
    path("<int:pk>/meanings/", views.meanings, name="meanings"),
    path("<int:pk>/check/", views.check, name="check"),
    path("<int:pk>/confirm/", views.confirm, name="confirm"),
    path("<int:pk>/again/", views.again, name="again"),
    path("<int:pk>/discard/", views.discard, name="discard"),
    path("<int:pk>/errors.csv", views.errors, name="errors"),
]
