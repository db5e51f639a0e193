"""The admin beside traffic: what the database asks to be run again is run again, and what is in vain is said."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from ..exceptions import Unavailable
from ..services.transactions import with_retries


class Patient(admin.ModelAdmin):  # type: ignore[type-arg]
    """Runs the pages that write outside the host's ``ATOMIC_REQUESTS``: Django opens their transactions itself."""

    @transaction.non_atomic_requests
    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        """Change an object; its one transaction reads before it writes, so it may be the victim of a conflict."""
        view = partial(super().change_view, request, object_id, form_url, extra_context)
        return self.say_if_in_vain(request, partial(with_retries, view))

    @transaction.non_atomic_requests
    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Delete an object, in one transaction too."""
        view = partial(super().delete_view, request, object_id, extra_context)
        return self.say_if_in_vain(request, partial(with_retries, view))

    @transaction.non_atomic_requests
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list or do an action, whose transactions are its own and are run again there."""
        return self.say_if_in_vain(request, partial(super().changelist_view, request, extra_context))

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
