"""A person asks: what they ask is taken in, proven to come from them, approved, done in every holding, looked for again, answered and proven."""
