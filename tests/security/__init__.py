"""What docs/explanation/security.md promises, where no other test proves the whole of it."""
