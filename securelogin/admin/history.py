"""What was done to users and sessions, and by whom, with no whole number in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from .. import phones
from ..services.transactions import in_transaction


class MaskedHistory(admin.ModelAdmin):  # type: ignore[type-arg]
    """Masks the members of staff on the history page, where Django's template prints their ``get_username()``."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show who changed the object."""
        response = super().history_view(request, object_id, extra_context)
        phone_field = get_user_model().USERNAME_FIELD
        for entry in (getattr(response, "context_data", None) or {}).get("action_list", ()):
            # Only this page sees these users; a masked number could not be saved.
            setattr(entry.user, phone_field, phones.mask(entry.user.get_username()))
        return response


BATCH = 100
"""The most rows that staff chose and that one transaction takes."""


def do_on_record(rows: Iterable[Any], story: Callable[[list[Any]], int]) -> int:
    """Run a story that does something to rows and logs it, for a batch of them after the other; returns its sum.

    A batch is done and on record, or neither.
    """
    left, total = iter(rows), 0
    while batch := list(islice(left, BATCH)):
        total += in_transaction(partial(story, batch))
    return total


def log(request: HttpRequest, objects: list[Model], message: str) -> None:
    """Write what was done to each of the objects into the admin's log."""
    actor: Any = request.user
    LogEntry.objects.log_actions(actor.pk, objects, CHANGE, message)
