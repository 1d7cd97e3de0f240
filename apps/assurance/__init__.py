"""Is the policy true today? Promises checked on live data, the findings kept, the board that shows them.

It looks and never mends: a check runs in a transaction that the database refuses to let write.
"""
