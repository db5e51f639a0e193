"""Refreshing."""

from __future__ import annotations

from .. import judges
from ..calls import protected, refresh, tokens
from ..stage import Stage


def one_refresh(stage: Stage) -> list[str]:
    """Send one refresh token many times, within the grace."""
    return _one_refresh(stage, key=None)


def keyed_refresh(stage: Stage) -> list[str]:
    """Send one refresh token many times with one key, where there is no grace."""
    return _one_refresh(stage, key=f"key-{stage.random.getrandbits(128):032x}")


def reuse(stage: Stage) -> list[str]:
    """Send a refresh token many times after its successor was used."""
    phone = next(stage.numbers)
    old = stage.log_in(phone)
    newest = stage.refresh(stage.refresh(old.refresh).refresh)
    answers = stage.burst([refresh(old.refresh)] * stage.clients)
    after = [stage.call(refresh(newest.refresh)), stage.call(protected(newest.access))]
    return judges.reuse(answers, after, stage.books(phone))


def no_grace(stage: Stage) -> list[str]:
    """Send one refresh token many times, where there is no grace."""
    phone = next(stage.numbers)
    opened = stage.log_in(phone)
    answers = stage.burst([refresh(opened.refresh)] * stage.clients)
    winners = [tokens(answer) for answer in judges.successes(answers)]
    after = [stage.call(protected(opened.access))]
    for winner in winners[:1]:
        after += [stage.call(refresh(winner.refresh)), stage.call(protected(winner.access))]
    return judges.no_grace(answers, after, stage.books(phone))


def _one_refresh(stage: Stage, *, key: str | None) -> list[str]:
    phone = next(stage.numbers)
    opened = stage.log_in(phone)
    answers = stage.burst([refresh(opened.refresh, key)] * stage.clients)
    books = stage.books(phone)
    newest = [tokens(answer) for answer in judges.successes(answers)]
    after = stage.call(refresh(newest[0].refresh if newest else opened.refresh))
    return judges.one_refresh(answers, after, books, generation=1)
