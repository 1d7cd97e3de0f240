"""What a consent may be for, and the purposes that come with the software, by their codes."""

from django.db.models import TextChoices


class Kind(TextChoices):
    """What is collected or done under it. `settings.CONSENT_ERASERS` names by kind who erases when it ends."""

    CONTACTS = "contacts", "contacts"
    CALENDAR = "calendar", "calendar"
    ANNOUNCEMENTS = "announcements", "announcements"
    DISCLOSURE = "disclosure", "disclosure to somebody"


class Channel(TextChoices):
    """How we would write; none where nothing is written."""

    NONE = "", "none"
    EMAIL = "email", "e-mail"
    IN_APP = "in_app", "in the product"
    SMS = "sms", "text message"


CONTACTS = "contacts"
CALENDAR = "calendar"
ANNOUNCEMENTS_EMAIL = "announcements_email"
ANNOUNCEMENTS_IN_APP = "announcements_in_app"
ANNOUNCEMENTS_SMS = "announcements_sms"

#: made by a migration with their first texts; staff add purposes of the kind `DISCLOSURE` only
BUILT_IN = (CONTACTS, CALENDAR, ANNOUNCEMENTS_EMAIL, ANNOUNCEMENTS_IN_APP, ANNOUNCEMENTS_SMS)

#: the channel by which announcements of a purpose are sent
ANNOUNCING = {Channel.EMAIL: ANNOUNCEMENTS_EMAIL, Channel.IN_APP: ANNOUNCEMENTS_IN_APP, Channel.SMS: ANNOUNCEMENTS_SMS}
