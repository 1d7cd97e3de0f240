"""What the gate is told of a provider: one query, every reason, and the moment at which a standing ends by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.providers.services import agreeing, asking, granting, lives
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry

CONTACT = frozenset({"contact"})


def ask(provider, *, categories=CONTACT, purpose="operation", patients=False, at=NOON):
    return asking.ask(provider=provider.reference, categories=categories, purpose=purpose, patient_information=patients, at=at)


def codes(provider, **given) -> list[str]:
    return [reason.code for reason in ask(provider, **given).reasons]


def midnight(at: datetime) -> datetime:
    return datetime.combine(at.date(), datetime.min.time(), UTC)


def test_a_provider_with_a_grant_that_covers_everything_may(harbor):
    grant = registry.granted(harbor, "contact", "identity", fields=["email", "name"])

    said = ask(harbor)

    assert (said.provider_id, said.reference, said.name, said.role) == (harbor.pk, harbor.reference, "Harbor Hosting, Inc.", "processor")
    assert (said.grant_id, said.grant, said.fields) == (grant.pk, grant.reference, frozenset({"email", "name"}))
    assert (said.countries, said.reasons) == (("US",), ())
    assert said.grant_until == midnight(NOON + 364 * DAY)  # the agreement ends a day before the review is due


def test_a_grant_that_is_not_limited_to_fields_says_so(harbor):
    registry.granted(harbor, "contact")

    assert ask(harbor).fields is None


def test_it_is_asked_in_one_query(harbor):
    registry.granted(harbor)

    with CaptureQueriesContext(connection) as asked:
        ask(harbor, patients=True)

    assert len(asked) == 1


def test_a_provider_that_nobody_registered_is_unknown(house):
    with pytest.raises(asking.ProviderUnknown), transaction.atomic():
        asking.ask(provider="PRV-0000000", categories=CONTACT, purpose="operation", patient_information=False, at=NOON)
    with pytest.raises(asking.ProviderUnknown), transaction.atomic():
        asking.lock(provider="PRV-0000000")


@pytest.mark.parametrize(
    ("categories", "purpose"),
    [({"contact", "message"}, "operation"), ({"contact"}, "support"), ({"message"}, "support")],
)
def test_what_no_single_grant_covers_is_not_granted(harbor, categories, purpose):
    registry.granted(harbor, "contact")
    registry.granted(harbor, "message", purposes=("delivery",))

    said = ask(harbor, categories=frozenset(categories), purpose=purpose)

    assert [reason.code for reason in said.reasons] == ["no_grant"]
    assert (said.grant_id, said.grant, said.grant_until, said.fields) == (None, None, None, None)


def test_a_grant_counts_from_its_approval_and_not_from_its_proposal(harbor):
    grant = registry.wanted(harbor)
    assert codes(harbor) == ["no_grant"]

    granting.approve(grant=grant, by=cast.cleo(), at=NOON)

    assert codes(harbor) == []


def test_withdrawal_suspension_and_end_close_at_once(harbor, dana, cleo):
    first, _second = registry.granted(harbor), registry.granted(harbor, "message")
    granting.withdraw(grant=first, by=dana, at=NOON)
    assert codes(harbor) == ["no_grant"]
    assert codes(harbor, categories=frozenset({"message"})) == []

    lives.suspend(provider=harbor, reason="It was broken into.", by=dana, at=NOON)
    assert codes(harbor, categories=frozenset({"message"})) == ["provider_suspended"]

    lives.end(provider=harbor, data_end="destruction", by=cleo, at=NOON)
    assert codes(harbor, categories=frozenset({"message"})) == ["provider_ended", "no_grant"]


def test_a_provider_that_is_not_activated_yet_says_everything_that_is_missing(house):
    provider = registry.proposed()
    assert codes(provider, patients=True) == ["provider_not_active", "review_missing", "no_baa", "no_grant"]

    lives.begin_review(provider=provider, by=registry.dana(), at=NOON)
    assert codes(provider) == ["provider_not_active", "review_missing", "no_grant"]


def test_every_lapse_closes_at_its_midnight_without_any_job(harbor):
    """To the second: the last one of the day before is open, the first one of the day is closed."""
    registry.granted(harbor, ends_on=(NOON + 100 * DAY).date())
    assert ask(harbor).grant_until == midnight(NOON + 100 * DAY)
    second = timedelta(seconds=1)

    for at, expected in (
        (midnight(NOON + 100 * DAY), ["grant_lapsed"]),
        (midnight(NOON + 364 * DAY), ["grant_lapsed", "agreement_lapsed"]),
        (midnight(NOON + 365 * DAY), ["review_overdue", "grant_lapsed", "agreement_lapsed"]),
    ):
        assert codes(harbor, at=at - second) != expected
        assert codes(harbor, at=at) == expected
    assert codes(harbor, at=midnight(NOON + 100 * DAY) - second) == []


def test_another_time_zone_does_not_move_the_midnight(harbor, settings):
    registry.granted(harbor, ends_on=(NOON + 100 * DAY).date())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'Pacific/Honolulu'")
    assert codes(harbor, at=midnight(NOON + 100 * DAY) - timedelta(seconds=1)) == []
    assert codes(harbor, at=midnight(NOON + 100 * DAY)) == ["grant_lapsed"]


def test_a_renewal_that_was_confirmed_carries_its_grants_on(harbor):
    registry.granted(harbor)
    dpa = harbor.agreements.get(kind="dpa")
    registry.reviewed(harbor, at=NOON + 300 * DAY)
    registry.agreed(harbor, at=NOON + 300 * DAY, starts_on=(NOON + 360 * DAY).date(), ends_on=(NOON + 700 * DAY).date(), supersedes=dpa)

    assert codes(harbor, at=NOON + 359 * DAY) == []
    assert codes(harbor, at=NOON + 360 * DAY) == []
    assert codes(harbor, at=NOON + 370 * DAY) == []


def test_a_renewal_that_begins_late_leaves_a_gap_that_is_closed(harbor):
    registry.granted(harbor)
    dpa = harbor.agreements.get(kind="dpa")
    registry.reviewed(harbor, at=NOON + 300 * DAY)
    registry.agreed(harbor, at=NOON + 300 * DAY, starts_on=(NOON + 370 * DAY).date(), supersedes=dpa)

    assert codes(harbor, at=NOON + 365 * DAY) == ["agreement_lapsed"]
    assert codes(harbor, at=NOON + 370 * DAY) == []


def test_an_agreement_that_is_ended_closes_what_rests_on_it(harbor, ezra):
    registry.granted(harbor)

    agreeing.end(agreement=harbor.agreements.get(kind="dpa"), by=ezra, at=NOON)

    assert codes(harbor) == ["agreement_lapsed"]


def test_patient_information_needs_its_own_grant_and_the_business_associate_agreement(harbor, ezra):
    registry.granted(harbor, "message")
    assert codes(harbor, categories=frozenset({"message"}), patients=True) == ["no_grant"]
    registry.granted(harbor, "message", patient_information=True)
    assert codes(harbor, categories=frozenset({"message"}), patients=True) == []

    agreeing.end(agreement=harbor.agreements.get(kind="baa"), by=ezra, at=NOON)

    assert codes(harbor, categories=frozenset({"message"}), patients=True) == ["no_baa"]
    assert codes(harbor, categories=frozenset({"message"})) == []


def test_of_each_kind_the_newest_review_counts(harbor):
    registry.granted(harbor)
    registry.reviewed(harbor, kind="attestation", result="failed", conditions="No policy on sale.")
    assert codes(harbor) == ["review_failed"]

    registry.reviewed(harbor, kind="attestation", result="conditions", conditions="Until summer.")
    assert codes(harbor) == []

    registry.reviewed(harbor, result="failed", conditions="Open ports.")
    assert codes(harbor) == ["review_failed"]


def test_a_grant_without_end_on_an_agreement_without_end_lasts_until_the_review_is_due(house):
    provider = registry.proposed()
    agreement = agreeing.propose(
        provider=provider, kind="dpa", title="Evergreen", starts_on=NOON.date(), ends_on=None, content=registry.PDF, by=registry.dana(), at=NOON
    )
    registry.complete(agreement)
    agreeing.ask(agreement=agreement, by=registry.dana(), at=NOON)
    agreeing.confirm(agreement=agreement, by=registry.ezra(), at=NOON)
    registry.reviewed(provider, days=200)
    registry.granted(registry.activated(provider))

    assert ask(provider).grant_until == midnight(NOON + 200 * DAY)
