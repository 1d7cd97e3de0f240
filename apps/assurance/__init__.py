"""Is the policy true today? Promises checked on live data, findings kept, the board."""
