"""The concrete user, for projects without one of their own."""

from __future__ import annotations

from ..base_user import AbstractPhoneUser


class User(AbstractPhoneUser):
    """A user keyed by phone; ``AUTH_USER_MODEL = "securelogin.User"``."""

    class Meta(AbstractPhoneUser.Meta):
        swappable = "AUTH_USER_MODEL"
