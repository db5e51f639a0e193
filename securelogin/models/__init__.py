"""The tables."""

from .codes import OneTimeCode
from .counters import Counter
from .sessions import EndReason, Session
from .users import User

__all__ = ["Counter", "EndReason", "OneTimeCode", "Session", "User"]
