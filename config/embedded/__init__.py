"""The servers that come with the checkout: PostgreSQL and Valkey as ordinary child processes, for machines that have
neither.

Nothing in here imports Django, opens a TCP port, runs a shell, or touches a server it did not start itself.
"""
