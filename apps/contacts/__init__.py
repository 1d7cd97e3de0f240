"""Address books and calendars that people lent us: read, reduced to what connects and schedules, refreshed, matched, erased.

It must never hold a row without a consent that stands, never keep an address of somebody who is no user, and never let anybody find
out whether an address is known.
"""
