"""The app's configuration."""

from typing import Any
from weakref import ReferenceType

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _

UID = "update_last_login"
"""Django's name for the receiver that writes ``last_login``."""


class SecureLoginConfig(AppConfig):
    """Phone login. To load it asks no database, and imports no provider's SDK, no ``limits`` and no PyJWT."""

    name = "securelogin"
    verbose_name = _("Phone login")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and take the place of Django's receiver that writes ``last_login`` (0012)."""
        from django.contrib.auth import get_user_model
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_delete, post_save

        from . import checks, remembered

        checks.register()
        for model in filter(lambda model: issubclass(model, get_user_model()), apps.get_models()):
            post_save.connect(remembered.on_user, model)
            post_delete.connect(remembered.on_user, model)
        post_save.connect(remembered.on_blacklisted, "token_blacklist.BlacklistedToken")
        if self._is_djangos_receiver_there():
            # Under Django's own name, so that there is one of the two, whichever app is readied first.
            user_logged_in.disconnect(dispatch_uid=UID)
            user_logged_in.connect(keep_last_login, dispatch_uid=UID)

    def _is_djangos_receiver_there(self) -> bool:
        """Whether it is connected, or will be: a host that took it away, or put its own in its place, meant that."""
        from django.contrib.auth.models import update_last_login
        from django.contrib.auth.signals import user_logged_in

        from .services import tables

        if not tables.keeps_last_login():
            return False
        kept = [receiver for (name, _sender), receiver, *_ in user_logged_in.receivers if name == UID]
        found = [receiver() if isinstance(receiver, ReferenceType) else receiver for receiver in kept]
        labels = [config.label for config in apps.get_app_configs()]
        is_to_come = "auth" in labels[labels.index(self.label) :]
        return found == [update_last_login] or (not found and is_to_come)


def keep_last_login(sender: Any, user: Any, session: Any = None, **facts: Any) -> None:
    """Do what Django's receiver does, where the login was not ours: with our session ``last_login`` was written."""
    from django.contrib.auth.models import update_last_login

    from .models import Session

    if not isinstance(session, Session):
        update_last_login(sender, user, **facts)
