"""The app's configuration."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SecureLoginConfig(AppConfig):
    """Phone login. Importing it asks no database and imports no provider's SDK."""

    name = "securelogin"
    verbose_name = _("Phone login")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from . import checks

        checks.register()
