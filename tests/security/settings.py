"""The example project with every logger at DEBUG, each statement among them, and texts that a Twilio on loopback takes.

``TWILIO_API_BASE`` is where it listens.
"""

from __future__ import annotations

from os import environ

from example_project.settings import *
from example_project.settings import LOGGING, SECURELOGIN

DEBUG = True  # without it Django logs no statement
LOGGING = {
    **LOGGING,
    "root": {"handlers": ["console"], "level": "DEBUG"},
    "loggers": {"django": {"handlers": [], "level": "DEBUG"}, "urllib3": {"level": "DEBUG"}},
}
SECURELOGIN["SMS"]["default"]["OPTIONS"]["api_base"] = environ["TWILIO_API_BASE"]
