"""The values of ``SIGNUP`` that the gate serves: in the last two an unknown number is sent nothing."""

from securelogin.conf import CHOICES

MODES = CHOICES["SIGNUP"]
ONE_MODE = MODES[:1]
"""For pairs that have nothing to do with signing up."""
