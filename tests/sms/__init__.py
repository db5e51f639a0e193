"""Texts: the facade, the wording and every backend; Twilio's through its own SDK against a server on loopback."""
