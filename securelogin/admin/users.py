"""The admin of users."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.admin import UserAdmin
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters

from .. import conf, phones, services
from ..exceptions import InvalidPhone
from ..models import EndReason, Session
from ..models.sessions import SessionQuerySet
from ..services import endings, tables
from ..services.transactions import in_transaction
from .conflicts import Patient
from .forms import PhonePasswordChangeForm, PhoneUserChangeForm, PhoneUserCreationForm, hash_early
from .history import MaskedHistory, do_on_record, log
from .sessions import count_ended, is_regex

OPTIONAL_FIELDS = ("username", "email")
"""What a subclass of ``AbstractPhoneUser`` may take away."""

PHONE_LOOKUPS = frozenset({"phone__exact", "phone__isnull", "phone__isempty"})
"""What a page's address may ask of the number; the last two are those of Django's filters."""


class UserChangeList(ChangeList):
    """Counts the live sessions of the users on one page, in one query."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, and the counts with it."""
        super().get_results(request)
        rows = Session.objects.live().filter(user__in=[user.pk for user in self.result_list])
        counts = dict(rows.order_by().values_list("user_id").annotate(Count("pk")))
        for user in self.result_list:
            user.live_session_count = counts.get(user.pk, 0)


class PhoneUserAdmin(MaskedHistory, Patient, UserAdmin):  # type: ignore[type-arg]
    """Accounts keyed by phone, for ``User`` and for any subclass of ``AbstractPhoneUser``.

    Fields that the model has not are left out. A whole number is shown on pages about one user only. A changed
    number, a changed password, deactivation and activation end the user's sessions in the transaction that writes them.
    """

    add_form_template = None
    form = PhoneUserChangeForm
    add_form = PhoneUserCreationForm
    change_password_form = PhonePasswordChangeForm
    fieldsets = (
        (None, {"fields": ("phone", "password")}),
        (_("Personal info"), {"fields": ("username", "email")}),
        (_("Permissions"), {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        (_("Important dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("phone", "username", "email", "password1", "password2")}),
    )
    readonly_fields = ("last_login", "date_joined")
    list_display = ("masked_phone", "display_name", "is_active", "is_staff", "date_joined", "live_sessions")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups", "date_joined")
    search_fields = ("username", "email")
    search_help_text = _(
        "A phone number in any spelling, a user id, or a part of the display name or the e-mail address. "
        "What you enter becomes part of the page's address."
    )
    ordering = ("-date_joined", "pk")
    actions = ("end_sessions", "allow_guesses")

    # What is shown

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what the model has not."""
        missing = self._missing_fields()
        fieldsets = [
            (title, {**options, "fields": [name for name in options["fields"] if name not in missing]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        return [fieldset for fieldset in fieldsets if fieldset[1]["fields"]]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Leave the display name out where there is none."""
        names = super().get_list_display(request)
        return [name for name in names if name != "display_name" or "username" not in self._missing_fields()]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Leave out what the model has not; without a field there would be no search box."""
        missing = self._missing_fields()
        return [name for name in super().get_search_fields(request) if name not in missing] or ["pk"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Count live sessions with the list."""
        return UserChangeList

    @admin.display(description=_("phone number"), ordering="phone")
    def masked_phone(self, obj: Any) -> str | None:
        """Return the number as lists show it."""
        return phones.mask(obj.phone) or None

    @admin.display(description=_("display name"), ordering="username")
    def display_name(self, obj: Any) -> str:
        """Return the display name."""
        return str(obj.username)

    @admin.display(description=_("live sessions"))
    def live_sessions(self, obj: Any) -> str | int:
        """Return their number, with a link to the list of the user's sessions."""
        if not self.admin_site.is_registered(Session):
            return int(obj.live_session_count)
        url = reverse("admin:securelogin_session_changelist", current_app=self.admin_site.name)
        return format_html('<a href="{}?q={}">{}</a>', url, obj.pk, obj.live_session_count)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find a whole number, however it is spelled; else a user id, or what the fields hold."""
        term = search_term.strip()
        try:
            return queryset.filter(phone=phones.parse(term, conf.current().DEFAULT_REGION)), False
        except InvalidPhone:
            found, may_repeat = super().get_search_results(request, queryset, term)
        with suppress(ValidationError):
            if term:
                found |= queryset.filter(pk=self.opts.pk.to_python(term))
        return found, may_repeat

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse to filter by a part of the number, and by regular expressions."""
        is_part = lookup.startswith("phone__") and lookup not in PHONE_LOOKUPS
        return not is_part and not is_regex(lookup) and super().lookup_allowed(lookup, value, request)

    @method_decorator(sensitive_post_parameters())
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Hash the password first, then add the user in one transaction."""
        if self.has_add_permission(request):
            hash_early(request.POST)
        return super().add_view(request, form_url, extra_context)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Keep the number out of the title, which stays in the browser's history."""
        view = partial(super().user_change_password, request, id, form_url)
        response = self.say_if_in_vain(request, view)
        if context := getattr(response, "context_data", None):
            context["title"] = gettext("Password of %s") % context["original"]
        return response

    # What is done

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Lock the row before it is read, in transactions that write: they write back what is not in the form too."""
        if request.method == "POST" and connections[tables.database()].in_atomic_block:
            _lock_by(self.opts.get_field(from_field) if from_field else self.opts.pk, object_id)
        return super().get_object(request, object_id, from_field)

    def lock_edited(self, request: HttpRequest) -> None:
        """Lock all users of a list that a host lets staff edit: which of them differ is not known yet."""
        keys = set()
        for name, text in request.POST.items() if self.list_editable else ():
            with suppress(ValidationError):
                if name.endswith(f"-{self.opts.pk.name}"):
                    keys.add(self.opts.pk.clean(text, None))
        _lock(keys)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write the user; another number, deactivation and activation end the sessions, in the admin's transaction."""
        reason = self._end_reason(obj) if change else None
        super().save_model(request, obj, form, change)
        if reason is None:
            return
        if ended := endings.end_all_but(obj.pk, None, reason, at=timezone.now()):
            self.message_user(request, count_ended(len(ended)))

    def _end_reason(self, user: Any) -> EndReason | None:
        """Compare with the row, locked first: another change of the number may be on its way."""
        tables.lock_user(user.pk)
        row = tables.users().get(pk=user.pk)
        if row.phone != user.phone:
            return EndReason.PHONE
        # Activation too: whatever shut the user out may have ended nothing, and the sessions would come back.
        return None if row.is_active and user.is_active else EndReason.REVOKED

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete a user. Runs in the admin's transaction."""
        _end_before_deletion([obj.pk])
        super().delete_model(request, obj)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Log the deletion of one; Django logs several outside any transaction, so ``delete_queryset`` does it."""
        return [] if isinstance(queryset, QuerySet) else super().log_deletions(request, queryset)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete users, all or none, and write it into the admin's log."""
        record, delete = partial(super().log_deletions, request), partial(super().delete_queryset, request)

        def story() -> None:
            _end_before_deletion(ids)
            users = tables.users().filter(pk__in=ids)
            record(users)
            delete(users)

        ids = list(queryset.values_list("pk", flat=True))
        in_transaction(story)

    @admin.action(description=_("End all sessions of selected %(verbose_name_plural)s"), permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """End every session of the users."""

        def story(users: list[Any]) -> int:
            _lock(user.pk for user in users)
            ended = services.revoke_sessions(_unended(users))
            log(request, users, gettext("Ended all sessions."))
            return ended

        self.message_user(request, count_ended(do_on_record(queryset, story)))

    @admin.action(
        description=_("Allow codes and passwords again for selected %(verbose_name_plural)s"), permissions=["change"]
    )
    def allow_guesses(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Take back the locks of numbers and passwords whose failures in a row reached the end."""

        def story(users: list[Any]) -> int:
            allowed = [user for user in users if _allow_guesses(user)]
            log(request, allowed, gettext("Allowed codes and passwords again."))
            return len(allowed)

        allowed = do_on_record(queryset, story)
        message = ngettext(
            "Codes and passwords are allowed again for %d user.",
            "Codes and passwords are allowed again for %d users.",
            allowed,
        )
        self.message_user(request, message % allowed)

    def _missing_fields(self) -> set[str]:
        known = {field.name for field in self.model._meta.get_fields()}
        return {name for name in OPTIONAL_FIELDS if name not in known}


def _lock_by(field: Any, text: str) -> None:
    """Lock the user whose field has the value of that text, if there is one."""
    with suppress(ValidationError, ValueError):
        tables.lock_users(**{field.name: field.to_python(text)})


def _lock(ids: Iterable[Any]) -> None:
    """Lock users, everywhere in the same order."""
    for pk in sorted(ids):
        tables.lock_user(pk)


def _end_before_deletion(ids: list[Any]) -> None:
    """Lock the users, or a login that commits meanwhile is deleted unheard; ending the sessions announces it."""
    _lock(ids)
    services.revoke_sessions(_unended(ids), reason=EndReason.CLOSED)


def _unended(users: list[Any]) -> SessionQuerySet:
    return tables.sessions().unended(timezone.now()).filter(user__in=users)


def _allow_guesses(user: Any) -> bool:
    had_locks = [services.allow_passwords(user)]
    if user.phone:
        had_locks.append(services.allow_codes(user.phone))
    return any(had_locks)
