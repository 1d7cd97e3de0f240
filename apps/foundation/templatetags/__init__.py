"""What templates of every floor may use to show states, moments and numbers."""
