"""A host with a user model of its own, in an app that sorts after ours."""
