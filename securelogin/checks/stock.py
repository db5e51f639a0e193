"""simplejwt's own views and classes beside ours: doors into accounts, and with a shared key into sessions.

simplejwt is recognised by the names of its modules: only ``tokens``, ``models`` and ``api`` import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from . import signing

VIEWS = "rest_framework_simplejwt.views"
AUTHENTICATION = "rest_framework_simplejwt.authentication"
OBTAIN_VIEWS = frozenset({"TokenObtainPairView", "TokenObtainSlidingView"})

SHARED = "Or take SIGNING_KEY out of SIMPLE_JWT: our key is then derived, and stock classes cannot read our tokens."


def check_stock() -> Iterator[CheckMessage]:
    """Report what would do harm, all of it where the key is shared, and a password door in any case."""
    views = list(_views(get_resolver().url_patterns)) if getattr(settings, "ROOT_URLCONF", None) else []
    if not signing.read_options().get("SIGNING_KEY"):
        yield from _check_doors(views)
        return
    yield from _check_views(views)
    yield from _check_authentication(views)
    yield from _check_claim()


def _check_doors(views: Iterable[tuple[str, type]]) -> Iterator[CheckMessage]:
    for route, view in views:
        if any(base.__name__ in OBTAIN_VIEWS for base in _bases(view, VIEWS)):
            yield CheckWarning(
                f"The route {route!r} ({view.__name__}) logs in by password as simplejwt does, without our limits.",
                hint='Take it out; where passwords are wanted, add "PASSWORD" to AUTH_TYPES.',
                id="securelogin.W073",
            )


def _check_views(views: Iterable[tuple[str, type]]) -> Iterator[CheckMessage]:
    for route, view in views:
        if _bases(view, VIEWS):
            yield Error(
                f"The route {route!r} ({view.__name__}) takes or makes tokens under our key as simplejwt does, "
                "without asking a session.",
                hint=f"Take it out: securelogin.urls has the routes for it. {SHARED}",
                id="securelogin.E070",
            )


def _check_authentication(views: Iterable[tuple[str, type]]) -> Iterator[CheckMessage]:
    default = [_import(each) for each in _default_classes()]
    places = [("REST_FRAMEWORK['DEFAULT_AUTHENTICATION_CLASSES']", default)]
    for route, view in views:
        own = [each for each in getattr(view, "authentication_classes", ()) if each not in default]
        places.append((f"The route {route!r}", own))
    for place, classes in places:
        for each in classes:
            if isinstance(each, type) and _bases(each, AUTHENTICATION):
                yield Error(
                    f"{place} uses simplejwt's {each.__name__}, which lets tokens of ended sessions in.",
                    hint=f"Use securelogin.api.authentication.JWTAuthentication. {SHARED}",
                    id="securelogin.E071",
                )


def _check_claim() -> Iterator[CheckMessage]:
    if signing.read_options().get("USER_ID_CLAIM", "user_id") != "sub":
        yield Error(
            "SIMPLE_JWT['SIGNING_KEY'] is set, but SIMPLE_JWT['USER_ID_CLAIM'] is not 'sub'.",
            hint=f'Add "USER_ID_CLAIM": "sub", which is where our tokens name the user. {SHARED}',
            id="securelogin.E072",
        )


def _views(patterns: Iterable[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, type]]:
    """Yield every route of the project that a class answers, with the class."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and (view := _class_of(pattern.callback)):
            yield route, view


def _class_of(callback: Any) -> type | None:
    while isinstance(callback, partial):
        callback = callback.func
    view = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    return view if isinstance(view, type) else None


def _bases(found: type, module: str) -> list[type]:
    """Return the classes of that module that it is, or is built on."""
    return [base for base in found.__mro__ if base.__module__ == module]


def _default_classes() -> Iterable[object]:
    options = getattr(settings, "REST_FRAMEWORK", None)
    return options.get("DEFAULT_AUTHENTICATION_CLASSES") or () if isinstance(options, Mapping) else ()


def _import(found: object) -> object:
    try:
        return import_string(found) if isinstance(found, str) else found
    except ImportError:  # rest_framework says so itself, with the first call
        return None
