"""What comes in and goes out; serializers parse and never act."""

from __future__ import annotations

from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.utils.formatting import lazy_format

from .. import codes, conf, phones
from ..addresses import MAX_DEVICE
from ..exceptions import InvalidPhone, UnsupportedAuthType
from ..models import Session
from ..phones import E164
from ..services.tables import has_field

MAX_PASSWORD = 1024
"""Characters; a hasher's time grows with them."""


class TextField(serializers.CharField):
    """Text and nothing else: DRF's own field takes numbers too."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is not a string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class PhoneField(serializers.Field[E164, Any, str, Any]):
    """A phone number in E.164 or, with ``DEFAULT_REGION``, in national form."""

    default_error_messages = {"invalid": _("Enter a valid phone number.")}

    def to_internal_value(self, data: Any) -> E164:
        """Parse the number."""
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return phones.parse(data, conf.current().DEFAULT_REGION)
        except InvalidPhone:
            self.fail("invalid")

    def to_representation(self, value: E164) -> str:
        """Answer E.164."""
        return value


class EmailField(serializers.EmailField):
    """An e-mail address in lower case, as it is kept; lowering can lengthen it, so it comes before the check."""

    def to_internal_value(self, data: Any) -> str:
        """Lower the case."""
        return str(super().to_internal_value(data)).lower()


class CodeField(serializers.Field[str, Any, str, Any]):
    """The six digits, or an integer that lost its leading zeros; anything else becomes ``""``, which is no code."""

    def run_validation(self, data: Any = empty) -> str:
        """Take ``null`` for what it is: not a code."""
        return "" if data is None else super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        """Return the digits or ``""``."""
        length = conf.current().CODE_LENGTH
        if isinstance(data, int) and not isinstance(data, bool) and 0 <= data < 10 ** (length + codes.LONGER):
            return codes.spell(data, length)
        return data if isinstance(data, str) and codes.is_guess(data, length) else ""


def translate_each_time(serializer: serializers.Serializer[Any]) -> None:
    """Let errors of length speak each caller's language; DRF's keep the one that they were first told in."""
    for field in serializer.fields.values():
        for validator in field.validators:
            text = getattr(validator, "message", None)
            if isinstance(text, lazy_format):
                setattr(validator, "message", format_lazy(text.format_string or "", *text.args, **text.kwargs))  # noqa: B010 - its type names no message


class AuthTypeSerializer(serializers.Serializer[Any]):
    """Which way in the client means."""

    auth_type = TextField(max_length=32)

    def validate_auth_type(self, value: str) -> str:
        """Raise ``UnsupportedAuthType`` for a word that is not in ``AUTH_TYPES``."""
        if value not in conf.current().AUTH_TYPES:
            raise UnsupportedAuthType("unknown auth_type")
        return value


class RegisterPhoneSerializer(serializers.Serializer[Any]):
    """``register`` with a number."""

    username = TextField(max_length=150, default="")
    phone = PhoneField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _require_username(self.fields["username"])


class RegisterPasswordSerializer(serializers.Serializer[Any]):
    """``register`` with e-mail and password."""

    username = TextField(max_length=150, default="")
    email = EmailField(max_length=254)
    password = TextField(max_length=MAX_PASSWORD, trim_whitespace=False)
    device = TextField(max_length=MAX_DEVICE, allow_blank=True, default="")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _require_username(self.fields["username"])


def _require_username(field: Any) -> None:
    """Ask for the name only where the user model keeps one."""
    if has_field("username"):
        field.required, field.default = True, empty


class LoginPhoneSerializer(serializers.Serializer[Any]):
    """``login`` with a number."""

    phone = PhoneField()
    device_token = TextField(max_length=512, allow_null=True, allow_blank=True, default=None)


class LoginPasswordSerializer(serializers.Serializer[Any]):
    """``login`` with a password and one of e-mail and number."""

    email = TextField(max_length=254, allow_null=True, default=None)
    phone = PhoneField(allow_null=True, default=None)
    password = TextField(max_length=MAX_PASSWORD, trim_whitespace=False)
    device = TextField(max_length=MAX_DEVICE, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for just one identifier."""
        if bool(attrs["email"]) == bool(attrs["phone"]):
            raise serializers.ValidationError({"email": [_("Give either email or phone.")]})
        return attrs


class VerifySerializer(serializers.Serializer[Any]):
    """``verify_sms``."""

    userid = serializers.CharField(max_length=255)
    phone = PhoneField()
    token = CodeField()
    device_token = TextField(max_length=512, allow_null=True, allow_blank=True, default=None)
    device = TextField(max_length=MAX_DEVICE, allow_blank=True, default="")


class RefreshTokenSerializer(serializers.Serializer[Any]):
    """A refresh token in the body, where the header has none or has the access token."""

    refresh_token = TextField(max_length=4096, allow_null=True, allow_blank=True, default=None)


class PasswordSerializer(serializers.Serializer[Any]):
    """``password``."""

    oldpassword = TextField(max_length=MAX_PASSWORD, trim_whitespace=False)
    newpassword = TextField(max_length=MAX_PASSWORD, trim_whitespace=False)


class SessionSerializer(serializers.ModelSerializer[Session]):
    """A live session as its own user sees it: a name, no credential."""

    last_used_at = serializers.DateTimeField(source="rotated_at")
    current = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = (
            "id",
            "created_at",
            "last_used_at",
            "expires_at",
            "ip_address",
            "user_agent",
            "device",
            "current",
        )
        read_only_fields = fields

    def get_current(self, session: Session) -> bool:
        """Whether it is the session of the call."""
        return bool(session.pk == self.context["session_id"])
