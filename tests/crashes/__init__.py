"""Workers and servers that die at the worst moment: ``python -m tests.crashes --help``.

A cell is one database. In it the example project is served by gunicorn, calls are struck down at named steps of the
verbs, Valkey, the provider and the database go away and come back, and pure laws compare what is left in the tables,
and what a client that repeats its lost call gets, with what was promised. ``--long`` strikes twenty times at each step,
and at every system call of a request. ``--chaos MINUTES`` kills workers and servers at random under whole visits
instead. All cells are played beside each other.

That no law is blind is shown by ``--mutants``, which breaks one promise after the other in the served host and succeeds
only where the drills that guard it go red. A step that no call reaches is a violation too.
"""
