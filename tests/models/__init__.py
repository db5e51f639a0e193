"""Tests of securelogin.models: what rows can do, without the verbs around them."""
