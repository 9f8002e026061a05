"""Signing in and out, passwords, language, one's own absence and presence."""

from django.urls import path

from feedback_desk.people import views

app_name = "people"
urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", views.SignOut.as_view(), name="sign_out"),
    path("password/", views.PasswordChange.as_view(), name="password_change"),
    path("password/reset/", views.PasswordReset.as_view(), name="password_reset"),
    path("password/reset/sent/", views.PasswordResetSent.as_view(), name="password_reset_done"),
    path("password/reset/done/", views.PasswordResetComplete.as_view(), name="password_reset_complete"),
    path("password/reset/<uidb64>/<token>/", views.PasswordResetConfirm.as_view(), name="password_reset_confirm"),
    path("language/", views.set_language, name="set_language"),
    path("presence/", views.presence, name="presence"),
    path("absence/", views.absence, name="absence"),
    path("absence/<int:pk>/end/", views.back_early, name="back_early"),
]
