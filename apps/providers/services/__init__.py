"""The verbs of the registry: proposing, activating, agreeing, reviewing, granting, announcing, warning; and what the gate asks."""
