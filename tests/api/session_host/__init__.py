"""A host whose own calls go by Django's sessions and know nothing of ours."""
