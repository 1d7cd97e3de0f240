"""After the database was restored from a backup: who was erased since is erased again, everything of them, in every holding.

| line | what it does in the restored database |
|---|---|
| `person.closed` (accounts) | nothing is done for the person any more |
| `person.erasing` | who is erased is a row again; it comes with the line before, so a request that the backup lacks is opened anew by the sweep |
| `person.erased` | everything goes, Message Data as its client decided then; written again when a remainder went |

Each runs in the transaction of its line; twice is once. Holds that stood when the line was written were placed again by lines before it, and
keep what they name. Secrets of the rows are destroyed with them: the act stands already, and a replay that dies repeats it.
Whoever the backup does not know has nothing there to be erased. It must never leave somebody erased able to come in again.
"""

from datetime import datetime
from functools import partial

from apps.accounts.models import Person
from apps.accounts.services import subjects
from apps.audit.journal_file import Line
from apps.audit.services import ledger
from apps.data_requests import order
from apps.data_requests.models import ErasedPerson
from apps.data_requests.services import planning, stepping
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.foundation.personal_data import Erase, Subject
from apps.foundation.refusals import Refusal
from apps.retention.services import people

MOST_PIECES = 100_000


class NeverDone(Refusal):
    """A holding asks to be called again and again."""

    code = "never_done"
    mend = "This is a defect of the holding; the replay goes on under a version in which it is mended."


def person_erasing(line: Line, *, at: datetime) -> None:
    """An erasure that had begun is one that has no end yet."""
    ErasedPerson.objects.update_or_create(
        person_reference=line.about,
        defaults={
            "request_reference": line.body["request"], "digests": b"".join(map(bytes.fromhex, line.body["digests"])), "began_at": line.at,
            "done_at": None, "kept_until": datetime.fromisoformat(line.body["kept_until"]),
        },
    )  # fmt: skip


def person_erased(line: Line, *, at: datetime) -> None:
    """Everything of the person goes again, their messages as the client decided."""
    ErasedPerson.objects.filter(person_reference=line.about).update(done_at=line.at)
    person = Person.objects.select_for_update(no_key=True, of=("self",)).filter(reference=line.about).first()
    if person is None:
        return
    subject = subjects.subject_of(person)
    counts = {"erased": 0, "anonymised": 0, "kept": 0}
    for holding in order.in_order():
        if holding.erase is not None:
            is_decided = holding.code == planning.CLIENT_DECIDES
            _repeat(partial(people.erase, answer=line.body["decided"]) if is_decided else holding.erase, subject, counts, at)
    ledger.record("person.erased_again", by=SYSTEM, about=line.about, at=at, facts=counts | {"request": line.body["request"]})


def _repeat(work: Erase, subject: Subject, counts: dict[str, int], at: datetime) -> None:
    for _number in range(MOST_PIECES):
        ended = work(subject, at)
        counts["erased"] += ended.erased
        counts["anonymised"] += ended.anonymised
        for name in ended.secrets:
            keystore().destroy(name)
        for name in ended.files:
            stepping.destroy_file(name)
        if not ended.more:
            counts["kept"] += sum(one.rows for one in ended.kept)
            return
    raise NeverDone
