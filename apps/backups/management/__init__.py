"""Commands of the floor of backups."""
