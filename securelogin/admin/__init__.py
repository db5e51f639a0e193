"""The admin of users and sessions. Codes and counters have none: there is nothing in them to be looked at.

A project with a user model of its own registers it with ``PhoneUserAdmin``, or with a subclass that names its fields.
"""

from __future__ import annotations

from django.contrib import admin

from ..models import Session, User
from .forms import PhonePasswordChangeForm, PhoneUserChangeForm, PhoneUserCreationForm
from .sessions import SessionAdmin
from .users import PhoneUserAdmin

__all__ = ["PhonePasswordChangeForm", "PhoneUserAdmin", "PhoneUserChangeForm", "PhoneUserCreationForm", "SessionAdmin"]

admin.site.register(User, PhoneUserAdmin)  # Django passes over a model that is swapped out
admin.site.register(Session, SessionAdmin)
