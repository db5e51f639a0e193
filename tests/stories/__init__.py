"""Whole visits: what many callers do in any order, held against a model; what one sees, and what a stranger does."""
