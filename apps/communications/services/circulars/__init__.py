"""How the same words reach many people: announcements and notices alike."""
