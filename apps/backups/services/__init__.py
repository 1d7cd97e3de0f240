"""What changes on the floor of backups: the register, restores that are found and replayed, drills."""
