"""What templates ask about sign-in."""
