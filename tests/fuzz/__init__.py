"""Inputs that nobody wrote by hand, thrown at the parsers and at a served example project.

What is quick is in the normal suite. ``python -m tests.fuzz --help`` attacks real servers with schemathesis and raw
HTTP, ``python -m tests.fuzz.sqlmap`` with sqlmap, ``python -m tests.fuzz.phones`` and ``python -m tests.fuzz.tokens``
are led by coverage.
"""
