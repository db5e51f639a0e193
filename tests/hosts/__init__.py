"""Whole host projects, beside the default one of `tests.settings`, and what each of them must do."""
