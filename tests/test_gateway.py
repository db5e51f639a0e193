"""The way that the tests call views, which ``TESTS_GATEWAY`` names."""

from __future__ import annotations

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.test import Client

from tests.api.visitor import Visitor
from tests.gateway import IS_ASGI


@pytest.mark.django_db
@pytest.mark.parametrize("client", [Client(), Visitor().client], ids=["django", "rest"])
def test_calls_go_the_way_that_is_named(client: Client) -> None:
    """Django's client and REST framework's."""
    request = client.get("/api/auth/op").wsgi_request
    assert isinstance(request, ASGIRequest) == IS_ASGI
