"""The document by which a representative proves the authority: sealed, taken out for a stated reason, destroyed some days after the decision.

| step | by | what stays |
|---|---|---|
| kept: PDF, PNG or JPEG, sealed under a secret of the representative's own | whoever registers the representative | its SHA-256 and size |
| taken | staff, who says why | who, when and why, in the ledger |
| destroyed: the row's bytes, then the secret | the sweep, MINOR_DOCUMENT_DAYS after the decision, but for a hold | when, and the SHA-256, in the ledger |

The row goes first: who is killed in between leaves a secret that opens nothing, and the next sweep destroys it. It must never destroy what a
hold keeps, and never put a byte of a document into a message, a log or the ledger.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from apps.accounts import keeping
from apps.accounts.models import LARGEST_DOCUMENT, Person, Representative
from apps.accounts.services.looking import Reason, ReasonMissing
from apps.accounts.states import RepresentativeState
from apps.audit.models import Event
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.digests import sha256
from apps.foundation.keys import forget, keystore, seal, unseal
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember

TAKEN = "representative.document_taken"
#: kind → how such a file begins
KINDS = {"application/pdf": b"%PDF-", "image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
ENDINGS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}
#: of the advisory lock that keeps a new secret, whose row is not committed yet, from being taken for one that was left
NEW_SECRETS = 0x434F_0402


class DocumentNotUsable(Refusal):
    """The file is no PDF, PNG or JPEG."""

    code = "document_not_usable"
    mend = "Hand in a scan or a photograph as PDF, PNG or JPEG."


class DocumentTooLarge(Refusal):
    """The file is larger than 10 MB."""

    code = "proof_too_large"
    mend = "Hand in a smaller scan of it."


class DocumentGone(Refusal):
    """The document was destroyed, as is due some days after the decision."""

    code = "document_gone"
    mend = "Its SHA-256 stays: who has the original can show that it is the same."


class DocumentNotTaken(Refusal):
    """You did not look at the document yet."""

    code = "document_not_taken"
    mend = "Take the document, read it, then come back."


def kept_days() -> int:
    """How many days after its decision a document is kept."""
    return settings.MINOR_DOCUMENT_DAYS


def secret_of(reference: str) -> str:
    """The name of the representative's secret in the keystore."""
    return f"representative/{reference}"


def kind_of(content: bytes) -> str:
    """What a file is by its first bytes; what it calls itself is not asked."""
    if len(content) > LARGEST_DOCUMENT:
        raise DocumentTooLarge
    kind = next((kind for kind, begins in KINDS.items() if content.startswith(begins)), None)
    if kind is None:
        raise DocumentNotUsable
    return kind


def put(representative: Representative, content: bytes) -> None:
    """Seal the document into a row that is not saved yet, inside the transaction that saves it."""
    representative.document_kind = kind_of(content)
    _lock_secrets(shared=True)
    representative.document = seal(
        content, store=keystore(), secret=secret_of(representative.reference), about=representative.reference
    )
    representative.document_digest, representative.document_size = sha256(content), len(content)


@transaction.atomic
def take(*, representative: Representative, reason: str, by: StaffMember, at: datetime) -> tuple[bytes, str]:
    """The document's bytes and kind, once it is recorded that they were taken and why."""
    if reason not in Reason.values:
        raise ReasonMissing
    row = Representative.objects.get(pk=representative.pk)
    if row.document is None:
        raise DocumentGone
    content = unseal(row.document, store=keystore(), secret=secret_of(row.reference), about=row.reference)
    facts = {"reason": str(reason), "digest": bytes(row.document_digest)}
    ledger.record(TAKEN, by=by, about=row.reference, at=at, facts=facts)
    return content, row.document_kind


def require_taken(representative: Representative, *, by: StaffMember) -> None:
    """Nobody checks or decides on a document that they never took."""
    if not Event.objects.filter(verb=TAKEN, object=representative.reference, actor=str(by.actor)).exists():
        raise DocumentNotTaken


def destroy_due(*, at: datetime) -> int:
    """Destroy the documents that were decided on so long ago; returns how many."""
    before = at - timedelta(days=kept_days())
    due = list(Representative.objects.with_document_due(before).values_list("pk", flat=True))
    return sum(_destroy(pk, before, at) for pk in due)


@transaction.atomic
def _destroy(pk: int, before: datetime, at: datetime) -> bool:
    row = _locked(pk, before)
    if row is None or (row.person is not None and keeping.is_kept(person=row.person, at=at)):
        return False
    row.document, row.document_destroyed_at = None, at
    fields = ["document", "document_destroyed_at"]
    if row.state == RepresentativeState.REJECTED:
        row.full_name = row.email = row.minor_given_name = ""
        row.minor_birth_date = None
        fields += ["full_name", "email", "minor_given_name", "minor_birth_date"]
    row.save(update_fields=fields)
    ledger.record(
        "representative.document_destroyed", by=SYSTEM, about=row.reference, at=at,
        facts={"digest": bytes(row.document_digest), "decided_at": row.decided_at, "names_too": row.state == RepresentativeState.REJECTED},
    )  # fmt: skip
    return True


def _locked(pk: int, before: datetime) -> Representative | None:
    """The row whose document is still due, locked after its person; None where another worker was first."""
    whom = Representative.objects.filter(pk=pk).values_list("person_id", flat=True).first()
    person = Person.objects.select_for_update(no_key=True).filter(pk=whom).first()
    row = Representative.objects.with_document_due(before).select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None or row.person_id != whom:
        return None  # bound to a person meanwhile: the next sweep asks for that one's holds
    row.person = person
    return row


@transaction.atomic
def destroy_left_secrets(*, at: datetime) -> int:
    """Destroy the secrets that open nothing: of destroyed documents, of people who are gone, of registrations that were rolled back."""
    _lock_secrets(shared=False)
    store = keystore()
    kept = set(Representative.objects.needing_their_secret().values_list("reference", flat=True))
    left = [name for name in store.names("representative") if name.partition("/")[2] not in kept]
    for name in left:
        store.destroy(name)
        forget(store.identity, name)
    return len(left)


def _lock_secrets(*, shared: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}(%s)", [NEW_SECRETS])
