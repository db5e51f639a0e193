"""The app's configuration."""

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


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
        from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken

        from . import checks, remembered

        checks.register()
        post_save.connect(remembered.on_user, get_user_model())
        post_delete.connect(remembered.on_user, get_user_model())
        post_save.connect(remembered.on_blacklisted, BlacklistedToken)
        # Under Django's own name: whichever app is readied first, there is one of the two.
        if any(field.name == "last_login" for field in get_user_model()._meta.get_fields()):
            user_logged_in.disconnect(dispatch_uid="update_last_login")
            user_logged_in.connect(keep_last_login, dispatch_uid="update_last_login")


def keep_last_login(sender: Any, user: Any, session: Any = None, **facts: Any) -> None:
    """Do what Django's receiver does, where the login was not ours: with our session ``last_login`` was written."""
    from django.contrib.auth.models import update_last_login

    if session is None:
        update_last_login(sender, user, **facts)
