"""Each check of the registry: kept on what the services made, red on a violation planted by raw SQL, which it names."""

import pytest

from apps.providers import promises
from apps.providers.services import chaining, warning
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry

pytestmark = pytest.mark.django_db

SOON = NOON + DAY
#: what the database would refuse even without its triggers; who plants these violations has dropped it
IN_THE_WAY = (
    ("providers_provider", "nobody_activates_the_provider_they_asked_for"), ("providers_provider", "a_provider_names_its_countries"),
    ("providers_agreement", "nobody_confirms_the_agreement_they_asked_for"), ("providers_grant", "nobody_approves_the_grant_they_proposed"),
)  # fmt: skip
every_check = pytest.mark.parametrize("check", promises.CHECKS, ids=lambda check: check.code)


@pytest.fixture
def world(harbor, dana, cleo):
    """A host with grants and a chain, an analytics provider, and a lapse that was said and recorded."""
    cast.client()
    registry.granted(harbor, "contact", "identity")
    registry.granted(harbor, "message", patient_information=True)
    chaining.announce(
        sub=chaining.propose(provider=harbor, legal_name="Tapes", service="keeps tapes", countries=["US"], by=dana, at=NOON), by=cleo, at=NOON
    )
    pulse = registry.in_use("Pulse", role="analytics")
    short = registry.granted(pulse, "usage", purposes=("analytics",), fields=["page"], ends_on=(NOON + 60 * DAY).date())
    registry.granted(pulse, "usage", "network_address", purposes=("analytics",), fields=["page", "ip_address"])
    warning.look_after(at=NOON)
    warning.look_after(at=NOON + 60 * DAY)
    return {"harbor": harbor, "pulse": pulse, "short": short}


def looked(code: str, at=SOON):
    return next(check for check in promises.CHECKS if check.code == code).run(at)


def named(code: str, at=SOON) -> dict[str, str]:
    return {violation.object: violation.why for violation in looked(code, at).violations}


@every_check
def test_what_the_services_made_keeps_it(world, check):
    seen = check.run(SOON)
    assert (seen.violations, seen.rows > 0) == ((), True)


@every_check
def test_where_there_is_nothing_it_says_that_it_looked_at_nothing(house, check):
    assert check.run(SOON).rows == 0


@pytest.mark.parametrize(
    ("code", "who", "sql", "words"),
    [
        ("providers.activated", "provider", "UPDATE providers_provider SET activated_by = activation_asked_by WHERE id = %s", "without an approval"),
        ("providers.activated", "provider", "DELETE FROM staff_approval WHERE subject = (SELECT reference FROM providers_provider WHERE id = %s)",
         "without an approval"),
        ("providers.activated", "provider",
         "DELETE FROM audit_event WHERE verb = 'provider.activated' AND object = (SELECT reference FROM providers_provider WHERE id = %s)", "ledger"),
        ("providers.lapses", "provider", "UPDATE providers_agreement SET starts_on = '2026-01-01', ends_on = '2026-03-01' WHERE provider_id = %s",
         "its agreement has lapsed"),
        ("providers.lapses", "provider", "UPDATE providers_agreement SET state = 'rejected' WHERE provider_id = %s", "never had an agreement"),
        ("providers.lapses", "provider",
         "UPDATE providers_securityreview SET reviewed_on = '2026-01-01', next_due_on = '2026-03-01' WHERE provider_id = %s", "its review is overdue"),
        ("providers.lapses", "provider", "DELETE FROM providers_securityreview WHERE provider_id = %s", "never reviewed"),
        ("providers.agreements", "dpa", "UPDATE providers_agreement SET clauses = array_remove(clauses, 'no_sale') WHERE id = %s", "counts without no_sale"),
        ("providers.agreements", "baa",
         "UPDATE providers_agreement SET clauses = array_remove(clauses, 'safeguards') WHERE id = %s", "counts without safeguards"),
        ("providers.agreements", "dpa", "UPDATE providers_agreement SET confirmed_by = confirmation_asked_by WHERE id = %s", "second person"),
        ("providers.agreements", "dpa",
         "UPDATE staff_approval SET verdict = 'rejected' WHERE subject = (SELECT reference FROM providers_agreement WHERE id = %s)", "second person"),
        ("providers.agreements", "dpa",
         "UPDATE providers_document SET content = 'forged' WHERE id = (SELECT document_id FROM providers_agreement WHERE id = %s)", "another hash"),
        ("providers.grants", "grant", "UPDATE providers_grant SET decided_by = proposed_by WHERE id = %s", "second person"),
        ("providers.grants", "grant", "UPDATE providers_grant SET categories = '{contact,credential}' WHERE id = %s", "than the ledger says"),
        ("providers.grants", "grant", "UPDATE providers_agreement SET state = 'proposed' WHERE id = (SELECT agreement_id FROM providers_grant WHERE id = %s)",
         "rests on no agreement"),
        ("providers.grants", "grant", "UPDATE providers_agreement SET kind = 'other' WHERE id = (SELECT agreement_id FROM providers_grant WHERE id = %s)",
         "none on processing"),
        ("providers.grants", "patients",
         "UPDATE providers_agreement SET kind = 'dpa' WHERE kind = 'baa' AND provider_id = (SELECT provider_id FROM providers_grant WHERE id = %s)",
         "no business associate agreement"),
        ("providers.purposes", "grant", "UPDATE providers_grant SET purposes = '{sale}' WHERE id = %s", "not declared"),
        ("providers.purposes", "grant", "UPDATE providers_grant SET categories = '{soul}' WHERE id = %s", "not declared"),
        ("providers.connections", "grant", "UPDATE providers_grant SET categories = '{contact,device}' WHERE id = %s", "together with IP addresses"),
        ("providers.analytics", "short", "UPDATE providers_grant SET fields = '{page,email}' WHERE id = %s", "more than the listed fields"),
        ("providers.analytics", "short", "UPDATE providers_grant SET fields = '{}' WHERE id = %s", "more than the listed fields"),
        ("providers.analytics", "short", "UPDATE providers_grant SET categories = '{usage,contact}' WHERE id = %s", "other data"),
        ("providers.countries", "provider", "UPDATE providers_provider SET countries = '{}' WHERE id = %s", "does not say"),
        ("providers.countries", "provider", "UPDATE providers_provider SET countries = '{us}' WHERE id = %s", "does not say"),
        ("providers.warned", "short", "DELETE FROM mail_outgoingmail WHERE about = (SELECT reference FROM providers_grant WHERE id = %s)", "nobody was told"),
        ("providers.chains", "sub", "UPDATE providers_subprocessor SET since_at = since_at - interval '20 days' WHERE id = %s", "before a client"),
        ("providers.chains", "sub", "UPDATE providers_chainnotice SET told_at = told_at + interval '20 days' WHERE sub_processor_id = %s", "before a client"),
        ("providers.chains", "sub", "DELETE FROM mail_outgoingmail WHERE about = (SELECT reference FROM providers_subprocessor WHERE id = %s)", "never mailed"),
    ],
)  # fmt: skip
def test_a_violation_planted_by_raw_sql_is_named(world, by_force, code, who, sql, words):
    harbor = world["harbor"]
    planted = {
        "provider": harbor, "dpa": harbor.agreements.get(kind="dpa"), "baa": harbor.agreements.get(kind="baa"),
        "grant": harbor.grants.get(patient_information=False), "patients": harbor.grants.get(patient_information=True), "short": world["short"],
        "sub": harbor.chain.get(),
    }[who]  # fmt: skip
    assert named(code) == {}

    for table, constraint in IN_THE_WAY:
        by_force("SET CONSTRAINTS ALL IMMEDIATE")
        by_force(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
    assert by_force(sql, planted.pk) > 0

    found = named(code)
    assert words in found[planted.reference], found


def test_a_lapse_that_was_recorded_is_no_violation(world):
    at = NOON + 400 * DAY
    assert set(named("providers.lapses", at)) == {world["harbor"].reference, world["pulse"].reference}

    warning.look_after(at=at)

    assert named("providers.lapses", at) == {}
