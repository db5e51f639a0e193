"""Rows for tests, made the way the app makes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

import factory
from django.conf import settings
from django.utils import timezone
from factory.django import DjangoModelFactory
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from securelogin import conf
from securelogin.models import Session, User
from securelogin.tokens import TokenPair, issue_pair

Row = TypeVar("Row")


class Maker(Protocol[Row]):
    """What tests use of a factory; factory-boy's own types take its call for one more factory."""

    def __call__(self, **fields: Any) -> Row:
        """Make a row."""

    def create(self, **fields: Any) -> Row:
        """Make a row, too."""

    def create_batch(self, size: int, **fields: Any) -> list[Row]:
        """Make several."""


class _UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = settings.AUTH_USER_MODEL

    phone = factory.Sequence(lambda n: f"+1212{2_000_000 + n * 10_001 % 8_000_000}")
    password = None

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> User:
        user: User = model_class._default_manager.create_user(*args, **kwargs)
        return user


UserFactory = cast("Maker[User]", _UserFactory)
"""A user whose number is in a range of its own; ``password`` (None: unusable) is given in clear."""


class _SessionFactory(DjangoModelFactory[Session]):
    class Meta:
        model = Session

    user = factory.SubFactory(_UserFactory)
    created_at = factory.LazyFunction(timezone.now)
    rotated_at = factory.SelfAttribute("created_at")
    expires_at = factory.LazyAttribute(lambda row: row.created_at + conf.current().SESSION_LIFETIME)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Session:
        session: Session = model_class.objects.open(*args, **kwargs)
        session.token = OutstandingToken.objects.using(session._state.db).get(jti=str(session.pk))
        return session


SessionFactory = cast("Maker[Session]", _SessionFactory)
"""A live session with the outstanding token that backs it."""


def tokens_of(session: Session, *, is_fresh: bool = True, at: datetime | None = None) -> TokenPair:
    """Return the tokens of a session's current generation, as a login at that moment (default: now) issues them."""
    at = at or timezone.now()
    return issue_pair(
        user_id=str(session.user_id),
        session_id=session.id,
        session_end=session.expires_at,
        generation=session.generation,
        auth_time=int(at.timestamp()),
        amr=["otp", "sms"],
        is_fresh=is_fresh,
        at=at,
    )
