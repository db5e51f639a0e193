"""The requirements of docs/explanation/security.md that no other test proves whole."""
