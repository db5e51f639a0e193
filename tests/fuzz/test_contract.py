"""The OpenAPI document says what the code does: routes, fields and every refusal."""

from __future__ import annotations

import re
from typing import Any

import pytest

from securelogin import urls
from securelogin.api import faces, serializers
from securelogin.api.faces import Face
from tests.api.refusals import phrase
from tests.fuzz.contract import PATH, Contract

Refusals = set[tuple[int, str, str]]

HOSTS = [faces.NOT_ACCEPTABLE, faces.FORBIDDEN, faces.SERVER_ERROR]
"""What only views of a host, or a bug, answer."""

BODIES: dict[str, type[Any]] = {
    "RegisterPhone": serializers.RegisterPhoneSerializer,
    "RegisterPassword": serializers.RegisterPasswordSerializer,
    "LoginPhone": serializers.LoginPhoneSerializer,
    "LoginEmail": serializers.LoginPasswordSerializer,
    "LoginNumber": serializers.LoginPasswordSerializer,
    "Verify": serializers.VerifySerializer,
    "RefreshBody": serializers.RefreshTokenSerializer,
    "PasswordChange": serializers.PasswordSerializer,
}


@pytest.fixture(scope="module")
def contract() -> Contract:
    """Return the document."""
    return Contract()


def test_every_route_and_method_is_in_the_document(contract: Contract) -> None:
    """No route is missing and none is invented; HEAD goes with GET and is not told apart (RFC 9110 section 9.3.2)."""
    coded = {
        (method, re.sub(r"<\w+:(\w+)>", r"{\1}", f"/{pattern.pattern}"))
        for pattern in urls.urlpatterns
        for method in set(pattern.callback.actions) - {"head"}
    }
    assert set(contract.operations()) == coded


def test_every_refusal_is_in_the_document(contract: Contract) -> None:
    """Each face that our routes can show is there, by status, category and reason, and no other."""
    assert _documented(contract) == _coded()


def test_table_of_errors_says_the_same(contract: Contract) -> None:
    """``api.md`` has the same refusals for people to read."""
    rows = re.findall(r"^\| (\d{3}) \| (.+?) \| (.+?) \|", PATH.with_name("api.md").read_text(), re.MULTILINE)
    table: Refusals = set()
    for status, errors, reasons in rows:
        for error in re.findall(r"`(\w+)`", errors):
            found = [error] if reasons == "the same" else re.findall(r"`(\w+)`", reasons)
            table |= {(int(status), error, reason) for reason in found}
    assert table == _documented(contract)


def test_refusals_have_the_shape_of_the_code(contract: Contract) -> None:
    """Every body of a refusal has the fields, the phrase and the extras that the code gives it, and nothing else."""
    for answer in contract.answers():
        for body in answer.bodies if answer.status >= 400 else []:
            more = {"retry_after"} if answer.status == 429 else set()
            if body["properties"]["failure_reason"]["const"] in {"ValidationError", "PasswordTooWeak"}:
                more = {"fields"}
            assert set(body["properties"]) == {"error", "failure_reason", "http_code", "message"} | more
            assert set(body["required"]) == set(body["properties"])
            assert body["additionalProperties"] is False
            assert body["properties"]["http_code"]["const"] == phrase(answer.status)


def test_headers_of_every_answer(contract: Contract) -> None:
    """Nothing may be cached; 401, 405 and 429 carry what HTTP asks of them."""
    asked = {401: {"WWW-Authenticate"}, 405: {"Allow"}, 429: {"Retry-After"}, 503: {"Retry-After"}}
    for answer in contract.answers():
        assert set(answer.headers) == {"Cache-Control"} | asked.get(answer.status, set())
        assert answer.headers["Cache-Control"]["schema"] == {"const": "no-store"}
        assert all(header["required"] for header in answer.headers.values()) or answer.status == 503


def test_every_operation_may_be_refused(contract: Contract) -> None:
    """A foreign host, another method and a lost database can meet each of them; a bad body those that read one."""
    statuses: dict[str, set[int]] = {}
    for answer in contract.answers():
        statuses.setdefault(answer.operation, set()).add(answer.status)
    for operation in contract.operations().values():
        asked = {400, 405, 503} | ({413, 415} if "requestBody" in operation else set())
        asked |= {401} if {"accessToken": []} in operation["security"] else set()
        assert asked <= statuses[operation["operationId"]]


@pytest.mark.parametrize("name", BODIES)
def test_bodies_have_the_fields_of_the_serializers(contract: Contract, name: str) -> None:
    """Each field that is read is in the document, as long as it may be, and required where it is."""
    schema = contract.schema(name)
    fields = BODIES[name]().fields
    documented = {key: contract.follow(value) for key, value in schema["properties"].items() if key != "auth_type"}
    assert set(documented) == set(fields)
    for key, field in fields.items():
        limit = getattr(field, "max_length", None)
        if limit is not None and documented[key].get("type") != "null":
            assert documented[key]["maxLength"] == limit
        assert not field.required or key in schema["required"]


def _coded() -> Refusals:
    constants = [face for face in vars(faces).values() if isinstance(face, Face) and face not in HOSTS]
    found = {(face.status, face.error, face.reason) for face in (*faces.FACES.values(), *constants)}
    status = {face.reason: face.status for face in faces.FACES.values()}
    return found | {(status[reason], error, reason) for (_, reason), error in faces.CATEGORIES.items()}


def _documented(contract: Contract) -> Refusals:
    return {
        (answer.status, body["properties"]["error"]["const"], body["properties"]["failure_reason"]["const"])
        for answer in contract.answers()
        if answer.status >= 400
        for body in answer.bodies
    }
