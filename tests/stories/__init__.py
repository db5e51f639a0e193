"""Whole visits: what many callers do in any order, held against a model; what one can do from outside, and a stranger not."""
