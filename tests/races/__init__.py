"""Simultaneous clients against real server processes: ``python -m tests.races --help``.

A cell is one database with or without ``ATOMIC_REQUESTS``. In each the example project is served by gunicorn, each
scenario plays its rounds, and pure judges compare the answers and the tables with the law that the scenario states.
``DATABASE_ISOLATION="repeatable read"`` plays on that level, where 503 ``TryAgain`` is no violation but is counted.
``--stock`` sends the same burst at stock simplejwt, where the same judge must find violations: it is no blind eye.
"""
