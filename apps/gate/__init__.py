"""The one way out: whether data may leave, on what ground, for what; the record of it, and the permit without which nothing leaves."""
