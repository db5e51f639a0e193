"""The routes: ``path("api/auth/", include("securelogin.urls"))``. None has a trailing slash."""

from __future__ import annotations

from django.urls import path

from .api.views import AuthViewSet, SessionViewSet

app_name = "securelogin"

urlpatterns = [
    path("register", AuthViewSet.as_view({"post": "register"}), name="register"),
    path("login", AuthViewSet.as_view({"post": "login"}), name="login"),
    path("login_sms", AuthViewSet.as_view({"post": "login"}), name="login_sms"),
    path("verify_sms", AuthViewSet.as_view({"post": "verify_sms"}), name="verify_sms"),
    path("refresh", AuthViewSet.as_view({"post": "refresh"}), name="refresh"),
    path("logout", AuthViewSet.as_view({"post": "logout"}), name="logout"),
    path(
        "logout_all_other_sessions",
        AuthViewSet.as_view({"post": "logout_all_other_sessions"}),
        name="logout_all_other_sessions",
    ),
    path("logout_all", AuthViewSet.as_view({"post": "logout_all"}), name="logout_all"),
    path("password", AuthViewSet.as_view({"post": "password"}), name="password"),
    path("sessions", SessionViewSet.as_view({"get": "list"}), name="sessions"),
    path("sessions/<uuid:session_id>", SessionViewSet.as_view({"delete": "destroy"}), name="session"),
]
