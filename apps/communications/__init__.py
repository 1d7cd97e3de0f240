"""Inquiries that people write to us, and what we write to them: announcements only with permission, notices because they need them.

It must never send an announcement without a consent that stands at that moment, and never keep an inquiry past its life.
"""
