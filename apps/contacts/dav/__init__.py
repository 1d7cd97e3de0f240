"""Fetches address books (CardDAV, RFC 6352) and calendars (CalDAV, RFC 4791) from where people keep them. `syncing` is the way in.

It must never connect beside the gate's client, never follow a server to another host, and never let a password reach a log, an exception
or anybody but the host that the person named.
"""
