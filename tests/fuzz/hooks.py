"""What schemathesis is given: tokens, the codes that were sent, and one check of our own.

Every second case that is meant to be good is made really good: a number that exists, the right code, a live token.
The other half goes out as it was made.
"""

from __future__ import annotations

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis
import schemathesis

from tests.fuzz.hosting import Host
from tests.fuzz.people import STRONG, NotLetIn, People

ENDING = {"AccountInactiveToken", "AccountObsoleteToken", "AccountInactive", "FreshTokenRequired", "AccessTokenExpired"}
ENDERS = {"POST /logout", "POST /logout_all", "DELETE /sessions/{session_id}", "POST /logout_all_other_sessions"}

if os.environ["FUZZ_TARGETS"] == "none":
    # Of ten thousand cases Hypothesis would spend nine tenths of its time on the few that it finds most successful.
    hypothesis.target = lambda *_arguments, **_options: None  # type: ignore[assignment]

people = People(Host(os.environ["FUZZ_URL"], Path(os.environ["FUZZ_OUTBOX"]), Path(os.devnull)))
turns: Counter[str] = Counter()
tally: Counter[str] = Counter()


class Bearer:
    """Gives each call the token that it wants."""

    def get(self, case: Any, context: Any) -> str | None:
        """Return a live token, none where nobody is let in, and none where the refresh token of a body shall count."""
        label = context.operation.label
        try:
            if label == "POST /refresh":
                is_by_header = _is_positive(case) and _is_turn("refresh by header")
                return str(people.somebody()["refresh_token"]) if is_by_header else None
            person = people.somebody_with_a_password() if label == "POST /password" else people.somebody()
        except NotLetIn:
            return None
        return str(person["access_token"])

    def set(self, case: Any, data: str | None, _context: Any) -> None:
        """Put it into the header."""
        if data:
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


def before_call(_context: Any, case: Any, _kwargs: dict[str, Any]) -> None:
    """Make every second good case really good."""
    if not isinstance(case.body, dict) or not _is_positive(case):
        return
    label = case.operation.label
    if label == "POST /verify_sms" and (code := people.code_of(case.body.get("phone"))):
        case.body = {**case.body, "token": code}
    elif _is_turn(label):
        try:
            case.body = _improved(label, case.body)
        except NotLetIn:
            return


def _improved(label: str, body: dict[str, Any]) -> dict[str, Any]:
    if label == "POST /verify_sms":
        return {**body, **people.ask()}
    if label == "POST /password":
        old = people.somebody_with_a_password()["password"]
        return {**body, "oldpassword": old, "newpassword": f"{STRONG} {turns[label]}"}
    if body.get("auth_type") == "PHONE":
        return {**body, "phone": people.next_number()}
    return body


def _is_positive(case: Any) -> bool:
    return case.meta is not None and case.meta.generation.mode.value == "positive"


def _is_turn(name: str) -> bool:
    turns[name] += 1
    return turns[name] % 2 == 1


def after_call(_context: Any, case: Any, response: Any) -> None:
    """Count the answer, keep new tokens, and forget those that were ended."""
    label = case.operation.label
    tally[f"{label} {response.status_code}"] += 1
    body = _body(response)
    if response.status_code == 200 and "refresh_token" in body and label != "POST /register":
        people.person = body
    elif label == "POST /password" and response.status_code == 200:
        people.member["password"] = case.body["newpassword"]
    elif (label in ENDERS and response.status_code < 300) or body.get("failure_reason") in ENDING:
        people.forget()


def _body(response: Any) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def never_cached(_context: Any, response: Any, _case: Any) -> None:
    """Every answer says ``no-store``, documented or not."""
    assert response.headers.get("cache-control") == ["no-store"], "an answer may be cached"


def filter_failure(_context: Any, failure: Any, case: Any, _response: Any) -> bool:
    """Whether a failure is one: white space around a text does not count for its length, which no schema can say."""
    if type(failure).__name__ != "AcceptedNegativeData" or not isinstance(case.body, dict):
        return True
    return not any(isinstance(text, str) and text != text.strip() for text in case.body.values())


def _write() -> None:
    Path(os.environ["FUZZ_TALLY"]).write_text(json.dumps(tally, indent=2, sort_keys=True))


schemathesis.auth(refresh_interval=None)(Bearer)
schemathesis.hook(before_call)
schemathesis.hook(after_call)
schemathesis.hook(filter_failure)
schemathesis.check(never_cached)
atexit.register(_write)
