"""Announcements: drafted, approved by a second person, tried on oneself, and ended by their reader with one click."""
