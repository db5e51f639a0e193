"""A user model built on ours."""

from __future__ import annotations

from django.db import models

from securelogin.base_user import AbstractPhoneUser


class Member(AbstractPhoneUser):
    """Someone known by number only, with an integer for a key and a field that ours does not have."""

    id = models.BigAutoField(primary_key=True)  # type: ignore[assignment]  # the abstract model has a UUID
    username = None  # type: ignore[assignment]
    email = None
    card_number = models.CharField(max_length=12, blank=True)

    EMAIL_FIELD = ""
