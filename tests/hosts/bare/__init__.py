"""The least that a host needs: no admin, no messages, no sessions, no templates."""
