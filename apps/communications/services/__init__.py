"""Verbs of communications: one module per stage of life."""
