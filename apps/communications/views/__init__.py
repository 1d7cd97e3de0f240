"""Pages for anybody who writes to us or gets something from us: no cookie, no script, nothing to sign in to."""
