"""simplejwt's own views and authentication beside ours."""

from __future__ import annotations

from functools import partial, wraps
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt import authentication, views

from securelogin.api.authentication import JWTAuthentication
from tests.checks import ids, run

KEY = "0123456789abcdef" * 2
SHARED = {"SIGNING_KEY": KEY, "USER_ID_CLAIM": "sub"}


class OwnObtainView(views.TokenObtainPairView):
    """A login of a project's own, built on simplejwt's."""


class OwnAuthentication(authentication.JWTStatelessUserAuthentication):
    """Authentication of a project's own, built on simplejwt's."""


class StockCall(APIView):
    """A call that takes tokens as simplejwt does."""

    authentication_classes = [OwnAuthentication]


class OurCall(APIView):
    """A call that takes tokens as we do."""

    authentication_classes = [JWTAuthentication]


@api_view(["POST"])
@authentication_classes([authentication.JWTAuthentication])
def stock_function(request: Request) -> Response:
    """Take tokens as simplejwt does."""
    return Response()


def plain_function(request: HttpRequest) -> HttpResponse:
    """Take no token."""
    return HttpResponse()


class PlainView(View):
    """A page."""


def decorated(view: Any) -> Any:
    """Wrap a view, as projects do."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return wrapper


OWN: Any = OwnObtainView.as_view()
OBTAIN = [
    path("token", views.TokenObtainPairView.as_view()),
    path("token", views.token_obtain_sliding),
    path("token", OWN),
    path("token", csrf_exempt(decorated(OWN))),
    path("token", partial(OWN, format=None)),
    path("api/", include([path("v1/", include([re_path(r"^token$", OWN)]))])),
    path("api/", include(([path("token", OWN)], "api"), namespace="api")),
]
OTHERS = [
    path("token", views.TokenRefreshView.as_view()),
    path("token", views.TokenRefreshSlidingView.as_view()),
    path("token", views.TokenVerifyView.as_view()),
    path("token", views.token_blacklist),
]
CALLS = [path("token", StockCall.as_view()), path("token", stock_function)]
GOOD = (
    path("api/auth/", include("securelogin.urls")),
    path("call", OurCall.as_view()),
    path("plain", plain_function),
    path("page", PlainView.as_view()),
)


def found(*patterns: Any, **settings: Any) -> list[CheckMessage]:
    """Run the checks on a project with these routes beside ours."""
    return run(ROOT_URLCONF=(*GOOD, *patterns), **settings)


@pytest.mark.parametrize("pattern", OBTAIN, ids=str)
def test_password_door(pattern: Any) -> None:
    """W073, or E070 with a shared key: a login by password beside ours is found wherever it is, with its route."""
    (message,) = found(pattern)
    assert message.id == "securelogin.W073"
    assert "token" in message.msg
    (message,) = found(pattern, SIMPLE_JWT=SHARED)
    assert message.id == "securelogin.E070"


@pytest.mark.parametrize("pattern", OTHERS, ids=str)
def test_views_with_a_shared_key(pattern: Any) -> None:
    """E070: views that take tokens under our key ask no session; without the key they cannot read them."""
    (message,) = found(pattern, SIMPLE_JWT=SHARED)
    assert message.id == "securelogin.E070"
    assert found(pattern) == []


@pytest.mark.parametrize("pattern", CALLS, ids=str)
def test_calls_with_a_shared_key(pattern: Any) -> None:
    """E071: so do calls authenticated by simplejwt."""
    (message,) = found(pattern, SIMPLE_JWT=SHARED)
    assert message.id == "securelogin.E071"
    assert found(pattern) == []


@pytest.mark.parametrize(
    "stock",
    [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication",
        "tests.checks.test_stock.OwnAuthentication",
        OwnAuthentication,
    ],
)
def test_default_authentication(stock: object) -> None:
    """E071: simplejwt's authentication as the project's default is found once, by name, class or subclass."""
    ours = "securelogin.api.authentication.JWTAuthentication"
    options = {"DEFAULT_AUTHENTICATION_CLASSES": [ours, stock, "nowhere.Authentication"]}
    (message,) = found(path("token", StockCall.as_view()), SIMPLE_JWT=SHARED, REST_FRAMEWORK=options)[:1]
    assert message.id == "securelogin.E071"
    assert "DEFAULT_AUTHENTICATION_CLASSES" in message.msg
    assert found(SIMPLE_JWT={}, REST_FRAMEWORK=options) == []
    assert found(SIMPLE_JWT=SHARED, REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [ours]}) == []


@pytest.mark.parametrize("claim", ["user_id", "uid", None])
def test_claim(claim: str | None) -> None:
    """E072: with a shared key simplejwt has to look for the user where our tokens name it."""
    assert ids(found(SIMPLE_JWT={"SIGNING_KEY": KEY})) == {"E072"}
    assert ids(found(SIMPLE_JWT={"SIGNING_KEY": KEY, "USER_ID_CLAIM": claim})) == {"E072"}
    assert found(SIMPLE_JWT={"USER_ID_CLAIM": claim}) == []


@pytest.mark.parametrize("settings", [None, {}, SHARED])
def test_our_own_routes(settings: dict[str, str] | None) -> None:
    """Our own views, and those that have nothing to do with tokens, are let be."""
    assert found(SIMPLE_JWT=settings) == []


@pytest.mark.parametrize("options", [None, {}, {"DEFAULT_AUTHENTICATION_CLASSES": None}])
def test_without_settings(options: dict[str, None] | None) -> None:
    """A project without routes, or without settings for ``rest_framework``, can be checked."""
    assert run(ROOT_URLCONF=None, SIMPLE_JWT=SHARED, REST_FRAMEWORK=options) == []
