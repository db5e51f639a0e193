"""One whole visit in the host that ``DJANGO_SETTINGS_MODULE`` names: ``python -m tests.hosts.visit``.

Its migrations must be applied. Fails unless every step is answered as it should be.
"""

from __future__ import annotations

import django
from django.test import Client

from securelogin.sms.locmem import outbox
from tests import visits


def post(route: str, body: dict[str, str], token: str) -> visits.Answer:
    """Post through Django's test client."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = Client().post(f"/api/auth/{route}", body, content_type="application/json", headers=headers)
    return response.status_code, response.json()


if __name__ == "__main__":
    django.setup()
    steps = visits.walk(post, lambda: outbox[-1].body)
    assert steps == visits.STATUSES, steps
