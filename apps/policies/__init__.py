"""Versions of the privacy policy, their clauses, and which version was in force when."""
