"""Many logins of one user, and ending the others."""

from __future__ import annotations

from itertools import cycle, islice
from uuid import UUID

from .. import judges, settings
from ..calls import Tokens, logout_others, protected, refresh, tokens
from ..stage import Stage
from ..watch import watching

OLD = 10
"""Sessions at the moment of a logout of the others, the caller's among them."""

NEW = 5
"""Logins beside it."""


REMEMBERED = 5
"""Sessions at the moment of a logout that a cache has to hear of, the caller's among them."""


def max_sessions(stage: Stage) -> list[str]:
    """Log in on many known devices of one user at once."""
    phone = stage.at_home(stage.clients)
    answers = stage.burst(stage.verifications(stage.devices))
    after = stage.burst([protected(tokens(answer).access) for answer in judges.successes(answers)])
    return judges.max_sessions(answers, after, stage.books(phone), most=settings.MAX_SESSIONS)


def logout_against_all(stage: Stage) -> list[str]:
    """Log all others out while they refresh, each of them twice, and while known devices log in."""
    phone = stage.at_home(OLD + NEW)
    verifications = stage.verifications(stage.devices[: OLD + NEW])
    own, *others = stage.log_in_on(verifications[:OLD])
    logins = verifications[OLD:]
    calls = [
        logout_others(own.access),
        *(refresh(other.refresh) for other in islice(cycle(others), stage.clients)),
        *logins,
    ]
    order = stage.random.sample(range(len(calls)), len(calls))
    with watching({_sid(other) for other in others}) as watch:
        sent = stage.burst([calls[place] for place in order])
    answers = [answer for _place, answer in sorted(zip(order, sent, strict=True), key=lambda pair: pair[0])]
    burst = judges.LogoutBurst(logout=answers[0], refreshes=answers[1:-NEW], logins=answers[-NEW:])
    newest = {_sid(each): each for each in [*others, *(tokens(answer) for answer in judges.successes(burst.refreshes))]}
    opened = [protected(tokens(answer).access) for answer in judges.successes(burst.logins)]
    dead = [refresh(each.refresh) for each in newest.values()]
    dead += [protected(each.access) for each in others[:1]]
    after = stage.burst([protected(own.access), *dead, *opened])
    aftermath = judges.LogoutAftermath(
        own=after[0],
        others=after[1 : 1 + len(dead)],
        logins=after[1 + len(dead) :],
        seen_at=watch.seen_at,
    )
    return judges.logout_others(burst, aftermath, stage.books(phone))


def ended_in_cache(stage: Stage) -> list[str]:
    """Log all others out while the cache is learning that their sessions are live."""
    stage.at_home(REMEMBERED)
    own, *others = stage.log_in_on(stage.verifications(stage.devices[:REMEMBERED]))
    calls = [protected(other.access) for other in islice(cycle(others), stage.clients)]
    logout = stage.burst([*calls, logout_others(own.access)])[-1]
    again = [protected(other.access) for other in islice(cycle(others), stage.clients)]
    after = stage.burst([*again, protected(own.access), protected(own.access)])
    return judges.ended_in_cache(logout, after[-2:], after[:-2])


def _sid(held: Tokens) -> UUID:
    return UUID(str(judges.read_claims(held.refresh)["sid"]))
