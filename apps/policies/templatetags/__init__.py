"""Template tags of the policy, for every public page."""
