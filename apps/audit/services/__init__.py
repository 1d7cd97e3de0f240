"""What changes on the audit floor: the ledger, its seals, the journal, heartbeats, the installation."""
