"""`register_backup` and `destroyed_backup`, for the job that makes backups."""
