"""The acts that send the mails of announcements and notices: each answers the moment and what its mail has to say."""

from datetime import timedelta

from apps.communications.services import notices
from apps.communications.services.announcements import trying
from apps.communications.services.circulars import sending
from apps.policies.models import PolicyVersion
from tests.cast import NOON
from tests.communications.announcements import circulars
from tests.communications.announcements.published import second

#: a run's moments go on with the time that it takes
SOON = NOON + timedelta(seconds=30)


def an_announcement():
    circulars.readers(1)
    row = circulars.approved()
    sending.sweep(at=NOON)
    return SOON, ["reader1@client.example", row.reference, "Version 7 mends what was slow.", "/unsubscribe/", "/preferences/"]


def a_test():
    row = circulars.draft()
    trying.send_test(circular=row, by=circulars.dana(), at=NOON)
    return SOON, ["dana@covenant.example", "[Test] Version 7 is here", row.reference, "Version 7 mends what was slow."]


def a_policy_notice():
    circulars.person(1)
    second()
    notices.work(at=NOON)
    number = PolicyVersion.objects.published().latest("number").number
    return SOON, ["reader1@client.example", f"version {number}", f"/privacy/changes/{number - 1}/{number}/", "What is new & why"]
