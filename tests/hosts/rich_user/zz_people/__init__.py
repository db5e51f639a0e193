"""The app of the rich user model."""
