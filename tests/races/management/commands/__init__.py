"""The commands of the races."""
