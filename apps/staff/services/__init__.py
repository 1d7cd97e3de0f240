"""What changes staff: joining, duties, details, leaving, second factors, and the approvals between members."""
