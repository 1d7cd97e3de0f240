"""Announcements of the demo: one that went out, one that waits for its second person, one draft, made by the real services.

It belongs to demo.py, which calls it once, after people have said what they allow. Nothing is said to anybody: mail goes to a folder.
"""

from datetime import datetime, timedelta

from apps.communications.services.announcements import deciding, drafting
from apps.communications.services.circulars import sending
from apps.staff.models import StaffMember

NEWS = (
    ("release", "email", "Version 7 is here", "Conversations open twice as fast, and you can mute a group for a while.\n\nNothing is asked of you."),
    ("patch", "in_app", "A patch for shared calendars", "Free and busy times show in the right time zone again."),
    ("update", "email", "Planned work on Sunday", "We renew our servers on Sunday between 06:00 and 08:00 UTC. Messages wait meanwhile; none is lost."),
)


def make(*, now: datetime) -> None:
    """The first was sent, the second waits for approval, the third is a draft."""
    dana, cleo = (StaffMember.objects.get(username=name) for name in ("dana", "cleo"))
    began = now - timedelta(hours=3)
    sent, waiting, _draft = (
        drafting.draft(kind=kind, channel=channel, subject=subject, words=words, by=dana, at=began) for kind, channel, subject, words in NEWS
    )
    drafting.ask(circular=sent, by=dana, at=began)
    deciding.approve(circular=sent, by=cleo, at=began + timedelta(hours=1))
    drafting.ask(circular=waiting, by=dana, at=began + timedelta(hours=2))
    sending.sweep(at=now)
