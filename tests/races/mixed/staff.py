"""A member of staff who edits the users and ends their sessions through the admin's pages."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from securelogin.models import Session
from securelogin.phones import E164

from ..bursts import Address, Call
from .traffic import Caller

LIST = 20


@dataclass
class Staff(Caller):
    """Posts the admin's forms with a cookie of Django's own session."""

    users: Mapping[UUID, E164] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    csrf: str = field(default="", repr=False)

    @classmethod
    def hired(cls, address: Address, users: Mapping[UUID, E164], phone: E164) -> Staff:
        """Make a superuser of that number who is logged in."""
        client, csrf = Client(), secrets.token_hex(16)
        boss: Any = get_user_model()._default_manager.create_superuser(phone=phone)
        client.force_login(boss)
        cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={csrf}"
        return cls(address=address, phone=phone, users=users, headers={"Cookie": cookies}, csrf=csrf)

    def act(self) -> None:
        """Do one thing to one of the users."""
        user_id = self.random.choice(list(self.users))
        self.random.choice([self._switch_off_and_on, self._revoke, self._end_all])(user_id)

    def _switch_off_and_on(self, user_id: UUID) -> None:
        path = reverse("admin:securelogin_user_change", args=[user_id])
        form = {"phone": self.users[user_id], "username": "", "email": ""}
        self._post("admin: deactivate", path, form)
        self._post("admin: activate", path, {**form, "is_active": "on"})

    def _revoke(self, user_id: UUID) -> None:
        chosen = Session.objects.filter(user_id=user_id).order_by("-created_at").values_list("pk", flat=True)[:LIST]
        form = {"action": "revoke", "_selected_action": [str(pk) for pk in chosen]}
        self._post("admin: revoke", reverse("admin:securelogin_session_changelist"), form)

    def _end_all(self, user_id: UUID) -> None:
        form = {"action": "end_sessions", "_selected_action": [str(user_id)]}
        self._post("admin: end all", reverse("admin:securelogin_user_changelist"), form)

    def _post(self, name: str, path: str, form: Mapping[str, Any]) -> None:
        self.call(name, Call("POST", path, form={**form, "csrfmiddlewaretoken": self.csrf}, headers=self.headers))
