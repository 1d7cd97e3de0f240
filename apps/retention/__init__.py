"""Message Data: rules of life, ingest, sealing, expiry, destruction beyond recovery, certificates."""
