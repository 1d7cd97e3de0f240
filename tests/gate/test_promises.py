"""The checks of what left look at every row, agree with what the gate does, and each name what somebody planted past it."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.foundation.actors import SYSTEM
from apps.gate import promises
from apps.gate.models import Crossing, Disclosure, Permit
from apps.gate.services import exceptions, permits, withdrawals
from apps.gate.services.deciding import About, Recipient, decide
from apps.policies import vocabulary
from apps.providers.services import agreeing, granting, lives
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import agreed, given
from tests.gate.given import DIGEST

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)
CHECKS = {check.code: check for check in promises.CHECKS}


def wrong(code: str) -> list[tuple[str, str]]:
    return [(violation.object, violation.why) for violation in CHECKS[code].run(NOON).violations]


@pytest.fixture
def left(package, cirrus, clinic, ada):
    """Something left to a provider, to a client and to a person, one of them used, with a connection."""
    permit = decide(package=package(), by=SYSTEM, at=NOON)
    decide(package=given.to_client(clinic), by=SYSTEM, at=NOON)
    decide(package=given.to_person(ada), by=SYSTEM, at=NOON)
    fields = frozenset({"email", "given_name"})
    used = permits.spend(permit=permit, recipient=Recipient.provider(cirrus.reference), fields=fields, digest=DIGEST, at=LATER)
    Crossing.objects.create(permit=used, host="api.cirrus.example", address="203.0.113.7", port=443, at=LATER)
    return Disclosure.objects.get(recipient=cirrus.reference)


@pytest.fixture
def without_checks(by_force):
    """The same rows without the constraints of the table, as somebody with all rights could have it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = 'gate_disclosure'::regclass AND contype = 'c'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE gate_disclosure DROP CONSTRAINT {connection.ops.quote_name(name)}")
    return by_force


def test_with_nothing_to_look_at_each_check_says_so(house):
    assert {check.code: check.run(NOON).rows for check in promises.CHECKS} == dict.fromkeys(CHECKS, 0)


def test_what_the_gate_let_out_breaks_no_promise(left):
    looked = {code: check.run(NOON) for code, check in CHECKS.items()}

    assert {code: one.violations for code, one in looked.items()} == dict.fromkeys(CHECKS, ())
    assert {code: one.rows for code, one in looked.items()} == {
        "gate.apart": 1, "gate.purposes": 3, "gate.passages": 4, "gate.consents": 0, "gate.withdrawals": 0, "gate.grants": 1, "gate.analytics": 0,
        "gate.countries": 3,
    }  # fmt: skip


def test_what_comes_to_its_end_afterwards_does_not_make_wrong_what_left_before(left, cirrus):
    granting.withdraw(grant=cirrus.grants.get(), by=cast.cleo(), at=LATER + DAY)
    agreeing.end(agreement=cirrus.agreements.get(), by=cast.cleo(), at=LATER + DAY)
    lives.suspend(provider=cirrus, reason="It was broken into.", by=cast.cleo(), at=LATER + DAY)

    assert wrong("gate.grants") == []


def test_the_lists_written_down_twice_say_the_same():
    assert set(promises.PERSONAL) == vocabulary.PERSONAL
    assert set(promises.CONNECTION) == vocabulary.CONNECTION
    assert set(promises.PURPOSES) == set(vocabulary.DisclosurePurpose.values)
    assert set(promises.ANALYTICS_FIELDS) == vocabulary.ANALYTICS_FIELDS


def test_personal_information_with_an_address_is_named(left, without_checks):
    without_checks("UPDATE gate_disclosure SET categories = '{contact,network_address}' WHERE id = %s", left.pk)

    assert wrong("gate.apart") == [(left.reference, "went to a third party with personal information and an IP address or device")]


def test_a_person_and_a_client_may_have_both(left, without_checks):
    without_checks("UPDATE gate_disclosure SET categories = '{contact,network_address}' WHERE recipient_kind <> 'provider'")

    assert wrong("gate.apart") == []


@pytest.mark.parametrize("purpose", ["sale", "rental"])
def test_a_sale_is_named(left, without_checks, purpose):
    without_checks("UPDATE gate_disclosure SET purpose = %s WHERE id = %s", purpose, left.pk)

    assert wrong("gate.purposes") == [(left.reference, "left for a purpose that is not allowed")]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("UPDATE gate_disclosure SET at = at - interval '61 days' WHERE id = %s", ["on an agreement", "provider that was not in use", "without a grant"]),
        ("UPDATE gate_disclosure SET categories = '{contact,message}' WHERE id = %s", ["without a grant"]),
        ("UPDATE gate_disclosure SET purpose = 'operation' WHERE id = %s", ["without a grant"]),
        ("UPDATE gate_disclosure SET patient_information = true WHERE id = %s", ["business associate", "without a grant"]),
        ("UPDATE gate_disclosure SET \"grant\" = 'GRT-0000000' WHERE id = %s", ["on an agreement", "without a grant"]),
        ("UPDATE gate_disclosure SET recipient = 'PRV-0000000' WHERE id = %s", ["not in use", "without a grant", "security"]),
        ("UPDATE gate_permit SET spent_at = spent_at + interval '400 days' WHERE disclosure_id = %s", ["security"]),
    ],
)  # fmt: skip
def test_what_left_outside_a_grant_is_named(left, by_force, sql, why):
    by_force("ALTER TABLE gate_permit DROP CONSTRAINT a_permit_is_spent_before_it_lapses")
    by_force(sql, left.pk)

    found = wrong("gate.grants")
    assert {reference for reference, _why in found} == {left.reference}
    assert all(any(words in said for _reference, said in found) for words in why), found


@pytest.mark.parametrize(("kind", "recorded", "is_wrong"), [("review", -1, True), ("attestation", -1, True), ("review", 1, False)])
def test_what_left_after_a_failed_review_is_named_and_what_left_before_it_is_not(left, cirrus, by_force, kind, recorded, is_wrong):
    by_force(
        "INSERT INTO providers_securityreview (reference, provider_id, kind, result, conditions, evidence, evidence_digest, reviewed_on,"
        " next_due_on, recorded_by, recorded_at) VALUES ('SEC-FA11ED0', %s, %s, 'failed', 'It was open.', 'Report', '\\x00', %s, %s, 'x', %s)",
        cirrus.pk, kind, NOON.date(), (NOON + 90 * DAY).date(), NOON + recorded * timedelta(hours=1),
    )  # fmt: skip

    words = "failed when it was last looked at"
    assert [(reference, words in why) for reference, why in wrong("gate.grants")] == [(left.reference, True)] * is_wrong


@pytest.mark.parametrize("closes", ["withdraw", "suspend", "end"])
def test_what_left_after_the_gate_was_to_close_is_named(left, cirrus, by_force, closes):
    at = NOON - DAY
    match closes:
        case "withdraw":
            granting.withdraw(grant=cirrus.grants.get(), by=cast.cleo(), at=at)
        case "suspend":
            lives.suspend(provider=cirrus, reason="It was broken into.", by=cast.cleo(), at=at)
        case "end":
            agreeing.end(agreement=cirrus.agreements.get(), by=cast.cleo(), at=at)

    assert {reference for reference, _why in wrong("gate.grants")} == {left.reference}


def test_analytics_with_more_than_its_fields_are_named(house, ada, without_checks):
    counter = given.provider("Countless", role="analytics")
    given.grant(counter, categories=["usage", "network_address"], purposes=["analytics"], fields=["page", "ip_address"])
    package = given.to_provider(
        counter, About.person(ada.reference), categories=frozenset({"usage"}), fields=frozenset({"page"}), purpose="analytics"
    )
    decide(package=package, by=SYSTEM, at=NOON)
    row = Disclosure.objects.get()
    assert (CHECKS["gate.analytics"].run(NOON).rows, wrong("gate.analytics")) == (1, [])

    for column, value in (("fields", "{page,email}"), ("fields", "{}"), ("categories", "{usage,device}")):
        before = getattr(row, column)
        without_checks(f"UPDATE gate_disclosure SET {column} = %s", value)
        assert wrong("gate.analytics") == [(row.reference, "left for analytics with more than the listed fields and the IP address")]
        without_checks(f"UPDATE gate_disclosure SET {column} = %s", before)


def approved(cirrus):
    exception = exceptions.ask(
        recipient=Recipient.provider(cirrus.reference), country="CA", starts_at=NOON, ends_at=NOON + 30 * DAY, reason="Its second site.",
        by=given.dana(), at=NOON,
    )  # fmt: skip
    return exceptions.approve(exception=exception, by=cast.cleo(), at=NOON)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE gate_countryexception SET recipient = 'PRV-0000000'",
        "UPDATE gate_countryexception SET country = 'MX'",
        "UPDATE gate_countryexception SET starts_at = starts_at + interval '1 day'",
        "UPDATE gate_countryexception SET ends_at = starts_at + interval '1 minute'",
        "UPDATE gate_countryexception SET state = 'withdrawn', withdrawn_by = 'x', withdrawn_at = starts_at + interval '1 minute'",
        "UPDATE staff_approval SET verdict = 'rejected' WHERE act = 'gate.approve_countryexception'",
        "DELETE FROM gate_countryexception",
    ],
)
def test_what_went_to_another_country_without_an_exception_in_force_is_named(package, cirrus, by_force, sql):
    approved(cirrus)
    decide(package=package(countries=("CA",)), by=SYSTEM, at=LATER)
    row = Disclosure.objects.get()
    assert wrong("gate.countries") == []
    by_force(sql)

    assert (row.reference, "went to another country without an exception in force") in wrong("gate.countries")


def test_what_was_used_after_its_exception_is_named(package, cirrus, by_force):
    exception = approved(cirrus)
    decide(package=package(countries=("CA",)), by=SYSTEM, at=NOON)
    exceptions.withdraw(exception=exception, by=cast.cleo(), at=LATER)
    assert wrong("gate.countries") == []
    by_force("UPDATE gate_permit SET spent_at = %s", LATER + timedelta(seconds=6))

    assert [why for _reference, why in wrong("gate.countries")] == ["went to another country without an exception in force"]


def test_a_disclosure_that_hides_where_its_provider_processes_is_named(left, cirrus, by_force):
    by_force("UPDATE providers_historicalprovider SET countries = '{US,CA}'")

    assert wrong("gate.countries") == [(left.reference, "went to a provider that processes in countries it does not name")]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE gate_crossing SET at = at - interval '1 hour'", "without a permit that was used"),
        ("UPDATE gate_crossing SET permit_id = 999999", "without a permit that was used"),
        ("DELETE FROM gate_permit WHERE kind = 'data' AND spent_at IS NOT NULL", "without a permit that was used"),
        ("UPDATE gate_permit SET recipient = 'PRV-0000000' WHERE spent_at IS NOT NULL", "without the disclosure it says"),
        ("UPDATE gate_permit SET digest = NULL WHERE spent_at IS NOT NULL", "without the disclosure it says"),
        ("UPDATE gate_permit SET fields = '{}' WHERE spent_at IS NOT NULL", "without the disclosure it says"),
        ("DELETE FROM gate_disclosure WHERE recipient_kind = 'client'", "without the disclosure it says"),
        ("UPDATE gate_permit SET spent_at = given_at - interval '1 minute' WHERE spent_at IS NOT NULL", "before it was given"),
        ("UPDATE gate_permit SET lapses_at = lapses_at + interval '1 day' WHERE spent_at IS NOT NULL", "longer than an hour"),
        ("UPDATE gate_disclosure SET about_organization = 'ORG-0000000' WHERE recipient_kind = 'client'", "not its own"),
        ("UPDATE gate_disclosure SET about_kind = 'people' WHERE recipient_kind = 'person'", "not about them alone"),
        ("DELETE FROM gate_disclosuresubject", "names none of them"),
    ],
)
def test_what_went_round_the_gate_is_named(left, by_force, sql, words):
    assert wrong("gate.passages") == []
    assert by_force(sql) > 0

    found = wrong("gate.passages")
    assert [said for _object, said in found if words in said] != [], found
    assert all(reference.startswith(("DIS-", "PMT-", "crossing ")) for reference, _why in found)


def test_another_ground_is_named(left, without_checks):
    without_checks("UPDATE gate_disclosure SET ground = 'law' WHERE id = %s", left.pk)

    assert (left.reference, "went on a ground that is none for its recipient") in wrong("gate.passages")
    assert Permit.objects.count() == 3


# Consents


@pytest.fixture
def agreed_to(house, ada):
    """Something left to a third party of its own on Ada's consent."""
    somebody = given.provider("Somebody Else", role="independent")
    agreed.purpose(somebody)
    agreed.give(ada)
    permit = decide(package=agreed.on_consent(somebody, About.person(ada.reference)), by=SYSTEM, at=NOON)
    fields = frozenset({"email", "given_name"})
    permits.spend(permit=permit, recipient=Recipient.provider(somebody.reference), fields=fields, digest=DIGEST, at=LATER)
    return permit.disclosure


def test_what_left_on_consent_breaks_no_promise_and_is_looked_at(agreed_to, ada):
    agreed.withdraw(ada, at=LATER + DAY)
    withdrawals.look_after(at=LATER + DAY)

    assert {code: check.run(LATER + 2 * DAY).violations for code, check in CHECKS.items()} == dict.fromkeys(CHECKS, ())
    assert (CHECKS["gate.consents"].run(NOON).rows, CHECKS["gate.withdrawals"].run(NOON).rows) == (1, 1)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("UPDATE gate_disclosuresubject SET consent = 'CNS-0000000' WHERE disclosure_id = %s", "did not give"),
        ("UPDATE gate_disclosure SET consent = 'contacts' WHERE id = %s", "did not give"),
        ("UPDATE gate_disclosure SET at = at - interval '2 days' WHERE id = %s", "before the consent was given"),
        ("UPDATE gate_disclosure SET categories = '{contact,message}' WHERE id = %s", "more than the text"),
        ("UPDATE gate_disclosure SET purpose = 'security' WHERE id = %s", "were not asked about"),
        ("UPDATE gate_disclosure SET recipient = 'PRV-0000000' WHERE id = %s", "were not asked about"),
        ("UPDATE gate_disclosure SET patient_information = true WHERE id = %s", "Patient Information"),
        ("UPDATE gate_disclosuresubject SET consent = '' WHERE disclosure_id = %s", "names none for somebody"),
    ],
)
def test_what_left_beyond_a_consent_is_named(agreed_to, without_checks, sql, why):
    without_checks(sql, agreed_to.pk)

    found = wrong("gate.consents")
    assert {reference for reference, _why in found} == {agreed_to.reference}
    assert any(why in said for _reference, said in found), found


def test_what_left_after_a_withdrawal_is_named(agreed_to, ada, by_force):
    agreed.withdraw(ada, at=LATER + DAY)
    assert wrong("gate.consents") == []
    by_force("ALTER TABLE gate_permit DROP CONSTRAINT a_permit_is_spent_before_it_lapses")
    by_force("UPDATE gate_permit SET spent_at = spent_at + interval '25 hours'")

    assert wrong("gate.consents") == [(agreed_to.reference, "went before the consent was given, or after it had ended")]


def test_what_left_on_the_consent_of_somebody_erased_is_looked_at_no_more(agreed_to, ada, by_force):
    ada.emails.all().delete()
    by_force("DELETE FROM consents_standing")
    by_force("DELETE FROM consents_consentevent")
    by_force("DELETE FROM accounts_person WHERE id = %s", ada.pk)

    assert wrong("gate.consents") == []


def test_a_withdrawal_that_reached_nobody_is_named(agreed_to, ada):
    event = agreed.withdraw(ada, at=LATER)

    assert CHECKS["gate.withdrawals"].run(LATER + DAY).violations == ()
    (found,) = CHECKS["gate.withdrawals"].run(LATER + DAY + timedelta(seconds=1)).violations
    assert (found.object, found.why) == (event.reference, "ended more than a day ago, and who got something on it was not told")


def test_a_notice_that_leaves_out_what_was_got_is_named(agreed_to, ada, by_force):
    event = agreed.withdraw(ada, at=LATER)
    withdrawals.look_after(at=LATER)
    by_force("UPDATE gate_withdrawalnotice SET disclosures = '{DIS-00000000000}'")

    assert [found.object for found in CHECKS["gate.withdrawals"].run(LATER + 2 * DAY).violations] == [event.reference]


def test_a_notice_that_was_not_told_and_an_erasure_that_is_overdue_are_named(agreed_to, ada, by_force):
    agreed.withdraw(ada, at=LATER)
    withdrawals.look_after(at=LATER)
    (notice,) = withdrawals.WithdrawalNotice.objects.all()
    assert CHECKS["gate.withdrawals"].run(LATER + 20 * DAY).violations == ()

    late = CHECKS["gate.withdrawals"].run(LATER + 21 * DAY).violations
    assert [(found.object, found.why) for found in late] == [(notice.reference, "is a notice whose erasure is not confirmed, and its day is over")]
    by_force("UPDATE gate_withdrawalnotice SET state = 'due', told_at = NULL")
    assert "is a notice that was not told within a day" in [found.why for found in CHECKS["gate.withdrawals"].run(LATER + 2 * DAY).violations]
    by_force("UPDATE gate_withdrawalnotice SET state = 'confirmed', confirmed_at = %s, confirmed_by = 'x', evidence = 'x'", LATER)
    assert CHECKS["gate.withdrawals"].run(LATER + 30 * DAY).violations == ()
