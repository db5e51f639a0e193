"""Where things are: the API under ``/api/auth/``, with two protected calls of the project's own, and the admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from . import views

urlpatterns = [
    path("api/auth/", include("securelogin.urls")),
    path("api/auth/op", views.op, name="op"),
    path("api/auth/op2", views.op2, name="op2"),
    path("admin/", admin.site.urls),
]

handler400 = "securelogin.api.errors.bad_request"
handler403 = "securelogin.api.errors.permission_denied"
handler404 = "securelogin.api.errors.not_found"
handler500 = "securelogin.api.errors.server_error"
