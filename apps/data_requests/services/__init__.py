"""Verbs of data requests: one module per stage of a request's life."""
