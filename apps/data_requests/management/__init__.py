"""Commands of the floor of data requests."""
