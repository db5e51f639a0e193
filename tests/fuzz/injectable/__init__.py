"""A host with a view that trusts its callers: sqlmap has to find every hole in it, or it is blind."""
