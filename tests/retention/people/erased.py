"""A person's messages erased as data requests do it, and what is there before and after."""

from django.db import transaction

from apps.accounts.services.subjects import subject_of
from apps.foundation.keys import keystore
from apps.foundation.personal_data import Ended, Subject
from apps.retention import envelope
from apps.retention.importing.lines import Party
from apps.retention.models import Cohort, Message
from apps.retention.promises import every_account_adds_up, seals_hold
from apps.retention.services import people
from tests import cast
from tests.cast import DAY, NOON

BEN = Party(email="ben@client.example", name="Ben")
CARA = Party(source_id="u-3", name="Cara")


def erase(person, answer="", *, at=NOON) -> Ended:
    """All of it, each call in a transaction of its own; only the last says what is kept."""
    subject, erased, anonymised = person if isinstance(person, Subject) else subject_of(person), 0, 0
    while True:
        with transaction.atomic():
            ended = people.erase(subject, at, answer)
        erased, anonymised = erased + ended.erased, anonymised + ended.anonymised
        if not ended.more:
            return Ended(erased, anonymised, ended.kept)
        assert not ended.kept


def five_messages(clinic) -> None:
    """Ada wrote two, got one, and has nothing to do with two."""
    cast.hand_over(clinic, [
        cast.message(1), cast.message(2, at=NOON - 2 * DAY),
        cast.message(3, sender=BEN, recipients=(Party(email="ADA@client.example"), CARA)),
        cast.message(4, sender=BEN, recipients=(CARA,)), cast.message(5, sender=CARA, recipients=(BEN,)),
    ])  # fmt: skip


def messages(clinic) -> dict[str, dict]:
    """All live ones by id, as they lie there; their tags are those of who takes part."""
    found = {}
    for cohort in Cohort.objects.filter(organization=clinic).order_by("expiry_on"):
        opener = envelope.for_cohort(keystore(), organization=clinic.reference, expiry=cohort.expiry_on)
        for row in Message.objects.on_days([cohort.expiry_on]).filter(organization_id=clinic.pk).order_by("id"):
            message, _salt = opener.open(bytes(row.ciphertext), number=row.pk, policy_version=row.policy_version_id)
            assert [bytes(tag) for tag in row.tags] == opener.tags(message)
            found[message["id"]] = message
    return found


def sound(at=NOON) -> None:
    """Every account adds up and every seal is of what is there."""
    assert every_account_adds_up(at).violations == ()
    assert seals_hold(at).violations == ()
