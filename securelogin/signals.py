"""Announcements after commit. A receiver that raises is logged and changes nothing.

Django's ``user_logged_in``, ``user_logged_out`` and ``user_login_failed`` are sent too.
"""

from __future__ import annotations

from django.dispatch import Signal

user_registered = Signal()
"""A first verified login, or a registration with a password, made an account."""
# sender: the user model, user, request (HttpRequest or None)

code_sent = Signal()
"""A provider took a message with a code."""
# sender: the backend's class, alias, phone_digest (keyed, hex)

sms_not_sent = Signal()
"""A provider did not take a message, or it was not handed over: no worker had room, or its code was over."""
# sender: the backend's class, alias, phone_digest (keyed, hex), error (SMSNotSent)

code_rejected = Signal()
"""A guess was refused, whatever the cause."""
# sender: the OneTimeCode model, phone_digest (keyed, hex), request (HttpRequest or None)

codes_disabled = Signal()
"""Failures in a row reached FAILURES_IN_A_ROW; staff has to allow codes again."""
# sender: the OneTimeCode model, phone_digest (keyed, hex), request (HttpRequest or None)

session_opened = Signal()
"""A login opened a session."""
# sender: the Session model, session, request (HttpRequest or None)

session_ended = Signal()
"""A session was ended, once for each session."""
# sender: the Session model, session_id (UUID), user_id, reason (EndReason)

refresh_token_reused = Signal()
"""A refresh token came again after its successor was used; its session is ended. Once for each session."""
# sender: the Session model, session_id (UUID), user_id

security_event = Signal()
"""Anything that belongs in an audit trail, with who, where and outcome; the logger ``securelogin.audit`` has it too."""
# sender: events.SecurityEvent, event (SecurityEvent)

owner_notice = Signal()
"""Something that the owner of an account should hear of, by a way of the project's own: an e-mail, a push message."""
# sender: the user model, user, notice (services.notices.Notice), client (addresses.Client or None)
