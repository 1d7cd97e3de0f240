"""The verbs of holds: opening a matter, placing, asking, releasing, and repeating it all after a restore."""
