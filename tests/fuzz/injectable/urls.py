"""The routes of the example project, and one that is injectable."""

from __future__ import annotations

from django.urls import path

from example_project.urls import handler400, handler403, handler404, handler500, urlpatterns

from . import views

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [*urlpatterns, path("api/auth/injectable/<path:session_id>", views.injectable)]
