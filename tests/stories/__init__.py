"""Whole visits: what many callers do in any order, held against a model written from the design and the API's paper."""
