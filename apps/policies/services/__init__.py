"""What changes versions of the policy, and the one question every higher floor asks: which version is in force."""
