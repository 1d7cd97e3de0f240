"""Repeats what the journal says of matching keys that were destroyed, after the database was restored from a backup.

Values under such a key came back with the backup and are worth nothing: they match nobody, and nobody can open them. They are removed;
addresses are read again in full, and of a file the person is told to upload it anew.
"""

from datetime import datetime

from apps.audit.journal_file import Line
from apps.audit.services import ledger
from apps.contacts.hashing import secret_of
from apps.contacts.models import ContactKey, MatchingKey, PersonKey, Source
from apps.contacts.states import KeyState, SourceHow, SourceState
from apps.foundation.actors import SYSTEM

UPLOAD_AGAIN = "upload_again"


def key_destroyed(line: Line, *, at: datetime) -> None:
    """The key is destroyed here too, with every value under it. Twice is once."""
    number = line.body["number"]
    key = MatchingKey.objects.select_for_update().filter(number=number).first()
    if key is not None and key.state == KeyState.DESTROYED:
        return
    touched = set(ContactKey.objects.filter(key_id=number).values_list("source_id", flat=True))
    values = sum(rows._raw_delete(rows.db) for rows in (ContactKey.objects.filter(key_id=number), PersonKey.objects.filter(key_id=number)))
    if key is None:
        MatchingKey.objects.create(
            number=number, state=KeyState.DESTROYED, announced_at=line.at, announced_by=str(SYSTEM), destroyed_at=line.at
        )
    else:
        key.state, key.destroyed_at = KeyState.DESTROYED, line.at
        key.save(update_fields=["state", "destroyed_at"])
    lost = Source.objects.filter(pk__in=touched)
    lost.filter(how=SourceHow.DAV).update(sync_state=None, read_fully_at=None)
    lost.filter(how=SourceHow.DAV, state=SourceState.ACTIVE).update(next_at=at, failures=0, leased_until=None)
    lost.filter(how=SourceHow.FILE).update(entries=0, state=SourceState.PARKED, last_error=UPLOAD_AGAIN)
    ledger.record("matching_key.destroyed_again", by=SYSTEM, about=secret_of(number), at=at, facts={"values": values, "sources": len(touched)})
