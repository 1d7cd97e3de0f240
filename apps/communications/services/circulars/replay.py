"""After the database was restored from a backup: what goes to many waits for a person, because nobody knows who has got it since.

It must never send anything a second time: better one reader too few than everybody twice.
"""

from datetime import datetime

from apps.audit.journal_file import Line
from apps.audit.services import ledger
from apps.communications.models import Circular, Delivery
from apps.communications.states import CIRCULAR_MOVES, CircularKind, CircularState, DeliveryState
from apps.consents.purposes import Channel
from apps.foundation.actors import SYSTEM
from apps.mail.services import outbox
from apps.policies.models import PolicyVersion

WENT_OUT = "it went out after the backup was made"
RESTORED = "restored from a backup; who got it since is not known"


def circular_started(line: Line, *, at: datetime) -> None:
    """It began after the backup was made, which knows it as a draft or approved: it ends, and is written anew if it is still wanted."""
    row = Circular.objects.select_for_update(of=("self",), no_key=True).filter(reference=line.about).first()
    if row is None and line.body["version"]:
        _notice_again(line, at=at)
    if row is None or row.started_at is not None or CircularState.CANCELLED not in CIRCULAR_MOVES[row.state]:
        return
    row.state, row.ended_at, row.trouble = CircularState.CANCELLED, at, WENT_OUT
    row.save(update_fields=["state", "ended_at", "trouble"])
    ledger.record("circular.not_sent_again", by=SYSTEM, about=row.reference, at=at)


def _notice_again(line: Line, *, at: datetime) -> None:
    """The notice of a version that the backup knows, while it does not know the notice: it is not made a second time."""
    version = PolicyVersion.objects.filter(number=line.body["version"], published_at__isnull=False, notice=None).first()
    if version is None:
        return
    Circular.objects.create(
        reference=line.about, kind=CircularKind.POLICY, channel=Channel.EMAIL, about_version=version, subject=f"Version {version.number}",
        words=WENT_OUT, state=CircularState.CANCELLED, created_at=line.at, started_at=line.at, ended_at=at, trouble=WENT_OUT,
    )  # fmt: skip
    ledger.record("circular.not_sent_again", by=SYSTEM, about=line.about, at=at)


def circulars_wait(*, at: datetime) -> None:
    """What was on its way when the backup was made is paused, with its mails out of the outbox: some of them left since."""
    for row in Circular.objects.select_for_update(of=("self",), no_key=True).filter(state=CircularState.SENDING).order_by("pk"):
        unsent = Delivery.objects.unsent().filter(circular=row, state=DeliveryState.HANDED)
        outbox.take_back(mails=list(unsent.values_list("mail_id", flat=True)), at=at)
        row.state, row.trouble, row.leased_until = CircularState.PAUSED, RESTORED, None
        row.save(update_fields=["state", "trouble", "leased_until"])
        ledger.record("circular.paused_after_restore", by=SYSTEM, about=row.reference, at=at)
