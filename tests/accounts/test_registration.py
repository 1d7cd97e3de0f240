"""Organizations and people come in, once, each under the policy in force; nobody is taken for somebody else."""

import threading
from datetime import date

import pytest
from django.db import connection

from apps.accounts.models import (
    ExternalIdentity,
    Organization,
    Person,
    PersonEmail,
    PersonPhone,
)
from apps.accounts.services import registration
from apps.accounts.services.matching import Handle, match
from apps.accounts.states import OrganizationStanding
from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.policies.services.force import NoPolicyInForce
from tests.accounts.conftest import NOON, organization


def ada(mercy, **more):
    given = {"given_name": "Ada", "family_name": "Almeida", "emails": ["Ada@Mercy.example"], "identities": [("slack", "U1")]}
    return registration.register_person(organization=mercy, **(given | more), by=SYSTEM, at=NOON)


def test_an_organization_knows_its_policy_and_its_moment(mercy, policy):
    assert (mercy.policy_version, mercy.registered_at, mercy.archive_entitlement) == (policy, NOON, "hosted")
    assert mercy.history.get().history_date == NOON
    event = Event.objects.get(verb="organization.registered")
    assert (event.object, event.facts) == (
        mercy.reference,
        {"country": "US", "hipaa_covered": True, "archive_entitlement": "hosted", "policy": "POL-1"},
    )


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": "  "}, "detail_not_valid"),
        ({"country": "XX"}, "country_unknown"),
        ({"archive_entitlement": "some"}, "entitlement_unknown"),
        ({"contact_email": "nobody"}, "email_not_valid"),
        ({"contact_phone": "123"}, "phone_not_valid"),
        ({"contact_name": "a\x00b"}, "detail_not_valid"),
    ],
)
def test_an_organization_with_a_wrong_detail_is_refused_and_nothing_is_kept(policy, wrong, code):
    with pytest.raises(registration.Refusal) as refused:
        organization(**({"name": "Wrong"} | wrong))
    assert refused.value.code == code
    assert (Organization.objects.count(), Event.objects.filter(verb="organization.registered").count()) == (0, 0)


def test_nobody_is_registered_before_there_is_a_policy(db):
    with pytest.raises(NoPolicyInForce):
        organization("Early")


def test_a_person_is_kept_with_all_that_was_given_and_the_ledger_names_fields_only(mercy, policy):
    person = ada(mercy, phones=["202-555-0123", "+12025550123"], birth_date=date(1990, 5, 1), state="ca")
    assert list(person.emails.values_list("address", "normalised", "organization", "policy_version", "added_at")) == [
        ("Ada@Mercy.example", "ada@mercy.example", mercy.pk, policy.pk, NOON)
    ]
    assert list(person.phones.values_list("number", flat=True)) == ["+12025550123"]
    assert list(person.identities.values_list("source", "external_id", "organization")) == [("slack", "U1", mercy.pk)]
    assert (person.state, person.policy_version) == ("CA", policy)
    assert Event.objects.get(verb="person.registered").facts == {
        "organization": mercy.reference, "fields": ["birth_date", "family_name", "given_name", "state"],
        "emails": 1, "phones": 1, "identities": 1, "policy": "POL-1",
    }  # fmt: skip


def test_the_same_identity_twice_is_the_same_person_unchanged(mercy):
    first = ada(mercy)
    again, is_new = registration.register_person_once(
        organization=mercy, given_name="Adeline", emails=["other@mercy.example"], identities=[("slack", "U1")],
        by=SYSTEM, at=NOON,
    )  # fmt: skip
    first.refresh_from_db()
    assert (again, is_new, first.given_name) == (first, False, "Ada")
    assert (Person.objects.count(), PersonEmail.objects.count()) == (1, 1)


def test_the_same_identity_in_another_organization_is_another_person(mercy, hill):
    assert ada(mercy) != ada(hill)


def test_identities_that_name_two_people_are_refused(mercy):
    ada(mercy)
    ada(mercy, emails=[], identities=[("slack", "U2")])
    with pytest.raises(registration.IdentitiesDisagree):
        ada(mercy, identities=[("slack", "U1"), ("slack", "U2")])


def test_an_address_belongs_to_one_person_of_an_organization(mercy):
    ada(mercy)
    with pytest.raises(registration.EmailTaken) as refused:
        ada(mercy, emails=["ADA@mercy.example"], identities=[])
    assert "mercy.example" not in str(refused.value.as_dict())
    assert Person.objects.count() == 1


def test_an_address_given_twice_for_one_person_is_refused(mercy):
    with pytest.raises(registration.EmailTaken):
        ada(mercy, emails=["a@mercy.example", "A@mercy.example"], identities=[])
    assert Person.objects.count() == 0


def test_the_same_address_in_two_organizations_is_fine_and_never_matched_across(mercy, hill):
    here = ada(mercy)
    handle = Handle("slack", "U1", "ada@mercy.example")
    assert match(organization_id=hill.pk, handles=[handle]) == {}
    there = ada(hill)
    assert match(organization_id=mercy.pk, handles=[handle]) == {handle: here.reference}
    assert match(organization_id=hill.pk, handles=[handle]) == {handle: there.reference}


def test_somebody_without_an_organization_has_addresses_of_their_own_but_no_identities(policy, mercy):
    ada(None, identities=[])
    ada(mercy)
    with pytest.raises(registration.EmailTaken):
        ada(None, identities=[])
    with pytest.raises(registration.IdentityNeedsOrganization):
        ada(None)


def test_an_organization_that_left_takes_nobody_new_but_still_knows_its_people(mercy):
    known = ada(mercy)
    mercy.standing = OrganizationStanding.DEPARTED
    mercy.save(update_fields=["standing"])
    assert ada(mercy) == known
    with pytest.raises(registration.OrganizationDeparted):
        ada(mercy, identities=[], emails=[])


def test_nothing_of_a_refused_person_is_kept(mercy):
    with pytest.raises(registration.Refusal):
        ada(mercy, phones=["+12025550123", "no phone"])
    counts = [model.objects.count() for model in (Person, PersonEmail, PersonPhone, ExternalIdentity)]
    assert counts == [0, 0, 0, 0]
    assert PersonEmail.history.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_services_that_register_the_same_identity_at_once_get_one_person(request):
    mercy = request.getfixturevalue("mercy")
    ready, people = threading.Barrier(2), []

    def register():
        ready.wait()
        people.append(ada(mercy).reference)
        connection.close()

    threads = [threading.Thread(target=register) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (len(people), len(set(people)), Person.objects.count()) == (2, 1, 1)


def test_matching_prefers_the_external_id_and_costs_two_queries(mercy, django_assert_num_queries):
    by_id = ada(mercy)
    by_mail = ada(mercy, emails=["bo@mercy.example"], identities=[])
    both = Handle("slack", "U1", "bo@mercy.example")
    mail = Handle("slack", "U9", " BO@mercy.example")
    nobody = Handle("slack", "U9", "")
    broken = Handle("slack", "a\x00b", "c\ud800@d.example")
    strangers = [Handle("slack", f"X{n}", f"x{n}@mercy.example") for n in range(300)]
    with django_assert_num_queries(2):
        found = match(organization_id=mercy.pk, handles=[both, mail, nobody, broken, *strangers])
    assert found == {both: by_id.reference, mail: by_mail.reference}
