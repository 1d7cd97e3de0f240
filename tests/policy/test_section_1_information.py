"""Section 1, what we collect: given voluntarily, and every field says what it is for and what is lost without it (P01)."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts import forms
from apps.accounts import models as accounts
from apps.accounts.services import registration
from apps.foundation.actors import SYSTEM
from apps.foundation.personal_data import Purpose
from apps.policies.demo_policy import FIRST
from apps.policies.services import publication
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests.policies.conftest import JANUARY, NOON

ASKED_OF_PEOPLE = (accounts.Person, accounts.PersonEmail, accounts.PersonPhone, accounts.ExternalIdentity, accounts.Organization)


@pytest.fixture
def clinic(db):
    publication.publish_first(**FIRST, by=SYSTEM, at=JANUARY)
    return registration.register_organization(
        name="Hill Clinic", country="US", hipaa_covered=True, archive_entitlement="none", contact_name="Records",
        contact_email="records@hill.example", by=SYSTEM, at=NOON,
    )  # fmt: skip


def test_somebody_may_give_a_name_and_nothing_else(clinic):
    person = registration.register_person(organization=clinic, given_name="Ada", by=SYSTEM, at=NOON)
    optional = [
        field.name for field in accounts.Person._meta.local_concrete_fields
        if getattr(field, "personal", None) and field.personal.optional
    ]  # fmt: skip
    assert optional == ["family_name", "birth_date", "street", "city", "postal_code", "state", "country"]
    assert {getattr(person, name) for name in optional} == {"", None}
    assert (person.emails.count(), person.phones.count(), person.identities.count()) == (0, 0, 0)


@pytest.mark.parametrize("model", ASKED_OF_PEOPLE)
def test_every_personal_field_declares_category_and_purpose_and_no_purpose_is_sale(model):
    for field in model._meta.local_concrete_fields:
        declared = getattr(field, "personal", None)
        assert (declared is None) == (field.name in model.NOT_PERSONAL), field.name
        if declared is not None:
            assert declared.purpose in Purpose
    assert not [purpose for purpose in Purpose if "sell" in purpose.value or "rent" in purpose.value]


@pytest.mark.parametrize("form", [forms.OrganizationForm, forms.NewPersonForm, forms.EmailForm, forms.PhoneForm, forms.IdentityForm])
def test_the_form_says_beside_each_personal_field_whether_it_is_optional_and_what_is_lost(form):
    columns = {column.name: column for column in form._meta.model._meta.get_fields()}
    for name, field in form().fields.items():
        declared = getattr(columns.get(name), "personal", None)  # a reference to somebody else, such as a representative, is no column
        if declared is None:
            continue
        expected = f"Optional. Without it: {declared.lost_without}" if declared.optional else "Required."
        assert field.help_text == f"{expected} Held {declared.purpose.value}."


def test_the_page_that_registers_somebody_shows_these_sentences(clinic):
    analyst = StaffMember.objects.create(username="ana", email="a@c.example", full_name="Ana", roles=[Role.PRIVACY_ANALYST])
    browser = Client()
    browser.force_login(analyst)
    page = browser.get(reverse("admin:accounts_person_add")).content.decode()
    for model, name in (
        (accounts.Person, "birth_date"), (accounts.Person, "state"), (accounts.PersonEmail, "address"),
        (accounts.PersonPhone, "number"), (accounts.ExternalIdentity, "external_id"),
    ):  # fmt: skip
        assert model._meta.get_field(name).help_text in page


def test_what_is_given_is_kept_under_the_policy_in_force_then(clinic):
    person = registration.register_person(
        organization=clinic, given_name="Ada", emails=["ada@hill.example"], by=SYSTEM, at=NOON
    )
    assert {clinic.policy_version.number, person.policy_version.number, person.emails.get().policy_version.number} == {1}
