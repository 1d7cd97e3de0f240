"""Who processes for us: what they agreed, how they were looked at, what they may use and why; and what the gate asks of that."""
