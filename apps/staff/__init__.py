"""Who logs in, in which roles, with which second factor; who asked for what and who approved it."""
