"""On consent leaves only what each person agreed to: to whom, for what, which data, and only while it stands."""

import dataclasses
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from apps.foundation.actors import SYSTEM
from apps.gate.models import Disclosure, DisclosureSubject, GateRefusal, Permit
from apps.gate.services import accounts, permits
from apps.gate.services.deciding import About, Recipient, Refused, decide
from apps.providers.services import lives
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import agreed, given
from tests.gate.given import DIGEST

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)
FIELDS = frozenset({"email", "given_name"})


@pytest.fixture
def somebody(house):
    """A third party of its own, without any grant."""
    return given.provider("Somebody Else", role="independent")


@pytest.fixture
def survey(somebody):
    return agreed.purpose(somebody)


@pytest.fixture
def ben(clinic):
    return cast.ada(clinic, "ben@client.example")


@pytest.fixture
def asked(somebody, survey, ada):
    """What Somebody Else may have of Ada once she consented."""

    def made(**changed):
        return agreed.on_consent(somebody, changed.pop("about", About.person(ada.reference)), **changed)

    return made


def refused(package, *, at=NOON) -> list[str]:
    with pytest.raises(Refused) as no:
        decide(package=package, by=SYSTEM, at=at)
    row = GateRefusal.objects.latest("pk")
    assert row.codes == [reason.code for reason in no.value.reasons]
    return row.codes


def use(permit, somebody, *, at=LATER):
    return permits.spend(permit=permit, recipient=Recipient.provider(somebody.reference), fields=FIELDS, digest=DIGEST, at=at)


def test_what_a_person_consented_to_leaves_without_any_grant_and_says_on_which_consent(asked, somebody, ada):
    event = agreed.give(ada)
    permit = decide(package=asked(), by=SYSTEM, at=NOON)

    row = Disclosure.objects.get()
    assert (row.ground, row.consent, row.grant, row.recipient, row.purpose) == ("consent", "survey", "", somebody.reference, "support")
    assert list(DisclosureSubject.objects.values_list("person_reference", "consent")) == [(ada.reference, event.reference)]
    assert use(permit.token, somebody).spent_at == LATER


def test_nobody_leaves_who_said_nothing_or_took_it_back(asked, ada, ben):
    assert refused(asked()) == ["no_consent"]
    agreed.give(ada)
    assert refused(asked(about=About.people([ada.reference, ben.reference]))) == ["no_consent"]
    agreed.withdraw(ada)
    assert refused(asked()) == ["no_consent"]
    assert Disclosure.objects.count() == 0
    assert GateRefusal.objects.latest("pk").consent == "survey"


def test_a_set_of_people_leaves_where_each_of_them_consented(asked, somebody, ada, ben):
    events = {person.reference: agreed.give(person).reference for person in (ada, ben)}
    decide(package=asked(about=About.people([ben.reference, ada.reference])), by=SYSTEM, at=NOON)

    assert dict(DisclosureSubject.objects.values_list("person_reference", "consent")) == events


def test_a_consent_is_for_one_recipient_and_one_purpose_and_nothing_else(asked, cirrus, ada):
    agreed.give(ada)

    assert refused(asked(recipient=Recipient.provider(cirrus.reference))) == ["consent_for_another"]
    assert refused(asked(purpose="security")) == ["consent_for_another_purpose"]


def test_what_the_text_that_was_read_does_not_name_stays_here(asked, survey, ada):
    agreed.give(ada)
    agreed.text(survey, 2, ["contact", "demographic", "identity"], at=NOON)
    wider = asked(categories=frozenset({"contact", "demographic"}), fields=frozenset({"email", "birth_date"}))

    assert refused(wider, at=LATER) == ["beyond_the_consent"]
    agreed.give(ada, at=LATER)
    assert decide(package=wider, by=SYSTEM, at=LATER).disclosure.categories == ["contact", "demographic"]


def test_a_consent_that_does_not_exist_lets_nothing_out(asked, ada):
    agreed.give(ada)

    assert refused(asked(consent="")) == ["consent_not_named"]
    assert refused(asked(consent="unheard")) == ["no_such_consent"]
    assert refused(asked(consent="contacts")) == ["no_such_consent"]
    assert refused(asked(consent="Ada said yes")) == ["unreadable"]


def test_a_consent_does_not_serve_another_ground(asked, cirrus, package, ada):
    agreed.give(ada)

    assert refused(package(consent="survey")) == ["consent_not_asked"]


def test_a_third_party_of_its_own_gets_nothing_on_a_grant_still(somebody, ada, survey):
    agreed.give(ada)
    given.grant(somebody)

    assert refused(given.to_provider(somebody, About.person(ada.reference))) == ["needs_consent"]


def test_an_organization_can_not_consent_for_its_people(asked, clinic, ada):
    agreed.give(ada)

    assert refused(asked(about=About.organization(clinic.reference, 1))) == ["consent_is_each_persons"]


def test_patient_information_leaves_on_no_consent(asked, ada):
    agreed.give(ada)

    assert refused(asked(patient_information=True)) == ["patients_not_by_consent"]


def test_a_recipient_that_is_suspended_gets_nothing_on_consent_either(asked, somebody, ada):
    agreed.give(ada)
    lives.suspend(provider=somebody, reason="It was broken into.", by=cast.cleo(), at=NOON)

    assert refused(asked()) == ["provider_suspended"]


def test_consent_links_no_personal_information_with_an_address(house, somebody, ada):
    agreed.purpose(somebody, ["contact", "network_address"])
    agreed.give(ada)

    linked = agreed.on_consent(somebody, About.person(ada.reference), categories=frozenset({"contact", "network_address"}), fields=frozenset())
    assert refused(linked) == ["linked_with_connection"]


def test_analytics_get_no_more_by_a_consent(house, ada):
    counter = given.provider("Countless", role="analytics")
    agreed.purpose(counter)
    agreed.give(ada)

    assert refused(agreed.on_consent(counter, About.person(ada.reference))) == ["identifies_for_analytics"]


def test_whoever_is_suspended_consents_to_nothing_meanwhile(asked, ada, by_force):
    agreed.give(ada)
    by_force("UPDATE accounts_person SET standing = 'suspended' WHERE reference = %s", ada.reference)

    assert refused(asked()) == ["no_consent"]


def test_a_permit_lapses_with_the_consent_that_ends_first(somebody, ada, ben):
    agreed.purpose(somebody, months=1)
    agreed.give(ada, at=NOON - 28 * DAY)
    first = agreed.give(ben, at=NOON - 27 * DAY)
    over = first.until - timedelta(days=1)
    package = agreed.on_consent(somebody, About.people([ada.reference, ben.reference]))
    almost = over - timedelta(minutes=5)

    assert decide(package=package, by=SYSTEM, at=almost).lapses_at == over
    assert refused(package, at=over) == ["no_consent"]


def test_a_withdrawal_between_permit_and_use_lets_nothing_leave_and_is_recorded(asked, somebody, ada):
    agreed.give(ada)
    permit = decide(package=asked(), by=SYSTEM, at=NOON)
    agreed.withdraw(ada, at=NOON + timedelta(minutes=1))

    with pytest.raises(permits.GroundGone) as gone:
        use(permit, somebody)
    assert [reason.code for reason in gone.value.reasons] == ["no_consent"]
    row = GateRefusal.objects.get()
    assert (row.stage, row.permit, row.consent, row.codes) == ("spending", permit.reference, "survey", ["no_consent"])
    assert Permit.objects.get().spent_at is None


def test_a_consent_that_was_given_anew_serves_only_who_asks_again(asked, somebody, ada):
    agreed.give(ada)
    permit = decide(package=asked(), by=SYSTEM, at=NOON)
    agreed.withdraw(ada, at=NOON + timedelta(minutes=1))
    agreed.give(ada, at=NOON + timedelta(minutes=2))

    with pytest.raises(permits.GroundGone) as gone:
        use(permit, somebody)
    assert [reason.code for reason in gone.value.reasons] == ["another_consent"]
    use(decide(package=asked(), by=SYSTEM, at=LATER), somebody)


def test_of_many_people_one_who_took_it_back_stops_all_of_it(asked, somebody, ada, ben):
    for person in (ada, ben):
        agreed.give(person)
    permit = decide(package=asked(about=About.people([ada.reference, ben.reference])), by=SYSTEM, at=NOON)
    agreed.withdraw(ben, at=NOON + timedelta(minutes=1))

    with pytest.raises(permits.GroundGone):
        use(permit, somebody)


def test_the_account_of_a_person_says_that_they_had_consented(asked, ada):
    agreed.give(ada)
    decide(package=asked(), by=SYSTEM, at=NOON)

    (series,) = accounts.of_person(ada.reference, at=LATER).series
    assert (series.ground_in_words, series.recipient_name) == ("consent", "Somebody Else")


# What the database refuses


INSERT = """
WITH d AS (
    INSERT INTO gate_disclosure (reference, at, recipient_kind, recipient, about_kind, about_organization, about_count, categories, fields, purpose, ground,
        "grant", consent, exceptions, countries, patient_information, what, by)
    VALUES ('DIS-RAW', now(), 'provider', %s, 'people', '', %s, '{contact}', '{}', 'support', 'consent', '', 'survey', '{}', '{US}', false, 'X', 'x')
    RETURNING id
)
INSERT INTO gate_disclosuresubject (disclosure_id, person_reference, consent) SELECT d.id, p, c FROM d, unnest(%s::varchar[], %s::varchar[]) AS one(p, c)
"""


def raw(somebody, people, consents, count=None):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(INSERT, [somebody.reference, len(people) if count is None else count, people, consents])


def test_the_database_lets_nothing_out_without_a_consent_of_each(asked, somebody, ada, ben):
    event = agreed.give(ada)
    other = agreed.give(ben)
    ada_ref, ben_ref = ada.reference, ben.reference
    for people, consents, count in (
        ([ada_ref, ben_ref], [event.reference, ""], None), ([ada_ref], [other.reference], None), ([ada_ref], ["CNS-NONE"], None),
        ([ada_ref], [event.reference], 2),
    ):  # fmt: skip
        with pytest.raises(DatabaseError):
            raw(somebody, people, consents, count)
    raw(somebody, [ada_ref, ben_ref], [event.reference, other.reference])
    assert DisclosureSubject.objects.count() == 2


def test_the_database_lets_nothing_out_on_a_consent_that_was_taken_back(asked, somebody, ada):
    event = agreed.give(ada)
    agreed.withdraw(ada)

    with pytest.raises(DatabaseError, match="lets nothing of that person out"):
        raw(somebody, [ada.reference], [event.reference])


def test_the_same_package_on_another_ground_needs_the_grant_still(asked, ada):
    agreed.give(ada)

    assert refused(dataclasses.replace(asked(), ground="service_provider", consent="")) == ["needs_consent", "no_grant"]
