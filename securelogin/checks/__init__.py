"""System checks: what cannot work or is unsafe at any site is an error, what is right in a demo a ``--deploy`` warning.

Every message has a stable id and a hint; ``docs/reference/checks.md`` lists them. No check asks a database, but for
``check_servers`` and ``check_clearing``, and those only where they are given databases (``check --database default``;
the first by ``migrate`` too).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.checks import CheckMessage

from .. import conf
from . import bounds, deployment, limits, project, regions, signing, sms, stock
from . import databases as tables

TAG = "securelogin"


def register() -> None:
    """Register the checks, as ``apps.ready()`` does. To do it twice is to do it once."""
    checks.register(check_settings, TAG)
    checks.register(check_project, TAG)
    checks.register(check_deployment, TAG, deploy=True)
    # Not under our tag: ``check --tag securelogin`` is to connect to nothing.
    checks.register(check_servers, checks.Tags.database)
    checks.register(check_clearing, checks.Tags.database, deploy=True)


def check_settings(**_options: Any) -> list[CheckMessage]:
    """Check the dict ``SECURELOGIN``. A key that cannot be read is reported and counts with its default."""
    options, problems = _read()
    messages = [
        *bounds.check_readable(problems),
        *bounds.check_bounds(options),
        *bounds.check_lifetimes(options),
        *bounds.check_cache(options),
        *limits.check_notations(options),
        *limits.check_storage(options),
        *regions.check_regions(options),
        *sms.check_aliases(options),
        *sms.check_origin(options),
    ]
    if not problems:  # the backends read the settings themselves, and refuse such
        messages += [*sms.check_router(), *sms.check_backends(options)]
    return messages


def check_project(**_options: Any) -> list[CheckMessage]:
    """Check the project around us: apps, user model, keys, simplejwt's own views, databases."""
    options, _problems = _read()
    return [
        *project.check_apps(),
        *project.check_user(options, get_user_model()),
        *project.check_clock(),
        *signing.check_signing(),
        *stock.check_stock(),
        *tables.check_routing(),
        *tables.check_connection(),
    ]


def check_deployment(**_options: Any) -> list[CheckMessage]:
    """Check what should not face the internet: ``check --deploy``."""
    options, problems = _read()
    messages = [
        *deployment.check_policies(options),
        *deployment.check_budgets(options),
        *deployment.check_limits(options),
        *deployment.check_cache(options),
    ]
    if not problems:
        messages += deployment.check_backends(options)
    return messages


def check_servers(databases: Sequence[str] | None = None, **_options: Any) -> list[CheckMessage]:
    """Check the version of the server that our tables are on; connects to it where it is among ``databases``."""
    return list(tables.check_servers(databases or ()))


def check_clearing(databases: Sequence[str] | None = None, **_options: Any) -> list[CheckMessage]:
    """Check that the daily job runs; asks the database of our tables where it is among ``databases``."""
    return list(deployment.check_clearing(databases or ()))


def _read() -> tuple[conf.Conf, list[conf.Problem]]:
    return conf.read(getattr(settings, conf.NAME, None))
