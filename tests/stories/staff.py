"""What staff does: in the admin over HTTP, by commands, and by simplejwt's own hand."""

from __future__ import annotations

from io import StringIO
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

from securelogin.models import Session, User
from securelogin.tokens import RefreshToken


class Staff:
    """A superuser without a number."""

    def __init__(self) -> None:
        self.user: Any = User.objects.create_superuser(None)

    def change(self, pk: UUID, **changes: Any) -> bool:
        """Change a user in the admin's form; False where the form refuses it."""
        user = User.objects.get(pk=pk)
        fields = {"phone": user.phone, "username": user.username, "email": user.email, "is_active": user.is_active}
        data = {name: "on" if value is True else value for name, value in {**fields, **changes}.items() if value}
        return bool(self._post(f"securelogin_user_change/{pk}", data).status_code == 302)

    def delete(self, pk: UUID) -> None:
        """Delete a user in the admin."""
        assert self._post(f"securelogin_user_delete/{pk}", {"post": "yes"}).status_code == 302

    def end_sessions(self, pk: UUID) -> None:
        """End all sessions of a user, by the admin's action."""
        self._act("securelogin_user_changelist", "end_sessions", pk)

    def revoke(self, session: UUID) -> None:
        """End one session, by the admin's action."""
        self._act("securelogin_session_changelist", "revoke", session)

    def allow_guesses(self, pk: UUID) -> None:
        """Allow codes again for a user, by the admin's action."""
        self._act("securelogin_user_changelist", "allow_guesses", pk)

    def _act(self, page: str, action: str, pk: UUID) -> None:
        assert self._post(page, {"action": action, "_selected_action": [str(pk)]}).status_code == 302

    def _post(self, page: str, data: dict[str, Any]) -> Any:
        name, _slash, argument = page.partition("/")
        client = Client()
        client.force_login(self.user)
        return client.post(reverse(f"admin:{name}", args=[argument] if argument else []), data)


def suspend(pk: UUID, *, is_active: bool) -> None:
    """Write ``is_active`` the ORM's way, which ends no session by itself."""
    user = User.objects.get(pk=pk)
    user.is_active = is_active
    user.save()


def revoke_by_command(pk: UUID) -> None:
    """End a user's sessions by the command."""
    call_command("revoke_sessions", user=str(pk), verbosity=0, stdout=StringIO())


def clear() -> None:
    """Run the daily command."""
    call_command("clear_securelogin", verbosity=0, stdout=StringIO())


def flush_expired_tokens() -> None:
    """Run simplejwt's own daily command."""
    call_command("flushexpiredtokens", verbosity=0, stdout=StringIO())


def blacklist(text: str) -> None:
    """End a session as a project that knows simplejwt does."""
    RefreshToken(text).blacklist()  # type: ignore[arg-type]  # a text, as simplejwt takes it


def blacklist_row(session: UUID) -> None:
    """End a session by a row alone, as simplejwt's admin does."""
    BlacklistedToken.objects.get_or_create(token=Session.objects.get(pk=session).token)


def take_off_blacklist(session: UUID) -> None:
    """Delete the row that blacklists a session."""
    BlacklistedToken.objects.filter(token__securelogin_session=session).delete()
