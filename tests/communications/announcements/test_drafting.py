"""From a draft to an approval by a second person, bound to every word; tried on oneself before."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts.details import DetailNotValid
from apps.audit.models import Event
from apps.communications.models import Circular
from apps.communications.services.announcements import deciding, drafting, trying
from apps.communications.services.circulars import controlling, wording
from apps.communications.states import CIRCULAR_MOVES, CircularState
from apps.foundation.moves import NotAMove
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.staff.models import Approval
from apps.staff.roles import PERMISSIONS, Role
from apps.staff.services import approvals
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.announcements import circulars

pytestmark = pytest.mark.django_db


def test_a_draft_becomes_approved_only_by_somebody_else(house):
    asked = circulars.asked()
    with pytest.raises(NotPermitted):
        deciding.approve(circular=asked, by=cast.bo(), at=NOON)
    with pytest.raises((approvals.OwnRequest, NotPermitted)):
        deciding.approve(circular=asked, by=circulars.dana(), at=NOON)
    row = deciding.approve(circular=asked, by=cast.cleo(), at=NOON)
    assert (row.state, row.send_at, bytes(row.digest)) == (CircularState.APPROVED, NOON, drafting.digest_of(row))
    assert row.approved_by != row.asked_by


def test_who_may_both_write_and_approve_still_needs_another(house):
    both = cast.staff("both", Role.PRIVACY_ANALYST, Role.COMPLIANCE_OFFICER)
    asked = circulars.asked(by=both)
    with pytest.raises(approvals.OwnRequest):
        deciding.approve(circular=asked, by=both, at=NOON)


def test_words_that_changed_behind_the_approval_are_not_approved(house, by_force):
    asked = circulars.asked()
    by_force("UPDATE communications_circular SET words = 'Buy this.' WHERE id = %s", asked.pk)
    with pytest.raises(approvals.ChangedSince):
        deciding.approve(circular=asked, by=cast.cleo(), at=NOON)


@pytest.mark.parametrize("column", ["words", "subject"])
def test_the_database_keeps_the_words_that_were_handed_in(house, column):
    asked = circulars.asked()
    with pytest.raises(IntegrityError, match="were handed in and stay"), transaction.atomic():
        Circular.objects.filter(pk=asked.pk).update(**{column: "Others"})


def test_the_database_knows_no_other_move_than_the_table(house):
    moves = {(here, there) for here, others in CIRCULAR_MOVES.items() for there in others}
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'communications_circular_guard'")
        source = cursor.fetchone()[0]
    for here in CircularState:
        for there in CircularState:
            assert (f"('{here.value}', '{there.value}')" in source) == ((here, there) in moves), (here, there)


def test_a_rejected_or_taken_back_one_is_a_draft_again_and_is_asked_anew(house):
    row = deciding.reject(circular=circulars.asked(), by=cast.cleo(), at=NOON)
    assert row.state == CircularState.DRAFT
    row = drafting.ask(circular=drafting.reword(circular=row, subject="Better", words="Words", by=circulars.dana(), at=NOON), by=circulars.dana(), at=NOON)
    row = drafting.back_to_draft(circular=row, by=circulars.dana(), at=NOON)
    assert list(Approval.objects.order_by("pk").values_list("verdict", flat=True)) == ["rejected", "void"]
    with pytest.raises(deciding.AnnouncementNotAsked):
        deciding.approve(circular=row, by=cast.cleo(), at=NOON)


def test_what_was_handed_in_is_not_reworded(house):
    with pytest.raises(drafting.NotADraft):
        drafting.reword(circular=circulars.asked(), subject="x", words="y", by=circulars.dana(), at=NOON)


def test_asking_twice_is_refused_plainly(house):
    with pytest.raises(approvals.AlreadyAsked):
        drafting.ask(circular=circulars.asked(), by=circulars.dana(), at=NOON)


def test_a_text_message_is_refused_because_nobody_delivers_it_yet(house):
    with pytest.raises(drafting.NoProviderForTexts) as no:
        circulars.draft(channel="sms")
    assert "no provider" in no.value.what
    assert Circular.objects.count() == 0


@pytest.mark.parametrize("wrong", [{"kind": "policy"}, {"kind": "offer"}, {"channel": "fax"}, {"channel": ""}])
def test_an_unknown_kind_or_channel_is_refused(house, wrong):
    with pytest.raises(drafting.KindUnknown):
        circulars.draft(**wrong)


@pytest.mark.parametrize("words", ["", "  \n ", "x" * 20_001, "a\x00b", "a\x1bb", "a\ue000b", "\ud800"])
def test_words_that_do_not_fit_are_refused(house, words):
    with pytest.raises(drafting.WordsNotFit):
        circulars.draft(words=words)


@pytest.mark.parametrize("subject", ["", "x" * 151, "Hello\nBcc: eve@evil.example", "Hello\r\nX: y", "a\x00"])
def test_a_subject_that_is_not_one_line_is_refused(house, subject):
    with pytest.raises(DetailNotValid):
        circulars.draft(subject=subject)


@pytest.mark.parametrize("send_at", [NOON - timedelta(seconds=1), NOON + 367 * DAY])
def test_a_moment_in_the_past_or_too_far_is_refused(house, send_at):
    with pytest.raises(drafting.MomentNotFit):
        circulars.draft(send_at=send_at)


def test_a_moment_that_passed_before_the_approval_means_at_once(house):
    asked = circulars.asked(send_at=NOON + timedelta(hours=1))
    assert deciding.approve(circular=asked, by=cast.cleo(), at=NOON + DAY).send_at == NOON + DAY


def test_the_estimate_says_how_many_allow_it_and_plainly_that_nobody_does(house):
    assert "Nobody allows announcements by this channel now" in str(drafting.estimate(channel="email", at=NOON))
    circulars.readers(2)
    assert str(drafting.estimate(channel="email", at=NOON)) == "2 people allow it now."
    circulars.allow(circulars.person(3, emails=False))
    assert str(drafting.estimate(channel="email", at=NOON)) == "3 people allow it now; 2 of them have an e-mail address."
    circulars.withdraw(circulars.readers(1, start=4)[0])
    assert drafting.estimate(channel="email", at=NOON).allowed == 3


def test_a_test_goes_to_oneself_alone_and_carries_no_link(house, server):
    circulars.readers(1)
    row = circulars.draft()
    assert trying.send_test(circular=row, by=circulars.dana(), at=NOON) is not None
    assert trying.send_test(circular=row, by=circulars.dana(), at=NOON) is None
    outbox.send_due(at=NOON)
    (arrived,) = server.taken
    assert arrived.recipients == ("dana@covenant.example",)
    assert arrived.message["Subject"] == "[Test] Version 7 is here"
    assert "List-Unsubscribe" not in arrived.message
    assert circulars.WORDS in arrived.text
    assert not OutgoingMail.objects.get().is_bulk
    with pytest.raises(NotPermitted):
        trying.send_test(circular=row, by=cast.bo(), at=NOON)


def test_the_preview_is_what_arrives(house):
    subject, text = wording.preview(circulars.draft())
    assert subject == "Version 7 is here"
    assert text.startswith(circulars.WORDS)
    assert "/unsubscribe/0000" in text
    assert wording.preview(circulars.draft(channel="in_app")) == ("Version 7 is here", circulars.WORDS)


@pytest.mark.parametrize("role", Role)
def test_only_the_roles_that_say_so_write_and_approve(house, role):
    member = cast.staff("somebody", role)
    if drafting.DRAFT in PERMISSIONS[role]:
        assert circulars.draft(by=member).state == CircularState.DRAFT
    else:
        with pytest.raises(NotPermitted):
            circulars.draft(by=member)
    asked = circulars.asked(by=cast.staff("other", Role.PRIVACY_ANALYST))
    if drafting.APPROVE in PERMISSIONS[role]:
        assert deciding.approve(circular=asked, by=member, at=NOON).state == CircularState.APPROVED
    else:
        with pytest.raises(NotPermitted):
            deciding.approve(circular=asked, by=member, at=NOON)


def test_an_open_request_is_void_when_it_is_cancelled(house):
    row = controlling.cancel(circular=circulars.asked(), by=cast.cleo(), at=NOON)
    assert Approval.objects.get().verdict == "void"
    with pytest.raises(NotAMove):
        drafting.ask(circular=row, by=circulars.dana(), at=NOON)


def test_the_ledger_knows_the_words_by_their_digest_only(house):
    row = circulars.approved()
    for event in Event.objects.filter(object=row.reference):
        assert "Version 7" not in str(event.facts)
    assert Event.objects.get(object=row.reference, verb="announcement.approved").facts["digest"] == drafting.digest_of(row).hex()
