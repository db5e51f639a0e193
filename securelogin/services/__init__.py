"""The verbs: each is one story, and only here are transactions opened.

A verb that must keep a count although it fails (``register``, ``register_with_password``, ``request_code``,
``verify_code``, ``refresh_tokens``, ``log_in_with_password``, ``change_password``) refuses to run inside anyone's
transaction. Those that only end things
nest in the admin's or a host's transaction and announce after its commit.
"""

from .accounts import allow_codes, allow_passwords, register, register_with_password
from .codes import CodeRequested, request_code
from .endings import end_session, logout, logout_all, logout_all_other_sessions, revoke_sessions
from .guesses import verify_code
from .maintenance import clear
from .passwords import change_password, log_in_with_password
from .rotation import refresh_tokens
from .sessions import Login, authenticate, live_sessions

__all__ = [
    "CodeRequested",
    "Login",
    "allow_codes",
    "allow_passwords",
    "authenticate",
    "change_password",
    "clear",
    "end_session",
    "live_sessions",
    "log_in_with_password",
    "logout",
    "logout_all",
    "logout_all_other_sessions",
    "refresh_tokens",
    "register",
    "register_with_password",
    "request_code",
    "revoke_sessions",
    "verify_code",
]
