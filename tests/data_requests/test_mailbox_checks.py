"""The start is refused where what people ask could be read on its way, or would vanish among inquiries."""

import pytest

from apps.data_requests.checks import requests_come_in_privately


@pytest.mark.parametrize(
    ("url", "inquiries", "code"),
    [
        ("imap://a:b@mail.example/INBOX", "", "covenant.E842"),
        ("http://mail.example", "", "covenant.E841"),
        ("imap+ssl://a@mail.example", "", "covenant.E841"),
        ("imap+ssl://a:b@mail.example/INBOX", "imap+ssl://a:b@mail.example/INBOX", "covenant.E843"),
    ],
)
def test_an_unsafe_mailbox_stops_the_start_and_its_password_is_not_said(settings, url, inquiries, code):
    settings.REQUEST_MAILBOX_URL, settings.INQUIRY_MAILBOX_URL = url, inquiries
    found = requests_come_in_privately()
    assert [error.id for error in found] == [code]
    assert "a:b" not in f"{found[0].msg} {found[0].hint}"


@pytest.mark.parametrize("url", ["", "imap+ssl://a:b@mail.example/Requests", "imap+tls://a:b@mail.example", "imap://a:b@127.0.0.1:143/INBOX"])
def test_a_safe_one_or_none_is_fine(settings, url):
    settings.REQUEST_MAILBOX_URL, settings.INQUIRY_MAILBOX_URL = url, "imap+ssl://a:b@mail.example/INBOX"
    assert requests_come_in_privately() == []
