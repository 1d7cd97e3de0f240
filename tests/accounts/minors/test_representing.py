"""A representative counts once two people verified the document, for one child, as long as it is valid, and no longer."""

from datetime import date

import pytest

from apps.accounts import details
from apps.accounts.models import MinorCase, Person, Representative
from apps.accounts.services import documents, minors, registration, representing
from apps.accounts.services.looking import ReasonMissing
from apps.audit.models import Event, JournalEntry
from apps.foundation.actors import SYSTEM
from apps.foundation.moves import NotAMove
from apps.staff.roles import Role
from apps.staff.services import approvals
from tests import cast
from tests.accounts.minors import given
from tests.accounts.minors.given import KIM_BORN, PDF, asked, dana, proposed, represented, verified
from tests.cast import DAY, NOON


def register(representative="", **more):
    wanted = {"given_name": "Kim", "birth_date": KIM_BORN} | more
    return registration.register_person(organization=None, representative=representative, **wanted, by=SYSTEM, at=NOON)


def test_nobody_below_18_is_registered_without_a_representative():
    with pytest.raises(details.MinorNotRepresented) as refused:
        register()
    assert "two people" in refused.value.mend
    assert (Person.objects.count(), Event.objects.filter(verb="person.registered").count()) == (0, 0)


def test_a_child_is_registered_with_the_representative_who_was_verified_for_it():
    acting = verified()
    kim = register(acting.reference, given_name="KIM")
    acting.refresh_from_db()
    assert (acting.person, acting.minor_given_name, acting.minor_birth_date) == (kim, "", None)
    assert (kim.standing, kim.age_seen_on, kim.minor_cases.count()) == ("active", NOON.date(), 0)
    assert Event.objects.get(verb="representative.bound").facts == {"person": kim.reference}


@pytest.mark.parametrize("wrong", [{"given_name": "Lee"}, {"birth_date": date(2008, 6, 2)}])
def test_a_representative_of_one_child_registers_no_other(wrong):
    acting = verified()
    with pytest.raises(representing.RepresentativeNotUsable):
        register(acting.reference, **wrong)
    assert Person.objects.count() == 0


def test_a_representative_registers_one_child_once():
    acting = verified()
    register(acting.reference)
    with pytest.raises(representing.RepresentativeNotUsable):
        register(acting.reference)
    assert Person.objects.count() == 1


def test_who_is_not_verified_not_yet_valid_or_unknown_registers_nobody():
    for reference in (proposed().reference, asked().reference, verified(valid_from=date(2026, 3, 9)).reference, "REP-0000000"):
        with pytest.raises(representing.RepresentativeNotUsable):
            register(reference)
    assert Person.objects.count() == 0


def test_somebody_of_18_needs_no_representative_and_gets_none():
    acting = verified()
    with pytest.raises(representing.RepresentativeNotNeeded):
        register(acting.reference, birth_date=date(2008, 3, 8))
    with pytest.raises(representing.RepresentativeNotNeeded):
        register(acting.reference, birth_date=None)
    assert register(birth_date=date(2008, 3, 8)).standing == "active"


def test_the_one_who_checked_does_not_approve():
    row = asked()
    dana_may_both = dana()
    dana_may_both.roles = [Role.PRIVACY_ANALYST, Role.COMPLIANCE_OFFICER]
    dana_may_both.save(update_fields=["roles"])
    with pytest.raises(approvals.OwnRequest):
        representing.approve(representative=row, by=dana_may_both, at=NOON)
    row.refresh_from_db()
    assert row.state == "proposed"


def test_nobody_checks_or_approves_what_they_did_not_take():
    row = proposed()
    with pytest.raises(documents.DocumentNotTaken):
        representing.ask(representative=row, by=dana(), at=NOON)
    documents.take(representative=row, reason="identity_check", by=dana(), at=NOON)
    representing.ask(representative=row, by=dana(), at=NOON)
    with pytest.raises(documents.DocumentNotTaken):
        representing.approve(representative=row, by=cast.cleo(), at=NOON)
    row.refresh_from_db()
    assert row.state == "proposed"


def test_a_verified_one_says_who_checked_and_who_approved():
    row = verified()
    assert (row.state, row.asked_by, row.decided_by) == ("verified", str(dana().actor), str(cast.cleo().actor))
    assert Event.objects.get(verb="representative.verified").facts == {"person": "", "asked_by": str(dana().actor), "authority": "parent"}


def test_a_rejected_one_says_why_and_never_counts():
    row = representing.reject(representative=asked(), reason="doubtful", by=cast.cleo(), at=NOON)
    assert (row.state, row.rejection) == ("rejected", "doubtful")
    assert Event.objects.get(verb="representative.rejected").facts == {"reason": "doubtful"}
    with pytest.raises(representing.NobodyAsks):
        representing.approve(representative=row, by=cast.cleo(), at=NOON)
    with pytest.raises(representing.RepresentativeNotUsable):
        register(row.reference)


def test_bo_may_neither_register_nor_approve():
    with pytest.raises(approvals.NotPermitted):
        proposed(by=cast.bo())
    row = asked()
    with pytest.raises(approvals.NotPermitted):
        representing.approve(representative=row, by=cast.bo(), at=NOON)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"content": b"<html>"}, "document_not_usable"),
        ({"content": b""}, "document_not_usable"),
        ({"content": b"%PDF-" + bytes(10 * 1024 * 1024)}, "proof_too_large"),
        ({"full_name": " "}, "detail_not_valid"),
        ({"email": "nobody"}, "email_not_valid"),
        ({"minor_given_name": ""}, "detail_not_valid"),
        ({"minor_birth_date": date(2008, 3, 8)}, "not_a_minor"),
        ({"minor_birth_date": date(2027, 3, 8)}, "birth_date_not_valid"),
        ({"minor_birth_date": None}, "not_a_minor"),
        ({"valid_until": date(2026, 3, 8)}, "representation_backwards"),
        ({"valid_from": date(2026, 5, 1), "valid_until": date(2026, 4, 1)}, "representation_backwards"),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_is_kept(wrong, code):
    with pytest.raises(representing.Refusal) as refused:
        proposed(**wrong)
    assert (refused.value.code, Representative.objects.count()) == (code, 0)


def test_nobody_represents_a_person_of_18():
    with pytest.raises(representing.NotAMinor):
        proposed(person=given.grown())


def test_who_the_representative_is_shows_for_a_reason_and_is_recorded():
    row = proposed()
    with pytest.raises(ReasonMissing):
        representing.reveal(representative=row, reason="curious", by=dana(), at=NOON)
    seen = dict(representing.reveal(representative=row, reason="legal", by=dana(), at=NOON))
    assert (seen["representative's name"], seen["date of birth of the child"]) == ("Paula Parent", "2008-06-01")
    assert Event.objects.get(verb="representative.revealed").facts == {
        "fields": ["email", "full_name", "minor_birth_date", "minor_given_name"], "reason": "legal",
    }  # fmt: skip


def test_an_ended_representation_suspends_its_minor_in_the_same_transaction():
    kim = represented()
    row = representing.end(representative=kim.representatives.get(), reason="revoked", by=dana(), at=NOON + DAY)
    kim.refresh_from_db()
    case = MinorCase.objects.get()
    assert (row.state, kim.standing, case.how, case.state, case.person) == ("ended", "suspended", "unrepresented", "open", kim)
    kinds = list(JournalEntry.objects.order_by("created_at", "id").values_list("kind", flat=True))
    assert sorted(kinds) == ["person.suspended", "representative.ended"]
    with pytest.raises(NotAMove):
        representing.end(representative=row, reason="revoked", by=dana(), at=NOON + DAY)


def test_an_ended_representation_of_two_leaves_the_minor_active():
    kim = represented()
    verified(person=kim, authority="guardian")
    first = kim.representatives.order_by("pk").first()
    representing.end(representative=first, reason="withdrew", by=dana(), at=NOON)
    kim.refresh_from_db()
    assert (kim.standing, MinorCase.objects.count()) == ("active", 0)


def test_after_the_18th_birthday_an_end_changes_nothing():
    kim = represented()
    representing.end(representative=kim.representatives.get(), reason="withdrew", by=dana(), at=NOON + 90 * DAY)
    kim.refresh_from_db()
    assert (kim.standing, MinorCase.objects.count()) == ("active", 0)


def test_the_document_opens_for_a_reason_and_is_stored_sealed():
    row = proposed()
    assert PDF not in bytes(Representative.objects.get().document)
    with pytest.raises(ReasonMissing):
        documents.take(representative=row, reason="", by=dana(), at=NOON)
    assert documents.take(representative=row, reason="legal", by=dana(), at=NOON) == (PDF, "application/pdf")
    assert Event.objects.get(verb="representative.document_taken").facts["reason"] == "legal"


def test_a_verified_representative_found_closes_the_case():
    kim = given.grown()
    case = minors.report(person=kim, how="report", by=SYSTEM, at=NOON)
    acting = verified(person=kim)
    kim.refresh_from_db()
    case.refresh_from_db()
    assert (kim.standing, case.state, case.representative, case.closed_by) == ("active", "represented", acting, str(cast.cleo().actor))
