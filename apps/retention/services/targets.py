"""Where archives go: places proposed by one person, proven by the client, tried, and approved by another."""
