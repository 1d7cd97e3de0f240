"""The start is refused where inquiries could be read on their way, live too long or vanish unread; each check is seen failing."""

import pytest

from apps.communications.checks import inquiries_are_private_and_end


def codes() -> list[str]:
    return [found.id for found in inquiries_are_private_and_end()]


@pytest.mark.parametrize("url", ["", "imap+ssl://a:b@mail.example.com/INBOX", "imap+tls://a:b@mail.example.com/", "imap://a:b@localhost/"])
def test_a_private_mailbox_or_none_is_fine(settings, url):
    settings.INQUIRY_MAILBOX_URL = url
    assert codes() == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("INQUIRY_MAILBOX_URL", "imap://a:secret@mail.example.com/", "covenant.E812"),
        ("INQUIRY_MAILBOX_URL", "mail.example.com", "covenant.E811"),
        ("INQUIRY_MAILBOX_URL", "imap+ssl://a:secret@mail:x/", "covenant.E811"),
        ("INQUIRY_KEEP_MONTHS", 0, "covenant.E813"),
        ("INQUIRY_KEEP_MONTHS", 25, "covenant.E813"),
        ("INQUIRY_CLOSED_AFTER_DAYS", 0, "covenant.E814"),
        ("INQUIRY_REFUSED_DAYS", 6, "covenant.E814"),
    ],
)
def test_an_unsafe_setting_stops_the_start_and_is_not_repeated(settings, name, value, code):
    setattr(settings, name, value)
    assert codes() == [code]
    assert "secret" not in str(inquiries_are_private_and_end())
