"""The one client to the network: what leaves goes through here, to the address that was looked at, under a permit that was spent.

Nothing else in the house opens a connection to anybody; the few exceptions are named, with their reasons, in
tests/architecture/sockets.py, and each is tried. It knows nothing of what it carries, nor of who asked for it.
"""
