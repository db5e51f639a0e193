"""The app of the own user model."""
