"""A permit is used once, in its time, for exactly what it was given for, and only while its ground holds."""

from datetime import timedelta

import pytest
from django.db import transaction

from apps.foundation.actors import SYSTEM
from apps.gate.models import GateRefusal, Permit
from apps.gate.services import contacts, permits
from apps.gate.services.deciding import About, Recipient, Refused, decide
from apps.gate.states import ContactReason
from apps.providers.services import granting, lives
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import given
from tests.gate.given import DIGEST

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)
FIELDS = frozenset({"email", "given_name"})


@pytest.fixture
def use(cirrus):
    """Uses a permit as it was given; what is named differs."""

    def used(permit, **changed):
        as_given = {"permit": permit, "recipient": Recipient.provider(cirrus.reference), "fields": FIELDS, "digest": DIGEST, "at": LATER}
        return permits.spend(**as_given | changed)

    return used


@pytest.fixture
def permit(package):
    return decide(package=package(), by=SYSTEM, at=NOON)


def refused_at_use() -> list[tuple[str, str, list[str]]]:
    rows = GateRefusal.objects.filter(stage="spending").order_by("pk")
    return [(row.permit, row.recipient, row.codes) for row in rows]


def test_a_permit_is_used_once_and_its_second_use_is_refused_and_recorded(permit, use, cirrus):
    assert use(permit.token).spent_at == LATER
    with pytest.raises(permits.PermitSpent):
        use(permit.token)

    assert Permit.objects.get().spent_at == LATER
    assert refused_at_use() == [(permit.reference, cirrus.reference, ["permit_spent"])]
    row = GateRefusal.objects.get()
    assert (row.purpose, row.ground, row.what, row.by) == ("support", "service_provider", "EXP-7F3K2M9/part 1", "system:covenant")


def test_a_permit_serves_by_its_row_as_by_its_token(permit, use):
    assert use(Permit.objects.get()).spent_at == LATER


@pytest.mark.parametrize("token", ["", "prm_guessed", "x" * 5_000, "\ud800"])
def test_a_token_that_nobody_was_given_serves_nothing(permit, use, cirrus, token):
    with pytest.raises(permits.PermitUnknown):
        use(token)

    assert refused_at_use() == [("", cirrus.reference, ["permit_unknown"])]


def test_a_permit_serves_until_its_last_moment(package, use):
    first, second = (decide(package=package(), by=SYSTEM, at=NOON) for _ in range(2))
    end = NOON + timedelta(minutes=15)

    use(first, at=end - timedelta(microseconds=1))
    with pytest.raises(permits.PermitLapsed):
        use(second, at=end)
    assert refused_at_use()[0][2] == ["permit_lapsed"]


@pytest.mark.parametrize(
    "changed",
    [{"digest": bytes(32)}, {"digest": None}, {"fields": FIELDS | {"phone"}}, {"fields": frozenset({"email"})}, {"fields": frozenset()}],
)
def test_another_package_than_was_asked_for_does_not_leave_and_the_permit_stays(permit, use, changed):
    with pytest.raises(permits.PackageChanged):
        use(permit, **changed)

    assert refused_at_use()[0][2] == ["package_changed"]
    assert use(permit).spent_at == LATER


def test_a_permit_is_for_nobody_else(permit, use):
    for recipient in (Recipient.provider("PRV-0000000"), Recipient.client("ORG-0000000")):
        with pytest.raises(permits.RecipientDiffers):
            use(permit, recipient=recipient)
    assert [(row[1], row[2]) for row in refused_at_use()] == [
        ("PRV-0000000", ["recipient_differs"]), ("ORG-0000000", ["recipient_differs"]),
    ]  # fmt: skip


def test_a_grant_that_is_withdrawn_between_permit_and_use_lets_nothing_leave(permit, use, cirrus):
    granting.withdraw(grant=cirrus.grants.get(), by=cast.cleo(), at=NOON + timedelta(minutes=1))
    with pytest.raises(permits.GroundGone) as gone:
        use(permit)

    assert [reason.code for reason in gone.value.reasons] == ["no_grant"]
    assert refused_at_use()[0][2] == ["no_grant"]
    assert Permit.objects.get().spent_at is None


def test_a_provider_that_is_suspended_between_permit_and_use_gets_nothing(permit, use, cirrus):
    lives.suspend(provider=cirrus, reason="It was broken into.", by=cast.cleo(), at=NOON + timedelta(minutes=1))
    with pytest.raises(permits.GroundGone) as gone:
        use(permit)

    assert [reason.code for reason in gone.value.reasons] == ["provider_suspended"]


def test_a_grant_that_took_its_place_serves_only_who_asks_again(permit, use, cirrus, package):
    granting.withdraw(grant=cirrus.grants.get(), by=cast.cleo(), at=NOON)
    given.grant(cirrus, at=NOON)
    with pytest.raises(permits.GroundGone) as gone:
        use(permit)

    assert [reason.code for reason in gone.value.reasons] == ["another_grant"]
    use(decide(package=package(), by=SYSTEM, at=NOON))


def test_somebody_who_was_erased_meanwhile_does_not_leave(permit, use, ada):
    ada.emails.all().delete()
    ada.delete()
    with pytest.raises(permits.GroundGone) as gone:
        use(permit)

    assert [reason.code for reason in gone.value.reasons] == ["person_not_known"]


def test_a_client_that_departed_meanwhile_gets_nothing_that_is_not_owed(clinic, by_force):
    permit = decide(package=given.to_client(clinic, purpose="support"), by=SYSTEM, at=NOON)
    by_force("UPDATE accounts_organization SET standing = 'departed' WHERE reference = %s", clinic.reference)

    with pytest.raises(permits.GroundGone):
        permits.spend(permit=permit, recipient=Recipient.client(clinic.reference), fields=frozenset(), digest=DIGEST, at=LATER)


def test_a_permit_refuses_to_be_used_inside_the_transaction_of_another(permit, use):
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        use(permit)
    assert Permit.objects.get().spent_at is None


# Contacts


def test_a_contact_carries_no_data_and_is_recorded_as_a_permit(cirrus, use):
    permit = contacts.open_contact(recipient=Recipient.provider(cirrus.reference), why=ContactReason.READ_BACK, by=SYSTEM, at=NOON)

    row = Permit.objects.get()
    assert (row.kind, row.why, row.recipient, row.disclosure, row.fields, row.digest) == ("contact", "read_back", cirrus.reference, None, [], None)
    with pytest.raises(permits.PackageChanged):
        use(permit.token)
    assert use(permit.token, fields=frozenset(), digest=None).spent_at == LATER


@pytest.mark.parametrize("why", ["read_back", "look", "try_out"])
def test_who_is_suspended_is_contacted_only_to_remove_or_return(cirrus, why):
    lives.suspend(provider=cirrus, reason="It was broken into.", by=cast.cleo(), at=NOON)
    recipient = Recipient.provider(cirrus.reference)
    with pytest.raises(Refused) as no:
        contacts.open_contact(recipient=recipient, why=why, by=SYSTEM, at=NOON)
    contacts.open_contact(recipient=recipient, why="removal", by=SYSTEM, at=NOON)

    assert [reason.code for reason in no.value.reasons] == ["provider_suspended"]
    assert (GateRefusal.objects.get().codes, Permit.objects.get().why) == (["provider_suspended"], "removal")


def test_a_contact_ends_when_its_recipient_is_suspended(cirrus, use):
    permit = contacts.open_contact(recipient=Recipient.provider(cirrus.reference), why="look", by=SYSTEM, at=NOON)
    lives.suspend(provider=cirrus, reason="It was broken into.", by=cast.cleo(), at=NOON)

    with pytest.raises(permits.GroundGone):
        use(permit, fields=frozenset(), digest=None)


def test_a_departed_client_is_contacted_about_what_it_is_owed_and_not_to_try_a_new_place(clinic, by_force):
    by_force("UPDATE accounts_organization SET standing = 'departed' WHERE reference = %s", clinic.reference)
    recipient = Recipient.client(clinic.reference)

    with pytest.raises(Refused):
        contacts.open_contact(recipient=recipient, why="try_out", by=SYSTEM, at=NOON)
    for why in ("look", "read_back", "removal"):
        assert contacts.open_contact(recipient=recipient, why=why, by=SYSTEM, at=NOON).token


def test_what_a_person_lent_us_is_fetched_from_that_person_and_from_nobody_else(clinic, ada, cirrus):
    permit = contacts.open_contact(recipient=Recipient.person(ada.reference), why=ContactReason.FETCH, by=SYSTEM, at=NOON)
    used = permits.spend(permit=permit.token, recipient=Recipient.person(ada.reference), fields=frozenset(), digest=None, at=LATER)

    assert (used.why, used.recipient, used.spent_at) == ("fetch", ada.reference, LATER)
    for other in (Recipient.provider(cirrus.reference), Recipient.client(clinic.reference)):
        with pytest.raises(Refused) as no:
            contacts.open_contact(recipient=other, why="fetch", by=SYSTEM, at=NOON)
        assert [reason.code for reason in no.value.reasons] == ["not_lent"]


@pytest.mark.parametrize("standing", ["suspended", "closed"])
def test_nothing_is_fetched_from_somebody_who_is_suspended_or_gone_also_by_a_permit_given_before(ada, by_force, standing):
    recipient = Recipient.person(ada.reference)
    before = contacts.open_contact(recipient=recipient, why="fetch", by=SYSTEM, at=NOON)
    by_force("UPDATE accounts_person SET standing = %s WHERE reference = %s", standing, ada.reference)

    with pytest.raises(Refused) as no:
        contacts.open_contact(recipient=recipient, why="fetch", by=SYSTEM, at=NOON)
    with pytest.raises(permits.GroundGone):
        permits.spend(permit=before, recipient=recipient, fields=frozenset(), digest=None, at=LATER)
    assert [reason.code for reason in no.value.reasons] == ["person_not_active"]
    assert contacts.open_contact(recipient=recipient, why="look", by=SYSTEM, at=NOON).why == "look"


@pytest.mark.parametrize(
    ("recipient", "why"),
    [
        (Recipient.provider("PRV-0000000"), "look"), (Recipient.client("ORG-0000000"), "look"), (Recipient.person("PER-0000000"), "look"),
        (Recipient.provider("Quentin"), "look"), (Recipient.client("ORG-0000000"), "curiosity"),
    ],
)  # fmt: skip
def test_nobody_unknown_is_contacted_and_for_no_other_reason(house, recipient, why):
    with pytest.raises(Refused):
        contacts.open_contact(recipient=recipient, why=why, by=SYSTEM, at=NOON)

    assert (Permit.objects.count(), GateRefusal.objects.count()) == (0, 1)
    assert "Quentin" not in GateRefusal.objects.get().recipient


def test_a_large_set_is_asked_again_as_it_was(cirrus, clinic, ada, use):
    people = [ada.reference, *(cast.ada(clinic, f"a{number}@client.example").reference for number in range(3))]
    permit = decide(package=given.to_provider(cirrus, About.people(people)), by=SYSTEM, at=NOON)

    asked = permits.package_of(Permit.objects.get().disclosure)
    assert (asked.about.references, asked.digest) == (tuple(people), DIGEST)
    assert use(permit).spent_at == LATER


def test_a_day_later_nothing_of_it_serves(permit, use):
    with pytest.raises(permits.PermitLapsed):
        use(permit, at=NOON + DAY)
