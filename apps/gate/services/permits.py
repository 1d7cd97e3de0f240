"""A permit is spent once, by whoever holds its token, for exactly what it was given for; its ground is asked again at that moment.

| tried | answer |
|---|---|
| used before, or by two at once | PermitSpent: the row is locked, one of the two comes first |
| after its time | PermitLapsed |
| for another recipient | RecipientDiffers |
| with other fields or other bytes | PackageChanged |
| when what it rests on was withdrawn, suspended, lapsed or replaced since | GroundGone, with all reasons |

Whatever does not serve leaves the permit as it was, and is recorded. The provider's row is locked while its standing is asked, and so are
the consents it rests on, so that a withdrawal comes before the use or waits for it. Like a decision it refuses to run inside somebody else's transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.foundation.refusals import Refusal
from apps.gate.models import Disclosure, Permit
from apps.gate.package import About, Package, Recipient
from apps.gate.services import contacts, knowing, recording, rules
from apps.gate.states import AboutKind, Ground, PermitKind, Stage
from apps.providers.services.asking import Reason

LONGEST_TOKEN = 200
NOBODY = "service:unknown"  # a token that nobody was given


class PermitRefused(Refusal):
    """The permit does not serve."""

    code = "permit_refused"
    mend = "Ask the gate for a new permit."

    def __init__(self, what: str = "", *, permit: Permit | None = None, reasons: Sequence[Reason] = ()):
        super().__init__(what)
        self.permit = permit
        self.reasons = tuple(reasons) or (Reason(self.code, self.what, self.mend),)


class PermitUnknown(PermitRefused):
    """There is no permit with that token."""

    code = "permit_unknown"
    mend = "Ask the gate for a permit, and send its token as it was answered."


class PermitSpent(PermitRefused):
    """The permit was used before; it serves once."""

    code = "permit_spent"
    mend = "Ask the gate again: each time something leaves it is recorded."


class PermitLapsed(PermitRefused):
    """The permit's time is over."""

    code = "permit_lapsed"
    mend = "Ask the gate again, right before it shall leave."


class PackageChanged(PermitRefused):
    """What shall leave is not what the permit was given for."""

    code = "package_changed"
    mend = "Ask the gate for a permit for what shall leave now."


class GroundGone(PermitRefused):
    """What the permit rests on is no longer so."""

    code = "ground_gone"
    mend = "Mend each of its reasons, and ask the gate again."


class RecipientDiffers(PermitRefused):
    """The permit is for another recipient."""

    code = "recipient_differs"
    mend = "Ask the gate for a permit for this recipient."


def spend(*, permit: Permit | str, recipient: Recipient, fields: frozenset[str], digest: bytes | None, at: datetime) -> Permit:
    """Use a permit (or its token) for good; when this returns it is committed that it is spent. Raises a PermitRefused of some kind."""
    try:
        with transaction.atomic(durable=True):
            row = _locked(permit)
            _fit(row, recipient=recipient, fields=fields, digest=digest, at=at)
            row.spent_at = at
            row.save(update_fields=["spent_at"])
            return row
    except PermitRefused as no:
        by = no.permit.by if no.permit is not None else NOBODY
        recording.refuse_permit(no.permit, no.reasons, recipient=recipient, stage=Stage.SPENDING, by=by, at=at)
        raise


def _locked(permit: Permit | str) -> Permit:
    rows = Permit.objects.select_related("disclosure").select_for_update(of=("self",))
    if isinstance(permit, Permit):
        return rows.get(pk=permit.pk)
    row = rows.filter(token_hash=recording.hashed(permit)).first() if len(permit) <= LONGEST_TOKEN else None
    if row is None:
        raise PermitUnknown
    return row


def _fit(permit: Permit, *, recipient: Recipient, fields: frozenset[str], digest: bytes | None, at: datetime) -> None:
    if permit.spent_at is not None:
        raise PermitSpent(f"{permit} was used before; it serves once.", permit=permit)
    if at >= permit.lapses_at:
        raise PermitLapsed(f"The time of {permit} is over.", permit=permit)
    if (permit.recipient_kind, permit.recipient) != (recipient.kind, recipient.reference):
        raise RecipientDiffers(f"{permit} is for another recipient.", permit=permit)
    bound = None if permit.digest is None else bytes(permit.digest)
    if frozenset(fields) != frozenset(permit.fields) or digest != bound:
        raise PackageChanged(f"What shall leave is not what {permit} was given for.", permit=permit)
    knowing.lock(recipient)
    why = contacts.reasons(recipient, permit.why, at) if permit.kind == PermitKind.CONTACT else _gone(permit.disclosure, at)
    if why:
        raise GroundGone(f"What {permit} rests on is no longer so: " + " ".join(one.text for one in why), permit=permit, reasons=why)


def _gone(disclosure: Disclosure, at: datetime) -> list[Reason]:
    """Why what was let out may leave no longer: the rules are asked again, and all it was let out on must be the same."""
    package = package_of(disclosure)
    known = knowing.known(package, at)
    why = rules.reasons(package, known)
    if why:
        return why
    if package.ground == Ground.CONSENT:
        before = dict(disclosure.subjects.values_list("person_reference", "consent"))
        if before != {person: known.consents[person].event for person in before}:
            why.append(Reason("another_consent", "Somebody took their consent back and gave it anew since.", "Ask the gate again."))
    elif known.standing is not None and known.standing.grant != disclosure.grant:
        why.append(Reason("another_grant", "The grant it was given on covers it no longer; another one does.", "Ask the gate again."))
    there = rules.countries_of(package, known)
    if set(there) - set(disclosure.countries):
        why.append(Reason("another_country", "It would go to a country that it was not let out for.", "Ask the gate again."))
    elif {known.exceptions[country] for country in there if country != rules.HOME} - set(disclosure.exceptions):
        why.append(Reason("another_exception", "The exception it was let out by is over; another one is in force.", "Ask the gate again."))
    return why


def package_of(disclosure: Disclosure) -> Package:
    """What was let out, as it was asked for."""
    if disclosure.about_kind == AboutKind.ORGANIZATION:
        about = About.organization(disclosure.about_organization, disclosure.about_count)
    else:
        named = tuple(disclosure.subjects.order_by("id").values_list("person_reference", flat=True))
        about = About(disclosure.about_kind, named, disclosure.about_count)
    return Package(
        recipient=Recipient(disclosure.recipient_kind, disclosure.recipient), about=about, categories=frozenset(disclosure.categories),
        fields=frozenset(disclosure.fields), purpose=disclosure.purpose, ground=disclosure.ground,
        patient_information=disclosure.patient_information, digest=None if disclosure.digest is None else bytes(disclosure.digest),
        size=disclosure.size, what=disclosure.what, countries=tuple(disclosure.countries), consent=disclosure.consent,
    )  # fmt: skip
