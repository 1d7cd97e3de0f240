"""Copies that a drill makes and removes: of a database by PostgreSQL's own programs, of the home by its files.

They reach outside the database and know nothing of models. A copy of the home holds secrets: it must never be left behind,
and nothing may be written through it into what it was copied from.
"""
