"""The app's configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SecureLoginConfig(AppConfig):
    """Phone login. Importing it asks no database and imports no provider's SDK."""

    name = "securelogin"
    verbose_name = _("Phone login")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and take the place of Django's receiver that writes ``last_login`` (0012)."""
        from django.contrib.auth.signals import user_logged_in

        from . import checks
        from .services import sessions, tables

        checks.register()
        # Under Django's own name: whichever app is readied first, there is one of the two.
        if tables.has_field("last_login"):
            user_logged_in.disconnect(dispatch_uid="update_last_login")
            user_logged_in.connect(sessions.keep_last_login, dispatch_uid="update_last_login")
