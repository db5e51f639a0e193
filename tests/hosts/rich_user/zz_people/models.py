"""A user model built on ours."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import models
from django.db.models.functions import Lower

from securelogin.base_user import AbstractPhoneUser


class Person(AbstractPhoneUser):
    """Someone with a name that nobody else has, and whose row is read in a way of its own."""

    username = models.CharField(max_length=20, unique=True)
    tastes = models.JSONField(default=dict)
    sort_name = models.GeneratedField(
        expression=Lower("username"), output_field=models.CharField(max_length=20), db_persist=True
    )

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **more: Any) -> Person:
        """Refuse what stands in no table."""
        person = super().from_db(db, field_names, values, **more)
        if not cls._base_manager.using(db).filter(pk=person.pk).exists():
            raise AssertionError("a row that is not there was read")
        return person
