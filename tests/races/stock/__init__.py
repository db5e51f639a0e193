"""A host with stock simplejwt, rotation and blacklist on: what the judges must go red on."""
