"""Commands of the app staff."""
