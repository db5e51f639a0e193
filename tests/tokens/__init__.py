"""Tests of securelogin.tokens."""
