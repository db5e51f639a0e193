"""What is over is over on every worker at the next call, and stays so when everything was started anew."""

from __future__ import annotations

import time

from django.contrib.auth import get_user_model

from securelogin import services
from securelogin.models import Session
from tests.races.bursts import Answer
from tests.races.calls import Tokens, logout, protected, refresh
from tests.races.judges import read_claims
from tests.races.judges.answers import ENDED, REUSED, exactly
from tests.races.supplies import Stuck

from .stage import CrashStage, session_of

SHOWN = 4
"""Sessions that every worker is asked for, the newest."""

RECENT = 40
"""Sessions that are asked for once, the newest: the access tokens of older ones may have expired meanwhile."""

MINUTE = 60.0
DEACTIVATED = "401 AccountInactive"


def revoke(stage: CrashStage) -> list[str]:
    """End sessions in each way while all workers know them, and ask every worker at once."""
    opened = {name: stage.log_in(next(stage.numbers)) for name in ("logout", "staff", "inactive", "reuse", "kept")}
    found = []
    for tokens in opened.values():
        found += exactly({"200"}, "a live session everywhere", stage.faces_everywhere(protected(tokens.access)))
    stage.call(logout(opened["logout"].access))
    services.revoke_sessions(Session.objects.filter(pk=session_of(opened["staff"])))
    person = Session.objects.get(pk=session_of(opened["inactive"])).user_id
    get_user_model()._default_manager.filter(pk=person).update(is_active=False)
    successor = stage.refresh(stage.refresh(opened["reuse"].refresh).refresh)
    found += exactly(REUSED, "a reuse", stage.call(refresh(opened["reuse"].refresh)).face)
    stage.kept.append(opened["kept"])
    stage.ended += [opened["logout"], opened["staff"], opened["inactive"], successor]
    return found + look_everywhere(stage)


def look_everywhere(stage: CrashStage) -> list[str]:
    """Ask every worker for the newest of what is over, and for something that goes on; the others once."""
    found = []
    for tokens in stage.ended[-SHOWN:]:
        found += _is_over(stage.faces_everywhere(protected(tokens.access)))
        found += _is_over(stage.faces_everywhere(refresh(tokens.refresh)))
    for tokens in stage.kept[-1:]:
        found += exactly({"200"}, "a live session everywhere", stage.faces_everywhere(protected(tokens.access)))
    return found + look_once(stage)


def look_after_restart(stage: CrashStage) -> list[str]:
    """Ask again on other workers than those that ended it all, with an empty Valkey."""
    if stage.valkey is None:
        raise Stuck("no Valkey")
    stage.valkey.crash()
    stage.valkey.start()
    return look_everywhere(stage)


def look_once(stage: CrashStage) -> list[str]:
    """Ask for what is over, and for what goes on."""
    found = _is_over({answer.face for answer in _ask(stage, stage.ended[-RECENT:])}) if stage.ended else []
    kept = [tokens for tokens in stage.kept[-RECENT:] if _is_young(tokens)]
    alive = {answer.face for answer in stage.burst([protected(tokens.access) for tokens in kept])}
    return found + exactly({"200"} if kept else set(), "what a live session answers", alive)


def _is_young(tokens: Tokens) -> bool:
    """Whether the access token has time left for what is asked of it; long runs keep older ones."""
    return int(str(read_claims(tokens.access)["exp"])) > time.time() + MINUTE


def _ask(stage: CrashStage, over: list[Tokens]) -> list[Answer]:
    calls = [call for each in over for call in (protected(each.access), refresh(each.refresh))]
    return [
        answer
        for start in range(0, len(calls), stage.clients)
        for answer in stage.burst(calls[start : start + stage.clients])
    ]


def _is_over(faces: set[str]) -> list[str]:
    return [f"what is over answers {face}" for face in sorted(faces - {ENDED, DEACTIVATED})]
