"""Reads message exports: turns a file or stream into lines for ingest, and touches no database.

Two readers, `ndjson.read` and `slack.read`. Both are iterators of `Incoming`, `Deletion` and `Refused`, take memory that
doesn't grow with the input, and answer bad content with a refused line instead of an error.
"""
