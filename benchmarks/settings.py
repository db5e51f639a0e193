"""The example project for what takes long: no limits, codes in memory, records written where nobody reads them."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from securelogin.conf import DEFAULT_LIMITS
from tests.settings import *
from tests.settings import LOGGING, SECURELOGIN

PLENTY = 10**9
SECURELOGIN: dict[str, Any] = {  # type: ignore[no-redef]  # the one above, changed
    **SECURELOGIN,
    "LIMITS": dict.fromkeys(DEFAULT_LIMITS),
    "RESEND_PAUSES": (timedelta(0),),
    "SENDS_PER_HOUR": PLENTY,
    "SENDS_PER_DAY": PLENTY,
}
LOGGING = {
    **LOGGING,
    "handlers": {
        "console": {"class": "logging.FileHandler", "formatter": "line", "filters": ["numbers"], "filename": os.devnull}
    },
}
