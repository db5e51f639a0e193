"""The admin of sessions: to be looked at and ended, never written or deleted by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.auth import get_permission_codename, get_user_model
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import conf, phones
from ..exceptions import InvalidPhone
from ..models import EndReason, Session
from ..models.sessions import SessionQuerySet
from ..services import tables
from .conflicts import Patient
from .history import MaskedHistory, do_on_record, log


class State(models.TextChoices):
    """What a session is good for at the moment."""

    LIVE = "live", _("live")
    ENDED = "ended", _("ended")
    EXPIRED = "expired", _("expired")
    INACTIVE = "inactive", _("user inactive")


def state_of(session: Session, at: datetime) -> State:
    """Return the state of a session; it is live just where ``SessionQuerySet.live`` finds it.

    One that simplejwt blacklisted has ended too, with no reason of ours.
    """
    if session.ended_at is not None or hasattr(session.token, "blacklistedtoken"):
        return State.ENDED
    if session.expires_at <= at:
        return State.EXPIRED
    return State.LIVE if session.user.is_active else State.INACTIVE


_ENDED = Q(ended_at__isnull=False) | Q(token__blacklistedtoken__isnull=False)

CHOOSERS: Mapping[str, Callable[[SessionQuerySet, datetime], SessionQuerySet]] = MappingProxyType(
    {
        State.LIVE: lambda rows, at: rows.live(at),
        State.ENDED: lambda rows, at: rows.filter(_ENDED),
        State.EXPIRED: lambda rows, at: rows.exclude(_ENDED).filter(expires_at__lte=at),
        State.INACTIVE: lambda rows, at: rows.exclude(_ENDED).filter(expires_at__gt=at, user__is_active=False),
    }
)
"""How the sessions of each state are found."""


class StateFilter(admin.SimpleListFilter):
    """Chooses sessions by state."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer every state."""
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Choose the sessions; an unknown state chooses all."""
        chooser = CHOOSERS.get(self.value() or "")
        return chooser(queryset, timezone.now()) if chooser else queryset


class SessionAdmin(MaskedHistory, Patient):
    """Sessions, read-only. Who may change sessions may revoke them; nobody deletes them, ``clear_securelogin`` does."""

    actions = ("revoke",)
    fields = (
        ("id", "user"),
        ("device", "user_agent", "ip_address"),
        ("created_at", "rotated_at", "expires_at"),
        ("state", "ended_at", "end_reason"),
    )
    list_display = (
        "user",
        "device",
        "ip_address",
        "created_at",
        "rotated_at",
        "expires_at",
        "state",
        "end_reason",
    )
    list_filter = (StateFilter, "end_reason", "created_at")
    list_select_related = ("user", "token__blacklistedtoken")
    ordering = ("-created_at", "pk")
    search_fields = ("pk",)
    search_help_text = _(
        "A phone number in any spelling, a user id or a session id. What you enter becomes part of the page's address."
    )

    @admin.display(description=_("state"))
    def state(self, obj: Session) -> str:
        """Return the state in words."""
        return str(state_of(obj, timezone.now()).label)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Session], search_term: str
    ) -> tuple[QuerySet[Session], bool]:
        """Find the sessions of one number or one user, or one session; there is nothing to find by half."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            phone = phones.parse(term, conf.current().DEFAULT_REGION)
        except InvalidPhone:
            return queryset.filter(_has_id(term)), False
        return queryset.filter(**{f"user__{get_user_model().USERNAME_FIELD}": phone}), False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse to filter by what is not shown, and by regular expressions."""
        is_refused = lookup.startswith(("retry_digest", "token")) or is_regex(lookup)
        return not is_refused and super().lookup_allowed(lookup, value, request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: a login opens a session."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        """Nobody, here: the rows of a session go together, when they are over. With its user it goes like any row."""
        match = request.resolver_match
        own_pages = f"{self.opts.app_label}_{self.opts.model_name}_"
        return obj is not None and match is not None and not (match.url_name or "").startswith(own_pages)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whether the member of staff may change sessions, which here means to end them."""
        codename = get_permission_codename("change", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

    @admin.action(description=_("End selected %(verbose_name_plural)s"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """End the sessions that have not ended."""

        def story(chosen: list[Session]) -> int:
            rows = tables.sessions().filter(pk__in=[session.pk for session in chosen])
            ended = set(rows.end(EndReason.REVOKED, at=timezone.now()))
            log(request, [session for session in chosen if session.pk in ended], gettext("Ended."))
            return len(ended)

        ended = do_on_record(queryset.unended(timezone.now()), story)
        self.message_user(request, count_ended(ended))


def count_ended(number: int) -> str:
    """Say how many sessions were ended."""
    return ngettext("%d session was ended.", "%d sessions were ended.", number) % number


def is_regex(lookup: str) -> bool:
    """Whether a page's address asks by a regular expression: a wrong one is an error, a bad one takes long."""
    return lookup.endswith(("__regex", "__iregex"))


def _has_id(term: str) -> Q:
    """Match a session of that id, or of a user of that id; nothing where the text is neither."""
    found = Q(pk__in=[])
    with suppress(ValueError):
        found |= Q(pk=UUID(term))
    with suppress(ValidationError):
        # By the key itself: a number that is too long for it then matches nothing instead of failing on SQLite.
        found |= Q(user__pk=get_user_model()._meta.pk.to_python(term))
    return found
