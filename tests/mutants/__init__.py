"""Every small way to break the rules of logging in, and the tests that must see it: tox -e mutants."""
