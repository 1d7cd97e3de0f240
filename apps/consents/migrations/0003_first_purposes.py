"""The purposes that come with the software, each with its first text.

A text is published as of a day on which nobody can have been asked yet, so that it is in force from the first consent on. Its digest is that
of `services.texts.digest_of` (a test compares the two).
"""

import hashlib
import json
from datetime import UTC, datetime

from django.db import migrations

SINCE = datetime(2024, 1, 1, tzinfo=UTC)
BY = "system:covenant"

#: code, kind, channel, title, what for, what is collected, what is lost without it, categories
PURPOSES = (
    (
        "contacts", "contacts", "", "Your contacts",
        "We compare the e-mail addresses and phone numbers in the address books that you give us with those of other people who use the service "
        "and allow the same, so that you find each other.",
        "E-mail addresses and phone numbers of your address books, at once turned into codes that can't be read back. We keep no names, no notes, "
        "and nothing about people who do not use the service that anybody could read.",
        "You won't see which of your contacts use the service, and they won't see you.",
        ["contact", "identity"],
    ),
    (
        "calendar", "calendar", "", "Your calendars",
        "We read when you are busy, so that people you work with can find a time that suits you both.",
        "The beginning and the end of your appointments in the coming weeks. We keep no titles, places, notes or guests.",
        "Others can't see when you are free, and you can't be offered a time together.",
        ["identity"],
    ),
    (
        "announcements_email", "announcements", "email", "News by e-mail",
        "We write to you by e-mail when there is a new release, an important update or an announcement about the service.",
        "Your e-mail address, and which announcements we sent you.",
        "You hear of news only where we publish it. What you need to know about your account still reaches you.",
        ["contact"],
    ),
    (
        "announcements_in_app", "announcements", "in_app", "News in the product",
        "We show you in the product when there is a new release, an important update or an announcement about the service.",
        "Which announcements were shown to you.",
        "You hear of news only where we publish it. What you need to know about your account still reaches you.",
        ["identity"],
    ),
    (
        "announcements_sms", "announcements", "sms", "News by text message",
        "We send you a text message when there is a new release, an important update or an announcement about the service.",
        "Your phone number, and which announcements we sent you.",
        "You hear of news only where we publish it. What you need to know about your account still reaches you.",
        ["contact"],
    ),
)  # fmt: skip


def digest(text: dict) -> bytes:
    return hashlib.sha256(json.dumps(text, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).digest()


def open_purposes(apps, _editor):
    ConsentPurpose = apps.get_model("consents", "ConsentPurpose")  # noqa: N806
    PurposeText = apps.get_model("consents", "PurposeText")  # noqa: N806
    for code, kind, channel, title, words, collected, lost_without, categories in PURPOSES:
        if ConsentPurpose.objects.filter(code=code).exists():
            continue
        purpose = ConsentPurpose.objects.create(code=code, kind=kind, channel=channel, title=title, proposed_by=BY, proposed_at=SINCE)
        text = PurposeText.objects.create(
            purpose=purpose, number=1, words=words, collected=collected, lost_without=lost_without, categories=sorted(categories),
            drafted_by=BY, drafted_at=SINCE,
        )  # fmt: skip
        text.state, text.published_by, text.published_at = "published", BY, SINCE
        text.digest = digest({
            "purpose": code, "kind": kind, "channel": channel, "title": title, "recipient": "", "disclosure_purpose": "", "number": 1,
            "words": words, "collected": collected, "lost_without": lost_without, "categories": sorted(categories), "months": None,
        })  # fmt: skip
        text.save()
        purpose.is_open, purpose.opened_at = True, SINCE
        purpose.save()


def leave_them(_apps, _editor):
    """They go with their tables: what people were shown is not removed before."""


class Migration(migrations.Migration):
    dependencies = [("consents", "0002_what_was_said_stays")]

    operations = [migrations.RunPython(open_purposes, leave_them)]
