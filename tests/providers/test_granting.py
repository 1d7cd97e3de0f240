"""Grants: nothing is granted that nobody may have, nor on one person's word; withdrawn by one at once."""

import pytest

from apps.audit.models import Event, JournalEntry
from apps.foundation.moves import NotAMove
from apps.policies.vocabulary import ANALYTICS_FIELDS
from apps.providers.models import Grant
from apps.providers.services import agreeing, granting, lives
from apps.staff.roles import Role
from apps.staff.services import approvals, duties
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry

pytestmark = pytest.mark.django_db


@pytest.fixture
def pulse(house):
    """An analytics provider in use."""
    return registry.in_use("Pulse Metrics Corp.", role="analytics")


def test_a_grant_is_proposed_by_one_and_approved_by_another(harbor, dana, cleo):
    grant = registry.wanted(harbor, "identity", "contact", fields=[" email", "name", "email"])
    assert (grant.state, grant.categories, grant.fields) == ("proposed", ["contact", "identity"], ["email", "name"])

    approved = granting.approve(grant=grant, by=cleo, at=NOON + DAY)

    assert (approved.state, approved.proposed_by, approved.decided_by, approved.decided_at) == ("active", str(dana.actor), str(cleo.actor), NOON + DAY)
    assert Event.objects.get(verb="grant.approved").facts["categories"] == ["contact", "identity"]


def test_nobody_approves_the_grant_they_proposed(harbor, dana):
    duties.assign(member=dana, roles=[Role.PRIVACY_ANALYST, Role.COMPLIANCE_OFFICER], by=cast.SYSTEM, at=NOON)
    grant = registry.wanted(harbor)

    with pytest.raises(approvals.OwnRequest):
        granting.approve(grant=grant, by=dana, at=NOON)
    with pytest.raises(approvals.OwnRequest):
        granting.reject(grant=grant, by=dana, at=NOON)
    assert Grant.objects.get().state == "proposed"


def test_an_approver_who_lost_the_right_does_not_approve(harbor, cleo):
    grant = registry.wanted(harbor)
    duties.assign(member=cleo, roles=[Role.RECORDS_MANAGER], by=cast.SYSTEM, at=NOON)

    with pytest.raises(NotPermitted):
        granting.approve(grant=grant, by=cleo, at=NOON)


def test_patient_information_needs_a_business_associate_at_the_proposal_and_at_the_approval(house, ezra, cleo):
    plain = registry.in_use()
    with pytest.raises(granting.NoBusinessAssociate) as refused:
        registry.wanted(plain, "message", patient_information=True)
    assert "business associate agreement" in refused.value.mend

    baa = registry.agreed(plain, "baa")
    grant = registry.wanted(plain, "message", patient_information=True)
    agreeing.end(agreement=baa, by=ezra, at=NOON)
    with pytest.raises(granting.NoBusinessAssociate):
        granting.approve(grant=grant, by=cleo, at=NOON)


def test_a_grant_rests_on_an_agreement_in_force_when_it_is_proposed_and_approved(house, cleo, ezra):
    provider = registry.proposed()
    with pytest.raises(granting.NoAgreementInForce):
        registry.wanted(provider, agreement=registry.handed_in(provider))
    agreement = registry.agreed(provider)
    grant = registry.wanted(provider, agreement=agreement)

    with pytest.raises(granting.NoAgreementInForce):
        granting.approve(grant=grant, by=cleo, at=NOON + 400 * DAY)


def test_personal_information_rests_on_an_agreement_on_processing_data(harbor):
    terms = registry.agreed(harbor, "other", title="Terms of service")

    with pytest.raises(granting.NotOnThisAgreement):
        registry.wanted(harbor, "contact", agreement=terms)
    assert registry.wanted(harbor, "usage", agreement=terms).state == "proposed"


@pytest.mark.parametrize("connection", ["network_address", "device"])
def test_people_are_never_granted_together_with_their_connections(harbor, connection):
    with pytest.raises(granting.LinkedWithConnection):
        registry.wanted(harbor, "contact", connection)
    assert registry.wanted(harbor, "usage", connection).state == "proposed"


@pytest.mark.parametrize(
    "given",
    [
        {"categories": ["sale"]}, {"purposes": ["sale"]}, {"purposes": ["rental"]}, {"purposes": []}, {"fields": ["E-Mail"]}, {"fields": ["a" * 61]},
        {"fields": [f"f{number}" for number in range(101)]},
    ],
)  # fmt: skip
def test_a_grant_speaks_the_words_there_are(harbor, dana, given):
    facts = {"categories": ["contact"], "purposes": ["operation"], "necessity": "x"} | given
    with pytest.raises(granting.ScopeUnknown):
        granting.propose(agreement=harbor.agreements.get(kind="dpa"), by=dana, at=NOON, **facts)


def test_a_grant_that_ends_today_is_refused(harbor):
    with pytest.raises(granting.EndsAlready):
        registry.wanted(harbor, ends_on=NOON.date())


def test_analytics_get_listed_fields_of_use_and_the_address_alone(pulse):
    given = {"purposes": ("analytics",), "fields": ["page", "ip_address"]}
    for wrong in (
        {"categories": ("contact",)}, {"categories": ("device",)}, {"purposes": ("operation",)}, {"purposes": ("analytics", "operation")}, {"fields": []},
        {"fields": ["page", "email"]}, {"fields": ["page", "device_id"]},
    ):  # fmt: skip
        facts = given | wrong
        with pytest.raises(granting.BeyondAnalytics):
            registry.wanted(pulse, *facts.pop("categories", ("usage",)), **facts)

    assert registry.granted(pulse, "usage", "network_address", purposes=("analytics",), fields=sorted(ANALYTICS_FIELDS)).state == "active"


def test_a_change_of_role_between_proposal_and_approval_is_seen(harbor, dana, cleo):
    grant = registry.wanted(harbor)
    lives.suspend(provider=harbor, reason="x", by=dana, at=NOON)
    lives.correct(provider=harbor, role="analytics", by=dana, at=NOON)

    with pytest.raises(approvals.ChangedSince):
        granting.approve(grant=grant, by=cleo, at=NOON)


def test_a_grant_is_withdrawn_by_one_at_once_and_for_good(harbor, dana, cleo):
    grant = registry.granted(harbor)

    withdrawn = granting.withdraw(grant=grant, by=dana, at=NOON)

    assert (withdrawn.state, withdrawn.withdrawn_by) == ("withdrawn", str(dana.actor))
    assert JournalEntry.objects.get(kind="grant.withdrawn").about == grant.reference
    with pytest.raises(NotAMove):
        granting.withdraw(grant=grant, by=dana, at=NOON)
    with pytest.raises(approvals.AlreadyDecided):
        granting.approve(grant=grant, by=cleo, at=NOON)


def test_a_proposed_or_rejected_grant_can_not_be_withdrawn(harbor, dana, cleo):
    grant = registry.wanted(harbor)
    with pytest.raises(NotAMove):
        granting.withdraw(grant=grant, by=dana, at=NOON)
    granting.reject(grant=grant, by=cleo, at=NOON)
    with pytest.raises(NotAMove):
        granting.withdraw(grant=grant, by=dana, at=NOON)


def test_who_may_not_does_not(harbor, ezra):
    grant = registry.granted(harbor)
    with pytest.raises(NotPermitted):
        granting.withdraw(grant=grant, by=ezra, at=NOON)
    with pytest.raises(NotPermitted):
        registry.wanted(harbor, by=ezra)
