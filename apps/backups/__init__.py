"""What remains of data outside the database: the register of backups with their life, restores and their replay, drills (P22)."""
