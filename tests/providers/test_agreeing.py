"""Agreements: complete, with their document, and confirmed by a second person, or they count for nothing."""

from datetime import timedelta

import pytest

from apps.audit.models import Event, JournalEntry
from apps.foundation.digests import sha256
from apps.foundation.moves import NotAMove
from apps.providers import clauses
from apps.providers.models import Agreement, Document
from apps.providers.models.agreements import LARGEST_DOCUMENT
from apps.providers.services import agreeing
from apps.providers.states import AgreementState
from apps.staff.roles import Role
from apps.staff.services import approvals, duties
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(house):
    return registry.proposed()


def test_the_business_associate_checklist_is_the_one_of_the_rule():
    assert len(clauses.BAA) == 10
    assert all(clause.citation.startswith("45 CFR 164.504(e)(2)") for clause in clauses.BAA)
    for required in (clauses.BAA, clauses.DPA):
        codes = [clause.code for clause in required]
        assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", ["dpa", "baa", "other"])
def test_an_agreement_counts_after_its_checklist_and_a_second_person(provider, dana, ezra, kind):
    agreement = registry.handed_in(provider, kind)
    in_force = Agreement.objects.in_force(NOON)
    assert not in_force.exists()
    if clauses.REQUIRED[kind]:
        with pytest.raises(agreeing.ClausesMissing):
            agreeing.ask(agreement=agreement, by=dana, at=NOON)

    registry.complete(agreement)
    agreeing.ask(agreement=agreement, by=dana, at=NOON)
    assert not in_force.exists()
    confirmed = agreeing.confirm(agreement=agreement, by=ezra, at=NOON)

    assert list(in_force.all()) == [confirmed]
    assert (confirmed.confirmation_asked_by, confirmed.confirmed_by) == (str(dana.actor), str(ezra.actor))
    assert bytes(confirmed.document.digest) == sha256(registry.PDF)


def test_one_clause_short_is_not_complete(provider, dana):
    agreement = registry.handed_in(provider, "baa")
    agreeing.tick(agreement=agreement, found=[clause.code for clause in clauses.BAA[1:]], by=dana, at=NOON)

    with pytest.raises(agreeing.ClausesMissing, match="permitted and required uses"):
        agreeing.ask(agreement=agreement, by=dana, at=NOON)


def test_what_is_not_in_the_checklist_is_not_ticked(provider, dana):
    ticked = agreeing.tick(agreement=registry.handed_in(provider), found=["audits", "free_lunch"], by=dana, at=NOON)

    assert ticked.clauses == ["audits"]


def test_ticking_again_voids_the_request(provider, dana, ezra):
    agreement = registry.complete(registry.handed_in(provider))
    agreeing.ask(agreement=agreement, by=dana, at=NOON)

    agreeing.tick(agreement=agreement, found=["audits"], by=dana, at=NOON)

    with pytest.raises(approvals.AlreadyDecided):
        agreeing.confirm(agreement=agreement, by=ezra, at=NOON)


def test_counsel_does_not_confirm_what_they_asked_for(provider, ezra):
    agreement = registry.complete(registry.handed_in(provider))
    agreeing.ask(agreement=agreement, by=ezra, at=NOON)

    with pytest.raises(approvals.OwnRequest):
        agreeing.confirm(agreement=agreement, by=ezra, at=NOON)
    assert agreeing.confirm(agreement=agreement, by=cast.cleo(), at=NOON).state == "confirmed"


def test_who_lost_the_right_does_not_confirm(provider, dana, ezra):
    agreement = registry.complete(registry.handed_in(provider))
    agreeing.ask(agreement=agreement, by=dana, at=NOON)
    duties.assign(member=ezra, roles=[Role.AUDITOR], by=cast.SYSTEM, at=NOON)

    with pytest.raises(NotPermitted):
        agreeing.confirm(agreement=agreement, by=ezra, at=NOON)


def test_a_rejected_agreement_never_counts(provider, dana, ezra):
    agreement = registry.complete(registry.handed_in(provider))
    agreeing.ask(agreement=agreement, by=dana, at=NOON)

    rejected = agreeing.reject(agreement=agreement, by=ezra, at=NOON)

    assert rejected.state == "rejected"
    for refused in (
        lambda: agreeing.ask(agreement=rejected, by=dana, at=NOON), lambda: agreeing.end(agreement=rejected, by=ezra, at=NOON),
        lambda: agreeing.tick(agreement=rejected, found=[], by=dana, at=NOON),
    ):  # fmt: skip
        with pytest.raises(NotAMove):
            refused()


def test_its_days_are_half_open(provider):
    agreement = registry.agreed(provider, starts_on=NOON.date(), ends_on=(NOON + 10 * DAY).date())
    midnight = NOON - timedelta(hours=12)

    def counts(at):
        return Agreement.objects.in_force(at).filter(pk=agreement.pk).exists()

    assert [counts(midnight - timedelta(seconds=1)), counts(midnight)] == [False, True]
    assert [counts(midnight + 10 * DAY - timedelta(seconds=1)), counts(midnight + 10 * DAY)] == [True, False]


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<html>%PDF-1.7 %%EOF", b"%PDF-1.7 and then nothing", b"MZ%PDF-1.7\n%%EOF"])
def test_only_a_pdf_is_kept(provider, dana, content):
    with pytest.raises(agreeing.NotAPdf):
        agreeing.propose(provider=provider, kind="dpa", title="x", starts_on=NOON.date(), ends_on=None, content=content, by=dana, at=NOON)
    assert Document.objects.count() == 0


def test_a_document_has_at_most_twenty_megabytes(provider, dana):
    fits = b"%PDF-" + b"0" * (LARGEST_DOCUMENT - 10) + b"%%EOF"
    assert len(fits) == LARGEST_DOCUMENT
    assert agreeing.keep_document(fits, by=dana, at=NOON).size == LARGEST_DOCUMENT
    with pytest.raises(agreeing.DocumentTooLarge):
        agreeing.keep_document(fits + b" ", by=dana, at=NOON)


def test_days_backwards_are_refused(provider, dana):
    with pytest.raises(agreeing.DaysBackwards):
        registry.handed_in(provider, starts_on=NOON.date(), ends_on=NOON.date())


def test_that_a_document_was_taken_is_recorded(provider, ezra):
    agreement = registry.handed_in(provider)

    assert agreeing.read_document(document=agreement.document, about=agreement.reference, by=ezra, at=NOON) == registry.PDF

    event = Event.objects.get(verb="document.read")
    assert (event.object, event.actor, event.facts["document"]) == (agreement.reference, str(ezra.actor), agreement.document.reference)


def test_a_renewal_supersedes_from_its_first_day(provider):
    old = registry.agreed(provider)
    renewal = registry.agreed(provider, starts_on=(NOON + 100 * DAY).date(), ends_on=(NOON + 500 * DAY).date(), supersedes=old)

    old.refresh_from_db()
    assert (old.state, old.ends_on, renewal.line) == ("superseded", (NOON + 100 * DAY).date(), old.reference)
    assert list(Agreement.objects.in_force(NOON + 99 * DAY)) == [old]
    assert list(Agreement.objects.in_force(NOON + 100 * DAY)) == [renewal]


def test_what_is_no_renewal_is_refused(provider):
    old = registry.agreed(provider)
    for given in (
        {"kind": "baa", "starts_on": (NOON + DAY).date()}, {"starts_on": old.starts_on},
        {"provider": registry.proposed("Other"), "starts_on": (NOON + DAY).date()},
    ):  # fmt: skip
        with pytest.raises(agreeing.NotARenewal):
            registry.handed_in(given.pop("provider", provider), given.pop("kind", "dpa"), supersedes=old, **given)
    registry.handed_in(provider, starts_on=(NOON + DAY).date(), supersedes=old)
    with pytest.raises(agreeing.NotARenewal):
        registry.handed_in(provider, starts_on=(NOON + 2 * DAY).date(), supersedes=old)


def test_a_renewal_of_what_was_ended_meanwhile_is_not_confirmed(provider, dana, ezra):
    old = registry.agreed(provider)
    renewal = registry.complete(registry.handed_in(provider, starts_on=(NOON + DAY).date(), supersedes=old))
    agreeing.ask(agreement=renewal, by=dana, at=NOON)
    agreeing.end(agreement=old, by=ezra, at=NOON)

    with pytest.raises(agreeing.NotARenewal):
        agreeing.confirm(agreement=renewal, by=cast.cleo(), at=NOON)


def test_the_end_before_its_time_is_in_the_journal(provider, ezra, dana):
    agreement = registry.agreed(provider)
    with pytest.raises(NotPermitted):
        agreeing.end(agreement=agreement, by=dana, at=NOON)

    ended = agreeing.end(agreement=agreement, by=ezra, at=NOON)

    assert (ended.state, ended.ended_by) == (AgreementState.ENDED, str(ezra.actor))
    assert JournalEntry.objects.get(kind="agreement.ended").about == agreement.reference
    assert not Agreement.objects.in_force(NOON).exists()
