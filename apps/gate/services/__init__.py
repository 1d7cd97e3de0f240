"""The verbs of the gate: deciding, permits, contacts, exceptions for countries, analytics, accounts of what left, and its end."""
