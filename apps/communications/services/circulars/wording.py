"""The words of a circular as a mail: which template, and where its reader unsubscribes."""

from django.conf import settings
from django.urls import reverse

from apps.communications.models import Circular
from apps.consents.purposes import Channel
from apps.mail.services import rendering

#: stands for the random token in a preview and in a test: it unsubscribes nobody
SAMPLE = "0" * 43


def template(circular: Circular) -> str:
    return "communications/announcement" if circular.is_announcement else "communications/policy_notice"


def context(circular: Circular) -> dict:
    return {"subject": circular.subject, "words": circular.words, "reference": circular.reference}


def unsubscribe_url(token: str) -> str:
    return settings.BASE_URL + reverse("communications:unsubscribe", args=[token])


def preview(circular: Circular) -> tuple[str, str]:
    """Subject and text as they would arrive; in a mail with a link that unsubscribes nobody."""
    if circular.channel != Channel.EMAIL:
        return circular.subject, circular.words
    return rendering.render(template(circular), context(circular) | {"unsubscribe_url": unsubscribe_url(SAMPLE)})
