"""Texts to phones: the backends that ``SECURELOGIN["SMS"]`` names, the wording, the way to a backend.

Every file here holds one class ``SMSBackend``, but ``base``, which says what a backend is. A provider's SDK is imported
when it is first used. A backend says in ``SMSNotSent`` why it did not send; to log that is for the one who asked it to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Engine, TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from .. import conf
from .base import BaseCodeBackend, BaseSMSBackend, OptionProblem

__all__ = [
    "BaseCodeBackend",
    "BaseSMSBackend",
    "OptionProblem",
    "compose",
    "find_problems",
    "find_router_problems",
    "get_backend",
    "route",
]

DEFAULT_ALIAS = "default"
ROUTER = f'{conf.NAME}["SMS_ROUTER"]'
TEMPLATE = "securelogin/sms/code.txt"

_lock = RLock()  # a backend may ask for another one while it is made
_made: tuple[object, dict[str, BaseSMSBackend]] = (None, {})


def get_backend(alias: str = DEFAULT_ALIAS) -> BaseSMSBackend:
    """Return the backend of an alias of ``SECURELOGIN["SMS"]``.

    There is one instance an alias while the setting stays the same object, so that a provider's connections stay
    open. Raises ``ImproperlyConfigured`` where the alias is unknown or its class cannot be had.
    """
    global _made
    configured = conf.current().SMS
    with _lock:
        if _made[0] is not configured:
            _made = (configured, {})
        backends = _made[1]
        if alias not in backends:
            backend_class, options = _find(alias, configured)
            backends[alias] = _make(backend_class, alias, options)
        return backends[alias]


def find_problems(alias: str) -> list[OptionProblem]:
    """Name what is wrong with an alias of ``SECURELOGIN["SMS"]``, for a system check: no network, no SDK."""
    try:
        backend_class, options = _find(alias, conf.current().SMS)
    except ImproperlyConfigured as error:
        return [OptionProblem(str(error), 'An entry is {"BACKEND": "dotted.path.of.SMSBackend", "OPTIONS": {…}}.')]
    return [
        OptionProblem(f"{_name(alias)}: {problem.message}", problem.hint)
        for problem in backend_class.check_options(options)
    ]


def route(phone: str) -> str:
    """Return the alias that a number (E.164) is sent through: what ``SMS_ROUTER`` says, else ``"default"``.

    Raises ``ImproperlyConfigured`` where the router cannot be had or names no alias.
    """
    router = _find_router()
    if router is None:
        return DEFAULT_ALIAS
    alias = router(phone)
    if not isinstance(alias, str):
        raise ImproperlyConfigured(f"{ROUTER} returned {type(alias).__name__}, not an alias.")
    return alias


def find_router_problems() -> list[OptionProblem]:
    """Name what is wrong with ``SMS_ROUTER``, or with having none, for a system check."""
    try:
        router = _find_router()
    except ImproperlyConfigured as error:
        return [OptionProblem(str(error), "It takes the dotted path of a callable: number (E.164) to alias.")]
    if router is None and DEFAULT_ALIAS not in conf.current().SMS:
        return [
            OptionProblem(f'{conf.NAME}["SMS"] has no alias {DEFAULT_ALIAS!r}.', f"Add it, or name others by {ROUTER}.")
        ]
    return []


@sensitive_variables()
def compose(code: str) -> str:
    """Return the text that carries a code, in the active language.

    It is the template ``securelogin/sms/code.txt``, which gets ``code``. Where ``SMS_ORIGIN`` is set, the last line is
    ``@host #code``, by which a phone offers the code to that site only (WICG, Origin-bound one-time codes delivered
    via SMS, section 3). The host is never the request's: who asks chooses that.
    """
    text = str(_render({"code": code})).strip()
    origin = conf.current().SMS_ORIGIN
    return f"{text}\n\n@{origin} #{code}" if origin else text


def _render(context: dict[str, Any]) -> str:
    try:
        template = get_template(TEMPLATE)
    except TemplateDoesNotExist:
        return _engine().get_template(TEMPLATE).render(Context(context))
    return template.render(context)


@cache
def _engine() -> Engine:
    """Return an engine for projects whose ``TEMPLATES`` do not reach into apps, or are empty."""
    return Engine(
        dirs=[str(Path(__file__).resolve().parent.parent / "templates")],
        libraries={"i18n": "django.templatetags.i18n"},
    )


def _find(alias: str, configured: Mapping[str, Mapping[str, Any]]) -> tuple[type[BaseSMSBackend], dict[str, Any]]:
    if alias not in configured:
        raise ImproperlyConfigured(f'{conf.NAME}["SMS"] has no alias {alias!r}.')
    entry = configured[alias]
    name = _name(alias)
    if unknown := set(entry) - {"BACKEND", "OPTIONS"}:
        raise ImproperlyConfigured(f"{name} has no key {', '.join(sorted(map(repr, unknown)))}.")
    if not isinstance(entry.get("BACKEND"), str):
        raise ImproperlyConfigured(f'{name}["BACKEND"] is not a dotted path.')
    options = entry.get("OPTIONS", {})
    if not (isinstance(options, Mapping) and all(isinstance(key, str) for key in options)):
        raise ImproperlyConfigured(f'{name}["OPTIONS"] is not a dict of names.')
    backend_class = _import(entry["BACKEND"], f'{name}["BACKEND"]')
    if not (isinstance(backend_class, type) and issubclass(backend_class, BaseSMSBackend)):
        raise ImproperlyConfigured(f'{name}["BACKEND"] is no subclass of securelogin.sms.base.BaseSMSBackend.')
    return backend_class, dict(options)


def _find_router() -> Callable[[str], object] | None:
    path = conf.current().SMS_ROUTER
    if path is None:
        return None
    router = _import(path, ROUTER)
    if not callable(router):
        raise ImproperlyConfigured(f"{ROUTER} is not a callable.")
    return router


def _make(backend_class: type[BaseSMSBackend], alias: str, options: dict[str, Any]) -> BaseSMSBackend:
    try:
        return backend_class(alias, **options)
    except TypeError as error:  # an abstract class, or a constructor with other arguments
        raise ImproperlyConfigured(f"{_name(alias)} cannot be made: {error}") from error


def _import(path: str, name: str) -> object:
    try:
        return import_string(path)
    except (ImportError, TypeError, ValueError) as error:  # the latter two for a path that begins with a dot
        raise ImproperlyConfigured(f"{name} cannot be imported: {error}") from error


def _name(alias: str) -> str:
    return f'{conf.NAME}["SMS"][{alias!r}]'
