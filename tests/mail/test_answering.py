"""A mail that answers a mail says so in its headers, and whatever was written into a Message-ID breaks out of none."""

import pytest

from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from tests.cast import DAY, NOON

pytestmark = pytest.mark.django_db

ASKED = "<question.1@client.example>"
BROKEN = ("", "<a b@c>", "<a@b>\r\nBcc: eve@evil.example", "a@b", "<a@b", "<a<b>", "<ä@b>", f"<{'x' * 260}>", "<a@b>\n")


def test_both_headers_name_the_mail_that_is_answered(queue, server):
    queue(in_reply_to=ASKED)
    outbox.send_due(at=NOON)
    (arrived,) = server.taken
    assert (arrived.message["In-Reply-To"], arrived.message["References"]) == (ASKED, ASKED)


@pytest.mark.parametrize("said", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_message_id_is_left_out(queue, server, said):
    queue(in_reply_to=said)
    outbox.send_due(at=NOON)
    (arrived,) = server.taken
    assert OutgoingMail.objects.get().in_reply_to == ""
    assert not {"In-Reply-To", "References", "Bcc"} & set(arrived.message.keys())
    assert len(arrived.recipients) == 1


def test_it_is_emptied_with_the_mail(queue, server, settings):
    queue(in_reply_to=ASKED)
    outbox.send_due(at=NOON)
    outbox.empty_ended(at=NOON + (settings.MAIL_EMPTIED_AFTER_DAYS + 1) * DAY)
    assert OutgoingMail.objects.get().in_reply_to == ""
