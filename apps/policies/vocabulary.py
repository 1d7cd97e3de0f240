"""What may be said of data that leaves: its categories, the purposes there are, and the fields that analytics may get.

A disclosure, a grant and a consent name their data and their purpose in these words only. Sale and rental are in no list, so
that nobody can name them (P11).
"""

from django.db.models import TextChoices

from apps.foundation.personal_data import DataCategory

#: data categories by the code that is stored
CATEGORIES: dict[str, DataCategory] = {category.name.lower(): category for category in DataCategory}

#: what tells who connects and from where; never together with personal information to a third party (P08)
CONNECTION = frozenset({"network_address", "device"})

#: what says nothing of anybody by itself
IMPERSONAL = frozenset({"usage"})

#: personal information: everything else
PERSONAL = frozenset(CATEGORIES) - CONNECTION - IMPERSONAL

#: the only fields that a provider of analytics may get; of what identifies, the IP address alone (P15)
ANALYTICS_FIELDS = frozenset({
    "page", "referring_page", "occurred_at", "duration_seconds", "event", "browser_family", "os_family", "device_kind", "language",
    "app_version", "ip_address",
})  # fmt: skip


class DisclosurePurpose(TextChoices):
    """What something may leave for."""

    OPERATION = "operation", "to run the service"
    DELIVERY = "delivery", "to deliver messages and mail"
    ARCHIVING = "archiving", "to keep or hand over an archive"
    SUPPORT = "support", "to help who asks for help"
    SECURITY = "security", "to protect the service and the people who use it"
    ANALYTICS = "analytics", "to understand how the service is used"
    ANSWERING = "answering", "to give a person what they asked for"
    LEGAL = "legal", "to keep the law, and in matters of law"
