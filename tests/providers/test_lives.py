"""The life of a provider: every move by who may, refused to everybody else and in every other state."""

import pytest

from apps.accounts.details import CountryUnknown
from apps.audit.models import Event, JournalEntry
from apps.foundation.moves import NotAMove
from apps.providers.models import Provider
from apps.providers.services import agreeing, asking, chaining, lives
from apps.providers.states import PROVIDER_MOVES, ProviderState
from apps.staff.models import Approval
from apps.staff.roles import Role
from apps.staff.services import approvals, duties
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(house):
    """Under review, with all that an activation needs."""
    provider = registry.proposed()
    registry.agreed(provider)
    registry.reviewed(provider)
    return lives.begin_review(provider=provider, by=registry.dana(), at=NOON)


@pytest.fixture
def asked(ready):
    return lives.ask_activation(provider=ready, by=registry.dana(), at=NOON)


def verbs(about) -> list[str]:
    return list(Event.objects.filter(object=str(about)).order_by("pk").values_list("verb", flat=True))


def test_a_provider_goes_from_its_proposal_to_use_on_the_word_of_two(asked, dana, cleo):
    provider = lives.activate(provider=asked, by=cleo, at=NOON + DAY)

    assert (provider.state, provider.activation_asked_by, provider.activated_by) == ("active", str(dana.actor), str(cleo.actor))
    assert (provider.activated_at, provider.in_use_since) == (NOON + DAY, NOON + DAY)
    assert verbs(provider) == ["provider.proposed", "provider.review_began", "provider.activation_asked", "provider.activated"]
    assert provider.history.count() == 3


def test_nobody_activates_what_they_asked_for(ready, dana):
    duties.assign(member=dana, roles=[Role.PRIVACY_ANALYST, Role.COMPLIANCE_OFFICER], by=cast.SYSTEM, at=NOON)
    lives.ask_activation(provider=ready, by=dana, at=NOON)

    with pytest.raises(approvals.OwnRequest):
        lives.activate(provider=ready, by=dana, at=NOON)

    ready.refresh_from_db()
    assert (ready.state, ready.activated_by) == ("review", "")


def test_an_approver_who_lost_the_right_does_not_activate(asked, cleo):
    duties.assign(member=cleo, roles=[Role.AUDITOR], by=cast.SYSTEM, at=NOON)

    with pytest.raises(NotPermitted):
        lives.activate(provider=asked, by=cleo, at=NOON)

    asked.refresh_from_db()
    assert asked.state == "review"
    assert Approval.objects.waiting().filter(subject=asked.reference).count() == 1


def test_what_changed_since_it_was_asked_for_is_not_activated(asked, cleo):
    registry.agreed(asked, "other", title="Terms")

    with pytest.raises(approvals.ChangedSince):
        lives.activate(provider=asked, by=cleo, at=NOON)


def test_a_correction_voids_the_request(asked, dana, cleo):
    lives.correct(provider=asked, countries=["US", "CA"], by=dana, at=NOON)

    with pytest.raises(approvals.AlreadyDecided):
        lives.activate(provider=asked, by=cleo, at=NOON)


def test_what_lapses_between_the_request_and_the_decision_keeps_it_out(asked, cleo):
    with pytest.raises(lives.NotReady, match="overdue"):
        lives.activate(provider=asked, by=cleo, at=NOON + 366 * DAY)


def test_a_rejected_activation_can_be_asked_for_again(asked, dana, cleo):
    lives.reject_activation(provider=asked, by=cleo, at=NOON)
    with pytest.raises(approvals.AlreadyDecided):
        lives.activate(provider=asked, by=cleo, at=NOON)

    lives.ask_activation(provider=asked, by=dana, at=NOON)

    assert lives.activate(provider=asked, by=cleo, at=NOON).state == "active"


def test_everything_that_is_missing_is_said_at_once(house, dana):
    provider = lives.begin_review(provider=registry.proposed(hipaa_relevant=True), by=dana, at=NOON)
    chaining.propose(provider=provider, legal_name="Tapes", service="keeps tapes", countries=["US"], by=dana, at=NOON)

    with pytest.raises(lives.NotReady) as refused:
        lives.ask_activation(provider=provider, by=dana, at=NOON)

    for words in ("No confirmed agreement", "no business associate agreement", "never reviewed", "1 proposed change is not decided"):
        assert words in refused.value.what


def test_a_failed_review_keeps_it_out(ready, dana):
    registry.reviewed(ready, kind="attestation", result="failed", conditions="Sells data.")

    with pytest.raises(lives.NotReady, match="failed"):
        lives.ask_activation(provider=ready, by=dana, at=NOON)


def test_one_suspends_at_once_and_two_open_again(harbor, dana, cleo):
    since = harbor.in_use_since
    suspended = lives.suspend(provider=harbor, reason="It was  broken into.", by=dana, at=NOON + DAY)
    assert (suspended.state, suspended.suspension_reason, suspended.suspended_by) == ("suspended", "It was  broken into.", str(dana.actor))
    assert JournalEntry.objects.get(kind="provider.suspended").about == harbor.reference

    with pytest.raises(approvals.AlreadyDecided):
        lives.activate(provider=suspended, by=cleo, at=NOON + DAY)
    lives.ask_activation(provider=suspended, by=dana, at=NOON + DAY)
    again = lives.activate(provider=suspended, by=cleo, at=NOON + 2 * DAY)

    assert (again.state, again.activated_at, again.in_use_since) == ("active", NOON + 2 * DAY, since)


def test_of_an_active_provider_what_was_approved_stays(harbor, dana):
    for facts in ({"countries": ["CA"]}, {"legal_name": "Another"}, {"role": "analytics"}, {"hipaa_relevant": False}):
        with pytest.raises(lives.FactsStand):
            lives.correct(provider=harbor, by=dana, at=NOON, **facts)

    corrected = lives.correct(provider=harbor, service="hosts everything", contact_email="new@provider.example", by=dana, at=NOON)

    assert (corrected.service, corrected.contact_email, corrected.countries) == ("hosts everything", "new@provider.example", ["US"])
    assert Event.objects.get(verb="provider.corrected").facts == {"fields": ["service", "contact_email"]}


def test_a_suspended_provider_is_corrected_and_then_decided_on_anew(harbor, dana, cleo):
    lives.suspend(provider=harbor, reason="It moves.", by=dana, at=NOON)

    lives.correct(provider=harbor, countries=["US", "ca"], by=dana, at=NOON)
    lives.ask_activation(provider=harbor, by=dana, at=NOON)

    assert lives.activate(provider=harbor, by=cleo, at=NOON).countries == ["CA", "US"]


def test_the_end_is_final_withdraws_grants_and_owes_the_data(harbor, dana, cleo):
    grant = registry.granted(harbor)

    ended = lives.end(provider=harbor, data_end="return", by=cleo, at=NOON)

    grant.refresh_from_db()
    assert (ended.state, ended.data_end, ended.data_due_on, ended.owes_data) == ("ended", "return", (NOON + 30 * DAY).date(), True)
    assert (grant.state, grant.withdrawn_by) == ("withdrawn", str(cleo.actor))
    assert JournalEntry.objects.get(kind="provider.ended").body["due_on"] == "2026-04-07"
    for refused in (
        lambda: lives.begin_review(provider=ended, by=dana, at=NOON), lambda: lives.ask_activation(provider=ended, by=dana, at=NOON),
        lambda: lives.suspend(provider=ended, reason="x", by=dana, at=NOON), lambda: lives.correct(provider=ended, service="x", by=dana, at=NOON),
        lambda: lives.end(provider=ended, data_end="return", by=cleo, at=NOON), lambda: registry.reviewed(ended),
        lambda: registry.handed_in(ended), lambda: registry.wanted(ended, agreement=ended.agreements.get(kind="dpa")),
    ):  # fmt: skip
        with pytest.raises((NotAMove, agreeing.ProviderEnded)):
            refused()

    confirmed = lives.confirm_data_end(provider=ended, evidence="Letter of March 20", by=dana, at=NOON + 12 * DAY)

    assert (confirmed.owes_data, confirmed.data_evidence, confirmed.data_confirmed_at) == (False, "Letter of March 20", NOON + 12 * DAY)
    with pytest.raises(lives.NothingOwed):
        lives.confirm_data_end(provider=ended, evidence="Again", by=dana, at=NOON + 13 * DAY)


def test_who_was_never_in_use_has_no_data_and_who_was_has(house, cleo, harbor):
    with pytest.raises(lives.DataEndDiffers):
        lives.end(provider=harbor, data_end="nothing", by=cleo, at=NOON)
    never = registry.proposed("Never")
    with pytest.raises(lives.DataEndDiffers):
        lives.end(provider=never, data_end="return", by=cleo, at=NOON)

    assert lives.end(provider=never, data_end="nothing", by=cleo, at=NOON).owes_data is False


def in_state(state: str, cleo) -> Provider:
    dana = registry.dana()
    provider = registry.proposed()
    if state == "proposed":
        return provider
    registry.agreed(provider)
    registry.reviewed(provider)
    if state == "review":
        return lives.begin_review(provider=provider, by=dana, at=NOON)
    registry.activated(provider)
    if state == "suspended":
        return lives.suspend(provider=provider, reason="x", by=dana, at=NOON)
    if state == "ended":
        return lives.end(provider=provider, data_end="return", by=cleo, at=NOON)
    return provider


@pytest.mark.parametrize("there", [state for state in ProviderState if state != "proposed"])
@pytest.mark.parametrize("here", list(ProviderState))
def test_every_pair_of_states_is_a_move_or_refused(house, dana, cleo, here, there):
    """Activation is asked for first: that is where another state refuses it."""
    provider = in_state(here, cleo)
    acts = {
        "review": lambda: lives.begin_review(provider=provider, by=dana, at=NOON),
        "active": lambda: registry.activated(provider) if here != "proposed" else lives.ask_activation(provider=provider, by=dana, at=NOON),
        "suspended": lambda: lives.suspend(provider=provider, reason="x", by=dana, at=NOON),
        "ended": lambda: lives.end(provider=provider, data_end="return" if here in ("active", "suspended", "ended") else "nothing", by=cleo, at=NOON),
    }  # fmt: skip

    if there in PROVIDER_MOVES[here]:
        acts[there]()
        assert Provider.objects.get(pk=provider.pk).state == there
    else:
        with pytest.raises(NotAMove):
            acts[there]()
        assert Provider.objects.get(pk=provider.pk).state == here


def test_facts_that_can_not_be_are_refused(house, dana):
    for facts, refusal in (
        ({"countries": []}, CountryUnknown), ({"countries": ["XX"]}, CountryUnknown), ({"role": "friend"}, lives.RoleUnknown),
        ({"clients": ["ORG-0000000"]}, lives.ClientUnknown),
    ):  # fmt: skip
        with pytest.raises(refusal):
            registry.proposed(**facts)
    assert Provider.objects.count() == 0


def test_the_owner_works_here(house, dana, cleo):
    gone = cast.staff("gone", Role.AUDITOR)
    gone.is_active = False
    gone.save(update_fields=["is_active"])

    with pytest.raises(lives.OwnerGone):
        registry.proposed(owner=gone)


def test_who_may_not_propose_or_suspend_does_not(harbor, ezra):
    with pytest.raises(NotPermitted):
        registry.proposed(by=ezra)
    with pytest.raises(NotPermitted):
        lives.suspend(provider=harbor, reason="x", by=ezra, at=NOON)
    with pytest.raises(NotPermitted):
        lives.end(provider=harbor, data_end="return", by=ezra, at=NOON)


def test_a_provider_may_be_asked_about_all_its_life(house, cleo):
    for state in ProviderState:
        provider = in_state(state, cleo)
        said = asking.ask(provider=provider.reference, categories=frozenset({"usage"}), purpose="analytics", patient_information=False, at=NOON)
        assert said.reasons
        assert "no_grant" in {reason.code for reason in said.reasons}
