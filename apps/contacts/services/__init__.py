"""Verbs of contacts: one module per stage of life."""
