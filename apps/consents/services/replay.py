"""Repeats what the journal says of consents taken back and refused, after the database was restored from a backup.

Each function runs in the transaction of its line; what the database knows already is left alone. A person or a purpose that the backup
lacks needs nothing: nobody's consent stands there. It must never make anything stand.
"""

from datetime import datetime

from apps.accounts.models import Person
from apps.audit.journal_file import Line
from apps.consents.models import ConsentEvent, PurposeText
from apps.consents.services import saying, withdrawing
from apps.consents.states import ConsentAct
from apps.foundation.actors import SYSTEM


def consent_withdrawn(line: Line, *, at: datetime) -> None:
    """What stands again is withdrawn again, with what was collected under it; nobody is asked again sooner than before."""
    person = _person_without(line)
    if person is None:
        return
    body = line.body
    standing = saying.lock_standing(person, body["purpose"])
    if standing is not None and standing.stands:
        withdrawing.end(
            standing, person=person, act=ConsentAct.WITHDRAWN, how=body["how"], where="replay", by=SYSTEM, at=line.at, reference=line.about
        )
        return
    _say_no(line, ConsentAct.WITHDRAWN, person)


def consent_refused(line: Line, *, at: datetime) -> None:
    """Nobody is asked again before the day that the refusal had."""
    person = _person_without(line)
    if person is not None:
        _say_no(line, ConsentAct.REFUSED, person)


def _person_without(line: Line) -> Person | None:
    """The person, locked, where the database does not know yet what the line says."""
    person = Person.objects.select_for_update(no_key=True, of=("self",)).filter(reference=line.body["person"]).first()
    return None if person is None or ConsentEvent.objects.filter(reference=line.about).exists() else person


def _say_no(line: Line, act: ConsentAct, person: Person) -> None:
    """A no that nothing hangs on, with its months. The words that it was said to may be newer than the backup: then there is nothing to note."""
    body = line.body
    text = PurposeText.objects.published().filter(purpose_id=body["purpose"], number=body["text"]).first()
    standing = saying.lock_standing(person, body["purpose"])
    if text is None or (standing is not None and standing.stands):
        return
    said_at = saying.not_before(standing, line.at)
    # what was shown then is not in the journal, so the event claims nothing of it
    event = saying.say(
        ConsentAct.WITHDRAWN, person=person, text=text, at=said_at, by=SYSTEM, how=body["how"], where=f"replay:{act}", reference=line.about
    )
    saying.stand(event, standing, asked_again_from=datetime.fromisoformat(body["asked_again_from"]))
