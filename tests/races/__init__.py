"""Simultaneous clients against real server processes: ``python -m tests.races --help``.

A cell is one database on one isolation level, without or with ``ATOMIC_REQUESTS``. In each the example project is
served by gunicorn, each scenario plays its share of the rounds, and pure judges compare the answers and the tables
with the law that the scenario states. In REPEATABLE READ 503 ``TryAgain`` is no violation but is counted.

That no judge is blind is shown twice. ``--mutants`` breaks one mechanism after the other in the served host, and the
scenarios that guard it must go red. ``--stock`` sends a burst at stock simplejwt, which must go red too.
``--mixed SECONDS`` lets logins, refreshes, logouts, the admin and ``clear_securelogin`` at the same three users, where
nobody may be told of a deadlock.
"""
