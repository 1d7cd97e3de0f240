"""What an erasure leaves: nothing that names the person anywhere in the database, what a hold or a law keeps and no more, and numbers about nobody."""

from datetime import date, timedelta

from django.db import connection, transaction

from apps.accounts.models import Person, Representative
from apps.accounts.services import amending
from apps.accounts.services.subjects import subject_of
from apps.assurance.models import Finding
from apps.audit.models import Event, EventDetail, JournalEntry
from apps.communications.models import Circular, Delivery, FormerDeliveries, Inquiry
from apps.communications.services.circulars.reporting import report
from apps.communications.services.inquiries import ending, opening
from apps.communications.states import Channel
from apps.communications.texts import Words
from apps.consents.models import ConsentEvent
from apps.contacts.models import ContactKey, KeptBook, Match
from apps.foundation import held
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.foundation.personal_data import Ended, Kept, KeptGround
from apps.gate.models import DisclosureSubject, WithdrawalNotice
from apps.holds.models import Hold
from apps.holds.services import matters, placing, releasing
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from tests import cast
from tests.accounts.minors import given as minors
from tests.cast import DAY, NOON
from tests.data_requests.holdings import everything
from tests.data_requests.holdings.test_every_holding import HOLDINGS, counts, erase, erase_all
from tests.gate import agreed, given

TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = 'public' ORDER BY 1
"""
#: where a reference may stay, for six years or for good: it names nobody by then
BY_REFERENCE = {"audit_event", "audit_journalentry", "gate_disclosuresubject", "gate_gaterefusal", "gate_withdrawalnotice", "holds_hold"}
NAMES = ("Lovell", "ada@private", "+12025550065", "U-Ada", "sub-Ada", "4 Ada Street")


def tables_that_say(*words):
    """Every table of which some row, written as text, has one of the words in it."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        names = [name for (name,) in cursor.fetchall()]
        found = set()
        for name in names:
            cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{name}" t WHERE t::text ILIKE ANY(%s))', [[f"%{word}%" for word in words]])
            if cursor.fetchone()[0]:
                found.add(name)
    return found


def test_nothing_in_the_database_names_them_and_their_reference_stays_where_it_is_said(ada, ben, subject):
    assert {"accounts_person", "accounts_historicalperson", "accounts_historicalpersonemail", "mail_outgoingmail"} <= tables_that_say(*NAMES)
    everything.close(ada)

    erase_all(subject)

    # of the child for whom Ada wanted to act nothing goes: the test called it after her
    assert tables_that_say(*NAMES) == set()
    assert tables_that_say(ada.reference) == BY_REFERENCE | {"data_requests_contactchange"} & tables_that_say(ada.reference)
    assert tables_that_say(ben.reference, "Okafor") >= {"accounts_person", "accounts_historicalperson", "mail_outgoingmail"}


def test_the_secrets_of_what_lay_sealed_are_named_for_destruction_and_no_others(ada, ben, subject):
    everything.close(ada)
    before = {name for kind in ("linked", "representative", "source", "inquiry") for name in keystore().names(kind)}

    done = erase_all(subject)

    named = [name for each in done.values() for one in each for name in one.secrets]
    bens = [*ben.linked_accounts.all(), *ben.representatives.all(), *ben.contact_sources.all(), *ben.kept_books.all(), *Inquiry.objects.all()]
    of_ben = {one.reference for one in bens} | {"senders"}
    assert len(named) == len(set(named))
    assert sorted({name.partition("/")[0] for name in named}) == ["inquiry", "linked", "representative", "source"]
    assert of_ben & {name.partition("/")[2] for name in named} == set()
    # what is left is Ben's, or of a document about the child of either
    left = {name.partition("/")[2] for name in before - set(named)}
    assert left - of_ben == set(Representative.objects.filter(person__given_name="Cora").exclude(document=None).values_list("reference", flat=True))


def hold_on(someone):
    by = given.ezra()
    matter = matters.open_matter(title="Docket 26-118", reason="A court asks for it.", by=by, at=NOON - DAY)
    return placing.place(matter=matter, reason="The court names it.", person=someone, by=by, at=NOON - DAY)


def release(hold, at):
    releasing.ask_release(hold=hold, reason="It is settled.", by=given.ezra(), at=at)
    return releasing.approve_release(hold=hold, by=cast.cleo(), at=at)


def test_a_hold_on_them_keeps_everything_and_says_how_much_and_whose_it_is(ada, subject):
    hold = hold_on(ada)
    everything.close(ada)
    before = counts(subject)

    done = erase_all(subject)

    kept = {code: each for code, each in done.items() if code != "gate.withdrawals"}  # where nothing ever goes
    assert counts(subject) == before
    assert {code: each for code, each in kept.items() if each != [Ended(kept=(Kept(KeptGround.HOLD, hold.reference, before[code]),))]} == {}


def test_when_the_hold_is_over_the_same_erasure_takes_what_it_kept(ada, subject):
    hold = hold_on(ada)
    everything.close(ada)
    erase_all(subject)
    over = release(hold, NOON - 60 * DAY).kept_until
    assert over < NOON

    erase_all(subject)

    assert not Person.objects.filter(pk=ada.pk).exists()
    assert [row.person_id for row in Hold.objects.filter(person_reference=ada.reference)] == [None, None]
    assert tables_that_say(*NAMES) == set()


def test_a_hold_on_all_of_their_client_keeps_them_too_and_one_of_another_client_does_not(ada, subject):
    by = given.ezra()
    matter = matters.open_matter(title="Docket 26-119", reason="A court asks for it.", by=by, at=NOON - DAY)
    placing.place(matter=matter, reason="It names another.", organization=cast.client("Mercy General"), by=by, at=NOON - DAY)
    with transaction.atomic():
        assert held.keepers(subject, NOON) == ()
    hold = placing.place(matter=matter, reason="It names all.", organization=ada.organization, by=by, at=NOON - DAY)
    with transaction.atomic():
        assert held.keepers(subject, NOON) == (hold.reference,)


def test_a_match_that_a_hold_keeps_for_the_other_one_is_set_apart_for_them(ada, ben, subject):
    hold_on(ben)
    assert Match.objects.count() == 1
    everything.close(ada)

    erase_all(subject)

    assert Match.objects.count() == 0
    assert list(KeptBook.objects.filter(event="erasure").values_list("person", flat=True)) == [ben.pk]


def test_that_somebody_has_their_address_in_a_book_is_the_others_own(ada, ben, subject):
    books = ContactKey.objects.filter(person=ben)
    before = set(books.values_list("pk", flat=True))
    everything.close(ada)

    erase_all(subject)

    assert (set(books.values_list("pk", flat=True)), len(before)) == (before, 3)


def acting(ada, until, *, at):
    """Ada represents a child, as two people verified it."""
    return minors.verified(at=at, full_name="Ada Lovell", email="ADA@private.example", valid_until=until)


def test_who_represents_somebody_else_stays_as_long_as_they_do(ada, subject):
    row = acting(ada, date(2027, 3, 8), at=NOON - DAY)
    everything.close(ada)

    (done,) = erase("accounts.representing", subject)

    assert done.anonymised == 1  # the one that was rejected
    assert [(kept.ground, kept.about, kept.rows, kept.until.date()) for kept in done.kept] == [(KeptGround.LAW, row.reference, 1, date(2027, 3, 8))]
    row.refresh_from_db()
    assert (row.full_name, row.email, bool(row.document)) == ("Ada Lovell", "ADA@private.example", True)


def test_once_a_representation_is_over_who_it_was_goes_and_that_it_was_stays(ada, subject):
    row = acting(ada, date(2026, 3, 7), at=NOON - 9 * DAY)
    everything.close(ada)

    (done,) = erase("accounts.representing", subject)

    assert (done.anonymised, done.kept, f"representative/{row.reference}" in done.secrets) == (2, (), True)
    assert Representative.objects.filter(pk=row.pk).values_list("full_name", "email", "document", "state").get() == ("", "", None, "verified")


def test_the_outbox_keeps_that_a_mail_left_and_sends_none_that_waits(ada, ben, subject):
    everything.close(ada)
    hers = list(OutgoingMail.objects.filter(once_key__startswith=ada.reference).values_list("pk", flat=True))
    to_her = OutgoingMail.objects.filter(to_address__iendswith="ada@private.example").count()
    to_staff = outbox.queue(
        template="consents/preference_link", to="bo@covenant.example", context={"url": "x", "minutes": 1, "organization": ""}, about=ada.reference,
        once_key="to-bo", at=NOON,
    )  # fmt: skip

    (done,) = erase("mail.outbox", subject)

    to_staff.refresh_from_db()
    assert (to_staff.state, to_staff.to_address, to_staff.about) == ("queued", "bo@covenant.example", to_staff.reference)

    hers = OutgoingMail.objects.filter(pk__in=hers).order_by("pk")
    assert list(hers.values_list("state", "to_address", "subject", "body")) == [("taken_back", "", "", ""), ("sent", "", "", "")]
    assert all((mail.emptied_at, mail.about) == (NOON, mail.reference) for mail in hers)
    assert OutgoingMail.objects.filter(once_key__startswith=ben.reference, to_address="").count() == 0
    assert (done.erased, done.anonymised) == (to_her, 1)


def test_how_many_deliveries_ended_how_stays_as_numbers(ada, ben, subject):
    circular = Circular.objects.get()
    mail = OutgoingMail.objects.get(once_key=f"{ada.reference}-1")
    Delivery.objects.filter(person=ada).update(state="handed", tries=1, handed_at=NOON, mail=mail)
    assert (report(circular).sent, report(circular).waiting) == (1, 1)
    everything.close(ada)

    (done,) = erase("communications.deliveries", subject)

    assert (done.anonymised, Delivery.objects.filter(person=ada).count()) == (1, 0)
    assert list(FormerDeliveries.objects.values_list("circular", "outcome", "count")) == [(circular.pk, "sent", 1)]
    assert (report(circular).sent, report(circular).waiting) == (1, 1)
    everything.close(ben)
    erase("communications.deliveries", subject_of(ben))
    assert (report(circular).sent, report(circular).not_active, report(circular).waiting) == (1, 1, 0)


def test_recipients_hear_of_a_consent_that_ended_even_if_its_person_is_erased_right_after(ada, subject):
    event = agreed.give(ada, at=NOON - timedelta(minutes=30))
    left = agreed.handed_over(everything.somebody_else(), ada, at=NOON - timedelta(minutes=20))
    ended = agreed.withdraw(ada, at=NOON - timedelta(minutes=10))
    everything.close(ada)

    erase_all(subject)

    notice = WithdrawalNotice.objects.get(event=ended.reference)
    assert (notice.person_reference, left in notice.disclosures, event.pk < ended.pk) == (ada.reference, True, True)
    assert not ConsentEvent.objects.filter(person_id=ada.pk).exists()
    assert DisclosureSubject.objects.filter(person_reference=ada.reference).count() == 3


def test_the_detail_of_an_act_goes_and_says_so_in_the_ledger(ada, subject):
    erase("audit.detail", subject)

    assert EventDetail.objects.filter(detail__person=ada.reference).count() == 0
    assert Event.objects.filter(verb="audit.detail_erased").latest("pk").facts["ground"] == "erasure"


def test_a_finding_stays_without_whom_it_was_about(ada, ben, subject):
    erase("assurance.findings", subject)
    erase("assurance.findings", subject_of(ben))

    assert [one.object == one.reference for one in Finding.objects.all()] == [True, True]


def test_a_restore_forgets_their_inquiries_again(ada, subject):
    references = set(Inquiry.objects.filter(person=ada).values_list("reference", flat=True))

    erase("communications.inquiries", subject)

    assert references <= set(JournalEntry.objects.filter(kind="inquiry.erased").values_list("about", flat=True))


def test_an_erasure_takes_a_bounded_piece_per_call(ada, subject, monkeypatch):
    monkeypatch.setattr(held, "MOST", 2)
    everything.close(ada)
    before = HOLDINGS["accounts.reach"].count(subject, NOON)

    done = erase("accounts.reach", subject)

    assert [one.erased for one in done] == [2] * (before // 2) + [before % 2]
    assert [one.more for one in done] == [True] * (before // 2) + [False]


def test_what_came_in_behind_its_step_goes_with_the_persons_row(ada, subject):
    everything.close(ada)
    for code in HOLDINGS:
        if code != "accounts.people" and HOLDINGS[code].erase:
            erase(code, subject)
    amending.add_email(person=ada, address="later@private.example", by=SYSTEM, at=NOON)
    opening.begin(channel=Channel.MAIL, sender="later@private.example", words=Words("Wait", "I am not done."), at=NOON)
    assert Inquiry.objects.filter(person=ada).count() == 1

    erase("accounts.people", subject)
    ending.destroy_left_secrets(at=NOON)

    assert not Person.objects.filter(pk=ada.pk).exists()
    assert tables_that_say("later@private", *NAMES) == set()
    assert keystore().names("inquiry") == ["inquiry/senders"]


def test_a_subject_knows_former_names_and_addresses_and_shows_none_of_them(ada):
    amending.amend_person(person=ada, changes={"given_name": "Adele"}, by=SYSTEM, at=NOON)
    ada.refresh_from_db()

    subject = subject_of(ada)

    assert subject.names == ("Adele Lovell", "Ada Lovell", "Ada Lovell-Before", "Adele", "Lovell", "Ada", "Lovell-Before")
    assert set(subject.emails) == {"ada@private.example", "Old.ada@private.example", "old.ada@private.example"}
    assert set(subject.identities) == {("slack", "U-Ada"), ("elsewhere", "sub-Ada")}
    assert (subject.phones, repr(subject)) == (("+12025550065",), f"<subject {ada.reference}>")
