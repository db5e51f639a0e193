"""Tests of the verbs, called as the reception calls them."""
