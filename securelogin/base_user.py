"""The phone-keyed user, apart from the concrete one, for projects with a user model of their own."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from . import conf, phones
from .exceptions import InvalidPhone


class PhoneField(models.CharField):  # type: ignore[type-arg]
    """A phone number in E.164, ``+`` and at most 15 digits, or None.

    Forms, fixtures and ``full_clean`` read any spelling that ``DEFAULT_REGION`` allows; the database is given nothing
    but the canonical form: any other value is a ``ValueError``, in ``bulk_create`` and in lookups too.
    """

    description = _("Phone number (E.164)")
    default_error_messages = {"invalid_phone": _("Enter a valid phone number.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 16)
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> str | None:
        """Read a number in any spelling; raises ``ValidationError``."""
        if value is None or value == "":
            return None
        if phones.is_canonical(value):
            return str(value)
        try:
            return phones.parse(str(value), conf.current().DEFAULT_REGION)
        except InvalidPhone as error:
            raise ValidationError(self.error_messages["invalid_phone"], code="invalid_phone") from error

    def get_prep_value(self, value: Any) -> str | None:
        """Let canonical E.164 and None through; raises ``ValueError`` for the rest."""
        if value is None or phones.is_canonical(value):
            return value  # type: ignore[no-any-return]
        raise ValueError(f"{self.name} takes E.164 as securelogin.phones.parse() returns it, or None")

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        """Give forms room for spaces and punctuation."""
        field = super().formfield(*args, **{**kwargs, "max_length": phones.MAX_TEXT})
        return field


class LowerCaseEmailField(models.EmailField):  # type: ignore[type-arg]
    """An e-mail address in lower case, or None: unique without an expression index, which MariaDB has not."""

    def to_python(self, value: Any) -> str | None:
        """Lower the case; an empty text is no address."""
        return lower_email(super().to_python(value))

    def get_prep_value(self, value: Any) -> Any:
        """Lower the case of what is written and looked up."""
        return lower_email(super().get_prep_value(value))


def lower_email(value: str | None) -> str | None:
    """Return the address as it is kept, or None for an empty one."""
    return value.lower() or None if isinstance(value, str) else value


class PhoneUserManager(BaseUserManager["AbstractPhoneUser"]):
    """Makes users keyed by phone; without a password theirs is unusable (``!``), never blank."""

    use_in_migrations = True

    def create_user(self, phone: str | None = None, password: str | None = None, **fields: Any) -> AbstractPhoneUser:
        """Make a user; the number may be spelled freely. Raises ``ValidationError`` for a wrong one."""
        user: AbstractPhoneUser = self.model(phone=self.model._meta.get_field("phone").to_python(phone), **fields)
        user.set_password(password or None)
        user.save(using=self._db)
        return user

    def create_superuser(self, phone: str | None, password: str | None = None, **fields: Any) -> AbstractPhoneUser:
        """Make a member of the staff with every permission."""
        return self.create_user(phone, password, **{**fields, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> AbstractPhoneUser:
        """Return the user of a number in any spelling, or of an id where the account has no number.

        Raises the model's ``DoesNotExist``, for a text that is neither too.
        """
        try:
            return self.get(phone=phones.parse(username or "", conf.current().DEFAULT_REGION))
        except InvalidPhone:
            pass
        try:
            return self.get(phone=None, pk=UUID(username or ""))
        except ValueError:
            raise self.model.DoesNotExist from None


def unusable_password() -> str:
    """Return a password that nothing matches (``!`` and random text); it is never blank."""
    return UNUSABLE_PASSWORD_PREFIX + token_urlsafe(30)  # Django's own, of as many characters, costs 20 times as much


class AbstractPhoneUser(AbstractBaseUser, PermissionsMixin):
    """A user keyed by phone. A subclass may take ``username`` or ``email`` away with ``username = None``."""

    password = models.CharField(_("password"), max_length=128, default=unusable_password)
    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    phone = PhoneField(_("phone number"), unique=True, null=True, blank=True)
    username = models.CharField(_("display name"), max_length=150, blank=True)
    email = LowerCaseEmailField(_("email address"), unique=True, null=True, blank=True)
    is_staff = models.BooleanField(
        _("staff status"), default=False, help_text=_("Designates whether the user can log into the admin site.")
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Unselect this instead of deleting accounts: its sessions stop working.")
    )
    date_joined = models.DateTimeField(_("date joined"), default=timezone.now, editable=False)

    objects = PhoneUserManager()

    USERNAME_FIELD = "phone"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        abstract = True
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return phones.mask(self.phone) or str(self.pk)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.pk}>"

    def natural_key(self) -> tuple[str]:
        """Return the number, or the id of an account without one."""
        return (self.phone or str(self.pk),)

    def get_full_name(self) -> str:
        """Return the display name, for Django's admin."""
        return getattr(self, "username", None) or str(self)

    def get_short_name(self) -> str:
        """Return the display name, for Django's admin."""
        return self.get_full_name()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row; a password set by ``set_password`` since it was read ends the user's sessions.

        So does a change in the admin, by ``changepassword`` and by any form of Django's. Opens a transaction.
        """
        # set_password() leaves the raw text here until save() has told the validators.
        is_new_password = getattr(self, "_password", None) is not None and not self._state.adding
        if not is_new_password:
            super().save(*args, **kwargs)
            return
        # The one transaction outside services: every way to a new password passes here (decision 0004).
        with transaction.atomic(using=kwargs.get("using") or router.db_for_write(type(self), instance=self)):  # noqa: TID251
            super().save(*args, **kwargs)
            # The reverse of Session.user, two floors up: a method reached through the instance, not an import.
            getattr(self, "securelogin_sessions").end_all("password", at=timezone.now())  # noqa: B009
