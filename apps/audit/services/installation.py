"""Who this database is. The journal and the seals are bound to it, so that those of another installation are refused."""

from datetime import datetime

from apps.audit.models import Installation


def ensure(at: datetime) -> Installation:
    """The one installation row, made now if this database has none yet. Twice is once; it never changes."""
    installation, _made = Installation.objects.get_or_create(pk=1, defaults={"created_at": at})
    return installation


def current() -> Installation | None:
    """The installation row, or None in a database that was never prepared."""
    return Installation.objects.filter(pk=1).first()
