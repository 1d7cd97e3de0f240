"""People who consented that a third party of its own gets something of theirs: the purpose with its texts, and what each said."""

from datetime import datetime

from apps.accounts.models import Person
from apps.consents.models import ConsentEvent, ConsentPurpose, PurposeText
from apps.consents.services import giving, withdrawing
from apps.consents.states import How
from apps.foundation.actors import SYSTEM
from apps.gate.models import WithdrawalNotice
from apps.gate.services import permits, withdrawals
from apps.gate.services.deciding import About, Ground, Package, Recipient, decide
from apps.providers.models import Provider
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import given
from tests.gate.given import DIGEST

PURPOSE = "survey"
SINCE = NOON - 30 * DAY


def text(purpose: ConsentPurpose, number: int, categories: list[str], *, months: int | None = None, at: datetime = SINCE) -> PurposeText:
    """A published text of the purpose."""
    row = PurposeText.objects.create(
        purpose=purpose, number=number, words="They ask you how you like it.", collected="Your name and address.",
        lost_without="Nothing.", categories=sorted(categories), months=months, drafted_by="staff:STF-1", drafted_at=at,
    )  # fmt: skip
    row.state, row.published_by, row.published_at, row.digest = "published", "staff:STF-2", at, bytes([number]) * 32
    row.save()
    return row


def purpose(to: Provider, categories=("contact", "identity"), *, code: str = PURPOSE, used_for: str = "support", months: int | None = None) -> ConsentPurpose:
    """That Somebody Else gets contact details, to ask people how they like it."""
    made = ConsentPurpose.objects.create(
        code=code, kind="disclosure", title="A survey", recipient=to.reference, disclosure_purpose=used_for, proposed_by="staff:STF-1", proposed_at=SINCE
    )
    text(made, 1, list(categories), months=months)
    made.is_open, made.opened_at = True, SINCE
    made.save()
    return made


def give(person: Person, code: str = PURPOSE, *, at: datetime = NOON - DAY) -> ConsentEvent:
    shown = PurposeText.objects.in_force(at).get(purpose_id=code)
    return giving.give(
        person=person, purpose=code, text=shown.number, shown=bytes(shown.digest), shown_at=at, how=How.PREFERENCE_PAGE, by=SYSTEM, at=at
    )


def withdraw(person: Person, code: str = PURPOSE, *, at: datetime = NOON) -> ConsentEvent | None:
    return withdrawing.withdraw(person=person, purpose=code, how=How.PREFERENCE_PAGE, by=SYSTEM, at=at)


def on_consent(to: Provider, about: About, **changed) -> Package:
    return given.to_provider(to, about, **{"ground": Ground.CONSENT, "consent": PURPOSE} | changed)


def handed_over(to: Provider, person: Person, *, at: datetime = NOON) -> str:
    """Something of a person who consented leaves; the reference of its disclosure."""
    permit = decide(package=on_consent(to, About.person(person.reference)), by=SYSTEM, at=at)
    fields = frozenset({"email", "given_name"})
    permits.spend(permit=permit, recipient=Recipient.provider(to.reference), fields=fields, digest=DIGEST, at=at)
    return permit.disclosure.reference


def a_withdrawal():
    """A person takes a consent back on which something left: who got it hears, and so does who answers for them here."""
    somebody = given.provider("Somebody Else", role="independent")
    purpose(somebody)
    ada = cast.ada(cast.client(hipaa=False))
    give(ada)
    got = handed_over(somebody, ada)
    withdraw(ada)
    withdrawals.look_after(at=NOON)
    return WithdrawalNotice.objects.get(), got, somebody, ada


def a_told_recipient():
    notice, got, somebody, ada = a_withdrawal()
    return NOON, ["desk@provider.example", notice.reference, got, somebody.reference, ada.reference, "2026-03-08", "2026-03-29", PURPOSE]


def a_told_owner():
    notice, _got, somebody, _ada = a_withdrawal()
    return NOON, ["dana@covenant.example", notice.reference, somebody.reference, "1 disclosure)", "2026-03-29", f"withdrawalnotice/{notice.pk}/"]
