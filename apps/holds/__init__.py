"""Legal holds: matters, what each keeps from destruction and erasure, and how that ends. Every higher floor asks here first."""
