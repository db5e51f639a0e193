"""A whole project around securelogin: what a newcomer copies from, and what every outside check runs."""
