"""The forms that staff makes and changes accounts with."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, BaseUserCreationForm, UserChangeForm
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from ..models import EndReason, User
from ..services import endings, tables
from ..services.transactions import in_transaction


@sensitive_variables()
def hash_early(data: Any) -> None:
    """Hash a new user's password before the transaction of the page, and leave the hash with what was posted.

    Django hashes inside: half a second in which on SQLite nobody else could write. What a hasher does not take is left
    to the validators.
    """
    if password := data.get("password1"):
        with suppress(ValueError):
            data.early_hash = (password, make_password(password))


class PhoneUserCreationForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """Make an account from a number in any spelling; without a password its password is unusable, never blank.

    A model without ``phone`` or ``email`` may use it too: what the form has not is not asked for.
    """

    password1 = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave it empty for an account that logs in by code only. Staff needs one to log in here."),
    )
    password2 = forms.CharField(
        label=_("Password confirmation"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = User
        fields = ("phone",)

    def clean(self) -> dict[str, Any] | None:
        """Ask for a number or an e-mail address: nobody could log in to an account that has neither."""
        cleaned = super().clean()
        identifiers = self.fields.keys() & {"phone", "email"}
        if identifiers and not any(self.cleaned_data.get(name) or name in self.errors for name in identifiers):
            raise ValidationError(_("Enter a phone number or an e-mail address."), code="required")
        return cleaned

    def validate_passwords(
        self, password1_field_name: str = "password1", password2_field_name: str = "password2"
    ) -> None:
        """Compare them, also where one is empty."""
        if self.cleaned_data.get(password1_field_name) != self.cleaned_data.get(password2_field_name):
            message = self.error_messages["password_mismatch"]
            self.add_error(password2_field_name, ValidationError(message, code="password_mismatch"))

    @sensitive_variables("password", "known", "encoded")
    def set_password_and_save(self, user: Any, password_field_name: str = "password1", commit: bool = True) -> Any:  # noqa: S107
        """Set the password, an unusable one for an empty text."""
        password = self.cleaned_data[password_field_name] or None
        known, encoded = getattr(self.data, "early_hash", ("", ""))
        is_known = password is not None and constant_time_compare(password, known)
        if is_known and type(user).set_password is AbstractBaseUser.set_password:
            user.password, user._password = encoded, password  # as set_password() does; save() tells the validators
        else:
            user.set_password(password)
        if commit:
            user.save()
        return user


class PhoneUserChangeForm(UserChangeForm):  # type: ignore[type-arg]
    """Change an account; the display name is a text like any other."""

    class Meta(UserChangeForm.Meta):
        model = User
        field_classes: ClassVar[dict[str, Any]] = {}


class PhonePasswordChangeForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Change a password or take it away; both end the user's sessions."""

    def save(self, commit: bool = True) -> Any:
        """Hash the password, then write it and end the sessions in one transaction.

        Raises the model's ``DoesNotExist`` where the user was deleted meanwhile.
        """
        user = super().save(commit=False)
        if commit and not in_transaction(partial(_write_password, user)):
            raise type(user).DoesNotExist("the user was deleted while the password was hashed")
        return user


def _write_password(user: Any) -> bool:
    """Write no other column: the row may have changed since it was read, and half a second of hashing is long."""
    if not tables.lock_user(user.pk):
        return False
    user.save(update_fields=["password"])
    # save() ends them too, but for an unusable password, and when it is run again it has forgotten that one was set.
    endings.end_all_but(user.pk, None, EndReason.PASSWORD, at=timezone.now())
    return True
