"""The ledger of acts, sealed and verifiable; the signed journal outside the database; what staff looked at."""
