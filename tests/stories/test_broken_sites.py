"""The stories notice a broken site. Each is told by the rules that are about it, which the whole machine has too."""

from __future__ import annotations

import pytest
from hypothesis import Phase, Verbosity, seed, settings
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.stateful import run_state_machine_as_test

from securelogin.models import compiled

from . import broken
from .machine import CodeStories
from .visits import CodeVisits, Story
from .visits_bounds import CodeBounds, SessionBounds
from .visits_sessions import SessionVisits
from .visits_thefts import Thefts

QUICK = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    print_blob=False,
    verbosity=Verbosity.quiet,
)
"""The first story that goes wrong is the last."""

pytestmark = pytest.mark.django_db(transaction=True)


def tell(machine: type[Story], number: int, phase: Phase, remembered: InMemoryExampleDatabase) -> None:
    """Tell stories until one goes wrong, which is remembered, or tell again what is remembered.

    The number is hypothesis's seed, one of those with which the story comes early.
    """
    stories = seed(number)(lambda: machine())
    run_state_machine_as_test(
        stories,  # type: ignore[arg-type]  # a function that makes a machine does as well
        settings=settings(QUICK, phases=[phase], database=remembered),
    )


@pytest.mark.parametrize(
    ("break_it", "machine", "number"),
    [
        (broken.forget_to_look_whether_used, CodeVisits, 1),
        (broken.let_a_new_code_reset_failures, CodeVisits, 3),
        (broken.take_codes_that_are_over, CodeBounds, 1),
        (broken.trust_the_device_of_a_former_owner, CodeStories, 1),
        (broken.hide_the_row_of_a_former_key, CodeStories, 12),
        (broken.keep_sessions_of_a_changed_number, CodeStories, 1),
        (broken.forgive_an_older_generation, Thefts, 3),
        (broken.leave_a_reused_session_open, Thefts, 1),
        (broken.end_no_other_sessions, SessionVisits, 5),
        (broken.forget_the_key_of_a_call, SessionVisits, 1),
        (broken.let_the_inactive_in, SessionVisits, 6),
        (broken.lengthen_the_grace, SessionBounds, 6),
        (broken.refresh_for_ever, SessionBounds, 1),
        (broken.show_sessions_past_their_end, SessionBounds, 1),
    ],
)
def test_broken_site_is_noticed(break_it: broken.Break, machine: type[Story], number: int) -> None:
    """One rule of the site less, and a story goes wrong that goes well on a whole site."""
    remembered = InMemoryExampleDatabase()
    with pytest.MonkeyPatch.context() as patch:
        break_it(patch)
        compiled.forget()
        with pytest.raises(AssertionError):
            tell(machine, number, Phase.generate, remembered)
    compiled.forget()
    assert any(remembered.data.values()), "the story is forgotten"
    tell(machine, number, Phase.reuse, remembered)
