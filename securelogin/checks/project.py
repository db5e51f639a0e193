"""The project around us: its apps, its user model, its clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import timezone

from ..base_user import LowerCaseEmailField, PhoneField
from ..conf import NAME, Conf

REQUIRED_APPS = {
    "django.contrib.contenttypes": "permissions",
    "django.contrib.auth": "users",
    "rest_framework_simplejwt.token_blacklist": "sessions",
}
"""What an app is needed for."""

USER_HINT = (
    'Set AUTH_USER_MODEL = "securelogin.User", or to a model of yours that is built on '
    "securelogin.base_user.AbstractPhoneUser."
)


def check_apps() -> Iterator[CheckMessage]:
    """Report apps that are missing, by the line to add."""
    for name, need in REQUIRED_APPS.items():
        if not apps.is_installed(name):
            yield Error(
                f"{name} is not installed: there are no {need} without it.",
                hint=f'Add the line "{name}", to INSTALLED_APPS, and run migrate.',
                id="securelogin.E040",
            )
    if not apps.is_installed("rest_framework"):
        yield CheckWarning(
            "rest_framework is not installed: its templates and translations are not found.",
            hint='Add the line "rest_framework", to INSTALLED_APPS.',
            id="securelogin.W041",
        )


def check_user(conf: Conf, user: type[models.Model]) -> Iterator[CheckMessage]:
    """Report a user model that phone login cannot work with."""
    phone = _find_field(user, getattr(user, "USERNAME_FIELD", ""))
    if not isinstance(phone, PhoneField):
        yield Error(f"{user._meta.label} is not a user keyed by phone.", hint=USER_HINT, id="securelogin.E045")
    else:
        yield from _check_phone(user, phone)
    yield from _check_table(user)
    if _find_field(user, "is_active") is None:
        yield Error(
            f"{user._meta.label} has no field is_active, so no account could be closed.",
            hint="Add is_active = models.BooleanField(default=True).",
            id="securelogin.E048",
        )
    if "PASSWORD" in conf.AUTH_TYPES:
        yield from _check_email(user, _find_field(user, "email"))


def _check_table(user: type[models.Model]) -> Iterator[CheckMessage]:
    """Report users that are not just the rows of one table, which is what we read and lock."""
    if type(user._base_manager) is not models.Manager:
        yield Error(
            f"{user._meta.label} has a base manager of its own, which is not asked: whom it hides is logged in.",
            hint="Take base_manager_name out of its Meta, and shut accounts out with is_active; or silence this where "
            "it hides nobody.",
            id="securelogin.E044",
        )
    if len({field.model for field in user._meta.concrete_fields}) > 1:
        yield Error(
            f"{user._meta.label} is spread over several tables.",
            hint="Make the model it inherits from abstract.",
            id="securelogin.E039",
        )


def _check_phone(user: type[models.Model], phone: models.Field[Any, Any]) -> Iterator[CheckMessage]:
    label = f"{user._meta.label}.{phone.name}"
    if not _is_unique(user, phone):
        yield Error(
            f"{label} is not unique.",
            hint="Add unique=True: two first logins of one number would make two accounts.",
            id="securelogin.E046",
        )
    if not phone.null:
        yield Error(
            f"{label} cannot be null.",
            hint="Add null=True: a closed account has no number, nor has one that registered by e-mail.",
            id="securelogin.E047",
        )


def _check_email(user: type[models.Model], email: models.Field[Any, Any] | None) -> Iterator[CheckMessage]:
    """Report an address that may be that of several accounts: of two, the first one found is logged in to.

    The case is a warning: a host's collation or its own ``save()`` may see to it.
    """
    label = f"{user._meta.label}.email"
    if email is None:
        yield CheckWarning(
            f"{NAME}['AUTH_TYPES'] offers passwords, but {user._meta.label} has no field email.",
            hint='Nobody can register with a password. Add the field, or take "PASSWORD" out.',
            id="securelogin.W049",
        )
        return
    if not _is_unique(user, email):
        yield Error(
            f"{label} is not unique.",
            hint="Add unique=True and null=True: two registrations of one address would make two accounts.",
            id="securelogin.E042",
        )
    if not isinstance(email, LowerCaseEmailField):
        yield CheckWarning(
            f"{label} keeps capital letters, and passwords are asked for by the address in lower case.",
            hint="Make it a securelogin.base_user.LowerCaseEmailField, or whoever has capitals in theirs may register "
            "a second account and not log in to the first.",
            id="securelogin.W043",
        )


def _is_unique(user: type[models.Model], field: models.Field[Any, Any]) -> bool:
    return field.unique or (field.name,) in [each.fields for each in user._meta.total_unique_constraints]


def _find_field(model: type[models.Model], name: str) -> models.Field[Any, Any] | None:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field if isinstance(field, models.Field) else None


def check_clock() -> Iterator[CheckMessage]:
    """Report times without a zone where clocks are put back: that hour comes twice, and a code of it lives on."""
    if settings.USE_TZ:
        return
    zone, year = timezone.get_default_timezone(), timezone.now().year
    if len({datetime(year, month, 1, tzinfo=zone).utcoffset() for month in range(1, 13)}) > 1:
        yield CheckWarning(
            "USE_TZ is off, and the clocks of TIME_ZONE change: when they are put back, codes, limits and tokens live "
            "an hour longer.",
            hint='Set USE_TZ = True, or TIME_ZONE = "UTC".',
            id="securelogin.W085",
        )
