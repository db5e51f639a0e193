"""The project around us: apps, user model, clock, keys."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps, modify_settings

from securelogin.base_user import AbstractPhoneUser, LowerCaseEmailField, PhoneField, PhoneUserManager
from securelogin.checks import project
from securelogin.conf import Conf
from securelogin.models import User
from tests.checks import ids, run

SECRET = "0123456789abcdef" * 4
OTHER_SECRET = "fedcba9876543210" * 4
THIRD_SECRET = SECRET + OTHER_SECRET
SHARED = {"SIGNING_KEY": SECRET, "USER_ID_CLAIM": "sub"}
PEM = serialization.Encoding.PEM


def pair(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> dict[str, str]:
    """Return both keys as PEM text."""
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"SIGNING_KEY": private.decode(), "VERIFYING_KEY": public.decode(), "USER_ID_CLAIM": "sub"}


EC_PAIR = pair(ec.generate_private_key(ec.SECP256R1()))
OTHER_EC_PAIR = pair(ec.generate_private_key(ec.SECP256R1()))
RSA_PAIR = pair(rsa.generate_private_key(public_exponent=65537, key_size=2048))


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        ("django.contrib.contenttypes", "E040"),
        ("django.contrib.auth", "E040"),
        ("rest_framework_simplejwt.token_blacklist", "E040"),
        ("rest_framework", "W041"),
    ],
)
def test_missing_app(app: str, expected: str) -> None:
    """A missing app is told by the line to add."""
    assert apps.is_installed(app)
    with modify_settings(INSTALLED_APPS={"remove": [app]}):
        (message,) = project.check_apps()
    assert message.id == f"securelogin.{expected}"
    assert f'"{app}",' in str(message.hint)
    assert not list(project.check_apps())


@pytest.mark.parametrize("settings", [{"ALGORITHM": "ES256", **EC_PAIR}, {"ALGORITHM": "RS256", **RSA_PAIR}])
def test_pairs(settings: dict[str, Any]) -> None:
    """A pair of keys that fits is let be."""
    assert run(SIMPLE_JWT=settings) == []


@pytest.mark.parametrize(
    ("expected", "settings"),
    [
        ({"E060"}, {"ALGORITHM": "none"}),
        ({"E060"}, {"ALGORITHM": "hs256"}),
        ({"E060"}, {"ALGORITHM": None}),
        ({"E060"}, {"ALGORITHM": ["HS256"]}),
        ({"E062"}, {"ALGORITHM": "RS256"}),
        ({"E062"}, {"ALGORITHM": "ES256", **EC_PAIR, "VERIFYING_KEY": ""}),
        ({"E062"}, {"ALGORITHM": "ES256", "VERIFYING_KEY": EC_PAIR["VERIFYING_KEY"]}),
        ({"E063"}, {**SHARED, "SIGNING_KEY": SECRET[:31]}),
        ({"E063"}, {**SHARED, "SIGNING_KEY": SECRET[:47], "ALGORITHM": "HS384"}),
        ({"E063"}, {**SHARED, "SIGNING_KEY": SECRET[:63], "ALGORITHM": "HS512"}),
        ({"E065"}, {"ALGORITHM": "ES256", **EC_PAIR, "VERIFYING_KEY": OTHER_EC_PAIR["VERIFYING_KEY"]}),
        ({"E065"}, {"ALGORITHM": "RS256", **EC_PAIR}),
        ({"E065"}, {"ALGORITHM": "RS256", **RSA_PAIR, "SIGNING_KEY": "no key"}),
        ({"E065"}, {**SHARED, "SIGNING_KEY": EC_PAIR["SIGNING_KEY"]}),
        ({"E065"}, {"AUDIENCE": 5}),
        ({"E066"}, {"JTI_CLAIM": "id"}),
        ({"W067"}, {"ACCESS_TOKEN_LIFETIME": Conf().ACCESS_TOKEN_LIFETIME}),
        ({"W067"}, {"REFRESH_TOKEN_LIFETIME": Conf().REFRESH_TOKEN_LIFETIME}),
        ({"E068"}, {**SHARED, "SIGNING_KEY": "django-insecure-" + SECRET}),
        ({"E068"}, {**SHARED, "SIGNING_KEY": b"django-insecure-" + SECRET.encode()}),
    ],
)
def test_keys(expected: set[str], settings: dict[str, Any]) -> None:
    """Keys and claims that are weak or cannot work are found, and no message quotes one."""
    messages = run(SIMPLE_JWT=settings)
    assert ids(messages) == expected
    key = settings.get("SIGNING_KEY") or SECRET
    assert str(key) not in "".join(f"{message.msg}{message.hint}" for message in messages)


@pytest.mark.parametrize(
    "settings",
    [
        None,
        {},
        {"ALGORITHM": "HS256", "AUDIENCE": "app", "ISSUER": "us", "JTI_CLAIM": "jti"},
        {"SIGNING_KEY": ""},
        {**SHARED, "SIGNING_KEY": SECRET[:32]},
        {**SHARED, "SIGNING_KEY": SECRET[:48].encode(), "ALGORITHM": "HS384"},
        {**SHARED, "ALGORITHM": "HS512", "AUDIENCE": ["app", "web"]},
    ],
)
def test_good_keys(settings: dict[str, Any] | None) -> None:
    """Keys that are long enough, and those that are left to us, are let be."""
    assert run(SIMPLE_JWT=settings) == []


def test_secret_key_as_signing_key() -> None:
    """E064: the signing key is neither ``SECRET_KEY`` nor one of its fallbacks, as text or bytes."""
    with override_settings(SECRET_KEY=SECRET, SECRET_KEY_FALLBACKS=[OTHER_SECRET]):
        for key in (SECRET, SECRET.encode(), OTHER_SECRET):
            assert ids(run(SIMPLE_JWT={**SHARED, "SIGNING_KEY": key})) == {"E064"}
        assert run(SIMPLE_JWT={**SHARED, "SIGNING_KEY": THIRD_SECRET}) == []


def test_pair_without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    """E061: an algorithm with a pair of keys needs a package that others do without."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert ids(run(SIMPLE_JWT={"ALGORITHM": "ES256", **EC_PAIR})) == {"E061"}
    assert run(SIMPLE_JWT=SHARED) == []


@isolate_apps("tests.checks")
def test_users() -> None:
    """E039 to W049: a user model is one table, keyed by a unique, nullable phone, and can be closed."""

    class NoPhone(AbstractUser):
        class Meta:
            app_label = "checks"

    class TextPhone(AbstractBaseUser):
        phone = models.CharField(max_length=16, unique=True, null=True)  # noqa: DJ001 - the mistake
        is_active = models.BooleanField(default=True)
        USERNAME_FIELD = "phone"

        class Meta:
            app_label = "checks"

    class Bare(AbstractBaseUser):
        number = PhoneField()
        USERNAME_FIELD = "number"

        class Meta:
            app_label = "checks"

    class Constrained(AbstractBaseUser):
        number = PhoneField(null=True)
        is_active = models.BooleanField(default=True)
        USERNAME_FIELD = "number"

        class Meta:
            app_label = "checks"
            constraints = [models.UniqueConstraint(fields=["number"], name="checks_number")]

    class Member(AbstractPhoneUser):
        username = None  # type: ignore[assignment]
        email = None

        class Meta:
            app_label = "checks"

    class Hidden(AbstractPhoneUser):
        objects = PhoneUserManager()

        class Meta:
            app_label = "checks"
            base_manager_name = "objects"

    class Parent(AbstractPhoneUser):
        class Meta:
            app_label = "checks"

    class Child(Parent):
        class Meta:
            app_label = "checks"

    def found(user: type[models.Model], *auth_types: str) -> set[str]:
        messages = list(project.check_user(Conf(AUTH_TYPES=("PHONE", *auth_types)), user))
        assert all(message.hint and user.__name__ in message.msg for message in messages)
        return ids(messages)

    assert found(NoPhone) == found(TextPhone) == {"E045"}
    assert found(Bare) == {"E046", "E047", "E048"}
    assert (found(Hidden), found(Child)) == ({"E044"}, {"E039"})
    assert found(Member, "PASSWORD") == found(Constrained, "PASSWORD") == {"W049"}
    assert found(Parent) == found(Constrained) == found(Member) == found(User, "PASSWORD") == set()


@isolate_apps("tests.checks")
def test_addresses_of_users() -> None:
    """E042, W043: where passwords are offered one address is one account, however its letters are written."""

    class Loose(AbstractPhoneUser):
        email = models.EmailField(blank=True)

        class Meta:
            app_label = "checks"

    class Capital(AbstractPhoneUser):
        email = models.EmailField(unique=True, null=True)  # noqa: DJ001 - as ours

        class Meta:
            app_label = "checks"

    class Shared(AbstractPhoneUser):
        email = LowerCaseEmailField(null=True)

        class Meta:
            app_label = "checks"

    class Constrained(AbstractPhoneUser):
        email = LowerCaseEmailField(null=True)

        class Meta:
            app_label = "checks"
            constraints = [models.UniqueConstraint(fields=["email"], name="checks_email")]

    def found(user: type[models.Model], *auth_types: str) -> set[str]:
        messages = list(project.check_user(Conf(AUTH_TYPES=("PHONE", *auth_types)), user))
        assert all(message.hint and f"{user.__name__}.email" in message.msg for message in messages)
        return ids(messages)

    assert found(Loose, "PASSWORD") == {"E042", "W043"}
    assert found(Capital, "PASSWORD") == {"W043"}
    assert found(Shared, "PASSWORD") == {"E042"}
    assert found(Constrained, "PASSWORD") == found(User, "PASSWORD") == set()
    assert found(Loose) == found(Capital) == found(Shared) == set()


def test_clock() -> None:
    """W085: times without a zone are let be where clocks never change."""
    with override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin"):
        assert ids(list(project.check_clock())) == {"W085"}
    for settings in ({"USE_TZ": True, "TIME_ZONE": "Europe/Berlin"}, {"USE_TZ": False, "TIME_ZONE": "Asia/Tokyo"}):
        with override_settings(**settings):
            assert not list(project.check_clock())
