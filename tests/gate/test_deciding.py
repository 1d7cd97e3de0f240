"""A package leaves with a recorded disclosure and a permit, or stays with a recorded refusal that gives every reason."""

import dataclasses
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.foundation.actors import SYSTEM, Actor
from apps.gate.models import Disclosure, DisclosureSubject, GateRefusal, Permit
from apps.gate.services import recording
from apps.gate.services.deciding import About, Ground, Recipient, Refused, decide
from apps.providers.services import agreeing, granting, lives
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import given
from tests.gate.given import DIGEST

pytestmark = pytest.mark.django_db
SERVICE = Actor("service", "TOK-AAAAAAA")


def refused(package, *, at=NOON) -> list[str]:
    """The codes of all reasons; nothing was let out, and the refusal stands with the same reasons."""
    with pytest.raises(Refused) as no:
        decide(package=package, by=SYSTEM, at=at)
    row = GateRefusal.objects.latest("pk")
    assert (row.codes, row.reference) == ([reason.code for reason in no.value.reasons], no.value.refusal.reference)
    assert (Disclosure.objects.count(), Permit.objects.count()) == (0, 0)
    return row.codes


def test_what_a_grant_covers_leaves_with_its_disclosure_and_a_permit(package, cirrus, ada):
    permit = decide(package=package(), by=SERVICE, at=NOON)

    row = Disclosure.objects.get()
    assert (row.recipient_kind, row.recipient, row.about_kind, row.about_count) == ("provider", cirrus.reference, "person", 1)
    assert (row.categories, row.fields, row.purpose, row.ground) == (["contact", "identity"], ["email", "given_name"], "support", "service_provider")
    assert (row.grant, row.countries, row.exceptions) == (cirrus.grants.get().reference, ["US"], [])
    assert (row.patient_information, row.what, bytes(row.digest), row.size) == (False, "EXP-7F3K2M9/part 1", DIGEST, 120)
    assert (row.at, row.by) == (NOON, "service:TOK-AAAAAAA")
    assert list(row.subjects.values_list("person_reference", flat=True)) == [ada.reference]
    stored = Permit.objects.get()
    assert (stored.pk, stored.disclosure_id, permit.disclosure.pk) == (permit.pk, row.pk, row.pk)
    assert (stored.given_at, stored.lapses_at, stored.spent_at) == (NOON, NOON + timedelta(minutes=15), None)
    assert (stored.recipient, stored.fields, bytes(stored.digest), stored.by) == (cirrus.reference, row.fields, DIGEST, row.by)


def test_of_a_token_only_the_hash_is_kept(package):
    permit = decide(package=package(), by=SYSTEM, at=NOON)

    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT string_agg(p::text, '') FROM gate_permit p) || (SELECT string_agg(d::text, '') FROM gate_disclosure d)")
        (everything,) = cursor.fetchone()
    assert len(permit.token) > 40
    assert permit.token not in everything
    assert bytes(Permit.objects.get().token_hash) == recording.hashed(permit.token)


def test_a_permit_lapses_no_later_than_the_grant(cirrus, ada, package):
    grant = cirrus.grants.get()
    granting.withdraw(grant=grant, by=cast.cleo(), at=NOON - DAY)
    given.grant(cirrus, ends_on=NOON.date() + timedelta(days=1), at=NOON - DAY)
    almost = NOON.replace(hour=23, minute=55)

    assert decide(package=package(), by=SYSTEM, at=almost).lapses_at == NOON.replace(hour=0) + DAY
    assert refused_codes(package(), almost + timedelta(minutes=5)) == ["grant_lapsed"]


def refused_codes(package, at) -> list[str]:
    with pytest.raises(Refused) as no:
        decide(package=package, by=SYSTEM, at=at)
    return [reason.code for reason in no.value.reasons]


def test_a_set_of_people_is_named_one_by_one_and_once(cirrus, clinic, ada):
    ben = cast.ada(clinic, "ben@client.example")
    decide(package=given.to_provider(cirrus, About.people([ada.reference, ben.reference, ada.reference])), by=SYSTEM, at=NOON)

    assert Disclosure.objects.get().about_count == 2
    assert set(DisclosureSubject.objects.values_list("person_reference", flat=True)) == {ada.reference, ben.reference}


def test_a_client_gets_what_is_its_own(clinic):
    decide(package=given.to_client(clinic), by=SYSTEM, at=NOON)

    row = Disclosure.objects.get()
    assert (row.ground, row.about_organization, row.about_count, row.grant) == ("client", clinic.reference, 12, "")


def test_a_person_gets_their_own_also_where_it_is_linked_with_an_address_and_a_device(ada):
    decide(package=given.to_person(ada), by=SYSTEM, at=NOON)

    assert Disclosure.objects.get().categories == ["contact", "device", "identity", "network_address"]


def test_all_reasons_are_given_and_not_only_the_first(cirrus, ada):
    package = given.to_provider(
        cirrus, About.person(ada.reference), categories=frozenset({"contact", "network_address", "gossip"}), purpose="sale",
        countries=("US", "CA"), fields=frozenset({"email", "device_id"}),
    )  # fmt: skip

    assert refused(package) == [
        "no_such_purpose", "category_unknown", "fields_say_more", "no_grant", "linked_with_connection", "country_outside",
    ]  # fmt: skip
    row = GateRefusal.objects.get()
    assert (row.recipient, row.purpose, row.categories, row.countries) == (
        cirrus.reference, "sale", ["contact", "gossip", "network_address"], ["CA", "US"],
    )  # fmt: skip
    assert (row.about_reference, row.what, row.stage) == (ada.reference, "EXP-7F3K2M9/part 1", "decision")
    assert all(reason["text"] and reason["mend"] for reason in row.reasons)


@pytest.mark.parametrize("purpose", ["sale", "rental", "marketing", ""])
def test_sale_and_rental_are_no_purpose(package, purpose):
    codes = refused(package(purpose=purpose))

    assert codes[0] in ("no_such_purpose", "unreadable")


@pytest.mark.parametrize("ground", ["law", "corporate_event", "aggregate"])
def test_what_is_not_built_yet_is_refused_as_not_yet(package, ground):
    assert refused(package(ground=ground)) == ["not_yet"]


@pytest.mark.parametrize(
    ("ground", "codes"), [("client", ["ground_not_for_recipient"]), ("person", ["ground_not_for_recipient"]), ("hunch", ["no_such_ground"])]
)
def test_a_ground_that_is_none_for_a_provider_lets_nothing_out(package, ground, codes):
    assert refused(package(ground=ground)) == codes


@pytest.mark.parametrize("connection_category", ["network_address", "device"])
def test_personal_information_with_address_or_device_goes_to_no_third_party(cirrus, package, connection_category):
    given.grant(cirrus, categories=["usage", "network_address", "device"], purposes=["support"])
    linked = package(categories=frozenset({"contact", connection_category}))

    assert "linked_with_connection" in refused(linked)


def test_an_address_without_a_name_may_leave(cirrus, ada):
    given.grant(cirrus, categories=["network_address", "device"], purposes=["security"])
    alone = given.to_provider(
        cirrus, About.person(ada.reference), categories=frozenset({"network_address", "device"}), fields=frozenset({"ip_address", "device_id"}),
        purpose="security",
    )  # fmt: skip
    decide(package=alone, by=SYSTEM, at=NOON)

    assert Disclosure.objects.get().categories == ["device", "network_address"]


def test_a_field_says_its_category_whatever_the_package_says(cirrus, ada):
    given.grant(cirrus, categories=["usage"], purposes=["support"])
    hidden = given.to_provider(cirrus, About.person(ada.reference), categories=frozenset({"usage"}), fields=frozenset({"page", "email"}))

    assert refused(hidden) == ["fields_say_more"]


def test_a_provider_gets_the_fields_it_needs_and_no_others(house, ada):
    narrow = given.provider("Narrow Mail")
    given.grant(narrow, fields=["email"])
    about = About.person(ada.reference)

    assert refused(given.to_provider(narrow, about)) == ["beyond_the_minimum"]
    assert refused(given.to_provider(narrow, about, fields=frozenset())) == ["fields_not_named"]
    decide(package=given.to_provider(narrow, about, fields=frozenset({"email"})), by=SYSTEM, at=NOON)


def test_a_suspended_provider_gets_nothing_from_that_moment(cirrus, package):
    lives.suspend(provider=cirrus, reason="It was broken into.", by=cast.cleo(), at=NOON)

    assert refused(package()) == ["provider_suspended"]


def test_a_lapsed_agreement_closes_the_gate_by_itself_in_the_middle_of_the_day_before(house, ada):
    ending = given.provider("Ending Mail")
    given.grant(ending)
    old = ending.agreements.get()
    agreeing.end(agreement=old, by=cast.cleo(), at=NOON)

    assert refused(given.to_provider(ending, About.person(ada.reference))) == ["agreement_lapsed"]


def test_an_agreement_lets_out_until_its_last_moment(house, ada):
    brief = lives.propose(
        legal_name="Brief Mail", role="processor", service="sends mail", countries=["US"], contact_name="Desk",
        contact_email="desk@brief.example", owner=given.dana(), by=given.dana(), at=given.SINCE,
    )  # fmt: skip
    lives.begin_review(provider=brief, by=given.dana(), at=given.SINCE)
    given.agreement(brief, ends_on=NOON.date() + timedelta(days=1))
    given.reviewing.record(
        provider=brief, kind="review", result="passed", evidence="SEC", reviewed_on=given.SINCE.date(),
        next_due_on=NOON.date() + timedelta(days=90), by=given.dana(), at=given.SINCE, evidence_digest=DIGEST,
    )  # fmt: skip
    lives.ask_activation(provider=brief, by=given.dana(), at=given.SINCE)
    lives.activate(provider=brief, by=cast.cleo(), at=given.SINCE)
    given.grant(brief)
    package = given.to_provider(brief, About.person(ada.reference))
    midnight = NOON.replace(hour=0) + DAY

    decide(package=package, by=SYSTEM, at=midnight - timedelta(microseconds=1))
    assert refused_codes(package, midnight) == ["agreement_lapsed"]


def test_patient_information_needs_a_business_associate_agreement(cirrus, house):
    hospital = cast.client("Mercy General", hipaa=True)
    about = About.organization(hospital.reference, 3)
    categories = frozenset({"contact", "identity"})

    assert refused(given.to_provider(cirrus, about, categories=categories)) == ["patient_information"]
    assert refused(given.to_provider(cirrus, about, categories=categories, patient_information=True)) == ["no_baa", "no_grant"]
    associate = given.provider("Associate", baa=True)
    given.grant(associate, patient_information=True)
    decide(package=given.to_provider(associate, about, patient_information=True), by=SYSTEM, at=NOON)


def test_messages_of_somebody_in_a_covered_organization_are_patient_information(house):
    hospital = cast.client("Mercy General", hipaa=True)
    ada = cast.ada(hospital)
    own = given.to_person(ada, categories=frozenset({"message"}))

    assert refused(own) == ["patient_information"]
    decide(package=dataclasses.replace(own, patient_information=True), by=SYSTEM, at=NOON)


def test_who_is_no_service_provider_gets_nothing_on_a_grant(house, ada):
    independent = given.provider("Somebody Else", role="independent")
    given.grant(independent)

    assert refused(given.to_provider(independent, About.person(ada.reference))) == ["needs_consent"]


def test_a_client_gets_nothing_of_another_client(clinic, ada):
    other = cast.client("Northgate", hipaa=False)

    assert refused(given.to_client(other, about=About.organization(clinic.reference))) == ["not_their_own"]
    assert refused(given.to_client(other, about=About.people([ada.reference]))) == ["not_their_own"]
    decide(package=given.to_client(clinic, about=About.people([ada.reference])), by=SYSTEM, at=NOON)


def test_a_departed_client_gets_the_archive_that_it_is_owed_and_nothing_else(clinic, by_force):
    by_force("UPDATE accounts_organization SET standing = 'departed' WHERE reference = %s", clinic.reference)

    assert refused(given.to_client(clinic, purpose="support")) == ["client_departed"]
    assert decide(package=given.to_client(clinic), by=SYSTEM, at=NOON).disclosure.purpose == "archiving"


def test_a_person_gets_nothing_of_another_person(clinic, ada):
    ben = cast.ada(clinic, "ben@client.example")

    assert refused(given.to_person(ada, about=About.person(ben.reference))) == ["not_their_own"]
    assert refused(given.to_person(ada, about=About.people([ada.reference, ben.reference]))) == ["not_their_own"]


def test_who_is_not_known_is_refused_whoever_it_is(cirrus, clinic, ada):
    nobody, nowhere = "PER-0000000", "ORG-0000000"

    assert refused(given.to_provider(cirrus, About.people([ada.reference, nobody]))) == ["person_not_known"]
    assert refused(given.to_provider(cirrus, About.organization(nowhere))) == ["organization_not_known"]
    assert refused(given.to_client(clinic, recipient=Recipient.client(nowhere))) == ["organization_not_known"]
    assert refused(given.to_provider(cirrus, About.person(ada.reference), recipient=Recipient.provider("PRV-0000000"))) == ["provider_not_known"]
    assert refused(given.to_person(ada, recipient=Recipient.person(nobody), about=About.person(nobody))) == ["person_not_known"]


def test_analytics_get_listed_fields_and_of_what_identifies_the_ip_address_only(house, ada):
    counter = given.provider("Countless", role="analytics")
    given.grant(counter, categories=["usage", "network_address"], purposes=["analytics"], fields=["page", "ip_address"])
    about = About.person(ada.reference)

    def asked(fields, categories=("usage", "network_address")):
        return given.to_provider(counter, about, categories=frozenset(categories), fields=frozenset(fields), purpose="analytics")

    assert refused(asked(["page", "account_id"])) == ["beyond_the_minimum", "not_for_analytics"]
    assert refused(asked([])) == ["fields_not_named", "fields_not_named"]
    assert refused(asked(["page", "email"], ("usage", "contact"))) == ["no_grant", "not_for_analytics", "identifies_for_analytics"]
    decide(package=asked(["page", "ip_address"]), by=SYSTEM, at=NOON)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("recipient", Recipient.provider("Quentin Lovell")), ("recipient", Recipient("quentin", "PER-0000000")),
        ("about", About.person("quentin@client.example")), ("about", About.people([])), ("categories", frozenset({"Quentin Lovell"})),
        ("fields", frozenset({"quentin@client.example"})), ("purpose", "because Quentin asked"), ("ground", "Quentin said yes"),
        ("patient_information", None), ("digest", b"short"), ("size", -1), ("what", "the letter to quentin@client.example"),
        ("what", ""), ("countries", ("Quentinland",)),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_refused_and_never_written_down(package, part, value):
    assert refused(package(**{part: value})) == ["unreadable"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT r::text FROM gate_gaterefusal r")
        (row,) = cursor.fetchone()
    assert "quentin" not in row.lower()


def test_a_decision_refuses_to_run_inside_the_transaction_of_another(package):
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        decide(package=package(), by=SYSTEM, at=NOON)


def test_a_decision_needs_somebody_who_acts(package):
    with pytest.raises(TypeError):
        decide(package=package(), by="somebody", at=NOON)
    assert Disclosure.objects.count() == 0


def test_a_decision_costs_four_statements_whatever_its_width(cirrus, clinic, ada):
    several = About.people([ada.reference, *(cast.ada(clinic, f"a{n}@client.example").reference for n in range(5))])
    costs = []
    for about in (About.person(ada.reference), several):
        with CaptureQueriesContext(connection) as asked:
            decide(package=given.to_provider(cirrus, about), by=SYSTEM, at=NOON)
        costs.append(len([query for query in asked if "SAVEPOINT" not in query["sql"]]))

    assert costs == [4, 4]


@pytest.mark.parametrize("ground", list(Ground))
def test_every_ground_is_either_good_for_one_kind_of_recipient_or_not_built_yet(ground):
    assert (ground in given.deciding_grounds()) is (ground not in given.not_yet())
