"""What every floor stands on and no table belongs to: clock, refusals, moves, digests, keys, signatures,
references, the personal-data contract, the promises by their codes, and how the admin behaves."""
