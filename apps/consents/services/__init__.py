"""Verbs of consents: one module per stage of life."""
