"""Mail that comes in: the mailbox it lies in, and what a mail says. Strangers write both, so nothing here trusts either."""
