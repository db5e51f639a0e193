"""Tests of securelogin.api.parsers."""
