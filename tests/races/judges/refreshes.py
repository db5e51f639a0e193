"""The laws of refreshing."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence

from ..books import Books
from ..bursts import Answer
from .answers import ENDED, REUSED, exactly, heard, only, successes


def one_successor(answers: Sequence[Answer]) -> list[str]:
    """One refresh token sent many times at once has one successor, however many answers carry it."""
    tokens = [str(answer.body.get("refresh_token") or answer.body.get("refresh")) for answer in successes(answers)]
    return exactly(1, "successors", len({successor(token) for token in tokens}))


def one_refresh(answers: Sequence[Answer], after: Answer, books: Books, *, generation: int) -> list[str]:
    """Within the grace every repeat is answered with the one successor, and ``after`` shows that it works."""
    return [
        *one_successor(answers),
        *exactly(len(heard(answers)), "successes", len(successes(answers))),
        *exactly(200, "the status of the successor's refresh", after.status),
        *exactly((generation,), "the generations of its sessions", books.generations),
        *exactly(1, "live sessions", books.live),
        *exactly(1, "outstanding tokens", books.outstanding),
        *exactly(0, "announcements of reuse", books.reuses),
    ]


def reuse(answers: Sequence[Answer], after: Sequence[Answer], books: Books) -> list[str]:
    """An old token whose successor was used opens nothing and ends its session once; ``after`` finds it ended."""
    found = [*exactly(0, "successes", len(successes(answers))), *only(answers, {REUSED, ENDED})]
    if all(answer.face != REUSED for answer in answers):
        found.append(f"nothing answered {REUSED}")
    return [*found, *_ended_by_reuse(after, books)]


def no_grace(answers: Sequence[Answer], after: Sequence[Answer], books: Books) -> list[str]:
    """Without grace one of many simultaneous repeats succeeds, and the next ends the session once."""
    return [
        *exactly(1, "successes", len(successes(answers))),
        *only(answers, {REUSED, ENDED}),
        *_ended_by_reuse(after, books),
    ]


def successor(refresh_token: str) -> str:
    """Name the successor that a refresh token is: session and generation in ours, ``jti`` in stock simplejwt's."""
    claims = read_claims(refresh_token)
    return f"{claims.get('sid')}:{claims['gen']}" if "gen" in claims else str(claims.get("jti"))


def read_claims(token: str) -> Mapping[str, object]:
    """Read the payload of a JWT without verifying it (RFC 7519 section 3); ``{}`` for anything else."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _ended_by_reuse(after: Sequence[Answer], books: Books) -> list[str]:
    return [
        *exactly([401] * len(after), "the statuses of the session's tokens", [answer.status for answer in after]),
        *exactly(0, "live sessions", books.live),
        *exactly(("reuse",), "the reasons of ended sessions", books.ended_for),
        *exactly(1, "blacklisted tokens", books.blacklisted),
        *exactly(1, "announcements of reuse", books.reuses),
        *exactly(1, "announcements of ended sessions", books.endings),
    ]
