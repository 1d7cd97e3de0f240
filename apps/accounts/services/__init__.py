"""What changes organizations, people and service tokens, and who sees them; one module per stage of life."""
