"""The admin beside traffic: what the database asks to be run again is run again, and what is in vain is said."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext

from ..exceptions import Unavailable
from ..services import tables
from ..services.transactions import in_transaction, with_retries


class Patient(admin.ModelAdmin):  # type: ignore[type-arg]
    """Runs its pages outside the host's ``ATOMIC_REQUESTS``: Django opens the transactions of those that write."""

    def get_urls(self) -> list[URLPattern]:
        """Return the pages, marked ``non_atomic_requests`` for every database, as the API's."""
        urls = super().get_urls()
        for url in urls:
            for alias in connections:
                transaction.non_atomic_requests(using=alias)(url.callback)
        return urls

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows, for what writes from where they are written: a replica's may be old, and would come back."""
        rows = super().get_queryset(request)
        return rows.using(tables.database()) if request.method == "POST" else rows

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Add an object, in one transaction."""
        return self._run_again(request, partial(super().add_view, request, form_url, extra_context))

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """Change an object, in one transaction."""
        return self._run_again(request, partial(super().change_view, request, object_id, form_url, extra_context))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Delete an object, in one transaction too."""
        return self._run_again(request, partial(super().delete_view, request, object_id, extra_context))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list or do an action, whose transactions are its own and are run again there; or save edited rows.

        Django reads those outside its transaction and writes back what is not in the list too: lock them before.
        """
        view = partial(super().changelist_view, request, extra_context)
        if request.method != "POST" or "_save" not in request.POST or not self.has_change_permission(request):
            return self.say_if_in_vain(request, view)

        def story() -> HttpResponse:
            self.lock_edited(request)
            return view()

        return self._run_again(request, partial(in_transaction, partial(_unsaid_if_undone, request, story)))

    def lock_edited(self, request: HttpRequest) -> None:
        """Lock the rows that a list brings back edited, where a list may be edited."""

    def _run_again(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """Run a page of one transaction, and again after a conflict, also with a row that its form did not see yet."""
        run = partial(with_retries, partial(_unsaid_if_undone, request, view))

        def story() -> HttpResponse:
            try:
                return run()
            except IntegrityError:
                pass  # somebody took the number meanwhile: now the form says so beside the field
            return run()

        return self.say_if_in_vain(request, story)

    def say_if_in_vain(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """Answer with a message where the database turned the page away, also after retries, or the object is gone."""
        try:
            return view()
        except Unavailable:
            text = gettext("The database was too busy. What is not done yet can be done again.")
            path = request.get_full_path()
        except self.model.DoesNotExist:
            text = gettext("Nothing was done: somebody deleted it meanwhile.")
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
            path = reverse(name, current_app=self.admin_site.name)
        self.message_user(request, text, messages.ERROR)
        return HttpResponseRedirect(path)


def _unsaid_if_undone(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """Take the messages of a page back with its rows: they are in no transaction."""
    said: list[Any] = getattr(messages.get_messages(request), "_queued_messages", [])
    before = len(said)
    try:
        return view()
    except DatabaseError:
        del said[before:]
        raise
