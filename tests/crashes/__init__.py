"""Workers and servers that die at the worst moment: ``python -m tests.crashes --help``.

A cell is one database. In it the example project is served by gunicorn, calls are struck down at named steps of the
verbs or at their k-th system call, Valkey, the provider and the database go away and come back, and pure laws compare
what is left in the tables, and what a client that repeats its lost call gets, with what was promised.
``--chaos SECONDS`` kills workers and servers at random under whole visits instead.
``--split`` breaks the login's transaction in two and succeeds only if that is found: the laws are not blind.
"""
