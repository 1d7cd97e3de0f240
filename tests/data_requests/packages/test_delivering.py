"""Nobody gets a byte who does not still read the contact on file; what is handed over is recorded before it leaves, and once per link."""

import re
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.services import amending
from apps.audit.models import Event
from apps.data_requests.models import Letter, Package, RequestLink
from apps.data_requests.services import links, moving
from apps.data_requests.services.packages import delivering, ending, making, sealing
from apps.data_requests.states import Kind, LinkPurpose, State
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import keystore
from apps.foundation.refusals import Refusal
from apps.gate.models import Disclosure, GateRefusal, Permit
from apps.gate.services import deciding
from apps.gate.states import Ground
from apps.mail.models import OutgoingMail
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked
from tests.data_requests.holdings import everything
from tests.data_requests.packages.opened import read, sha256

MINUTE = timedelta(minutes=1)
URL = re.compile(r"https?://\S+/requests/(ready|fetch)/([A-Za-z0-9_-]{43})/")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada(clinic):
    """With little to hand over: what is in it is looked at elsewhere."""
    return cast.ada(clinic, everything.address_of("Ada"))


@pytest.fixture
def package(running):
    made = making.make_package(running, at=NOON)
    moving_on(running, State.ANSWERING)
    return made


def moving_on(request, state):
    with transaction.atomic():
        moving.move(moving.locked(request.pk), state, by=SYSTEM, at=NOON)


def mailed(kind: str) -> list[tuple[str, str]]:
    """(address, token) of every link of that kind in the outbox, the oldest first."""
    return [
        (mail.to_address, found[2])
        for mail in OutgoingMail.objects.order_by("pk") if (found := URL.search(mail.body)) and found[1] == kind
    ]  # fmt: skip


def offered(at=NOON) -> str:
    assert delivering.offer_due(at=at) == 1
    return mailed("ready")[-1][1]


def fresh(token, at=NOON) -> str:
    delivering.ask_anew(token, at=at)
    return mailed("fetch")[-1][1]


def fetched(token, at=NOON) -> bytes:
    return b"".join(delivering.stream(delivering.begin(token, at=at)))


def test_the_package_that_arrives_is_the_one_that_was_made(package, ada):
    content = fetched(fresh(offered()))

    assert sha256(content) == bytes(package.digest).hex()
    assert read(content).data["person"] == ada.reference


def test_the_letter_that_offers_it_answers_the_request_and_goes_to_the_contact_on_file(package, running):
    offered()

    assert [address for address, _token in mailed("ready")] == [everything.address_of("Ada")]
    assert [letter.template.code for letter in Letter.objects.filter(request=running)] == ["delivery"]
    assert delivering.offer_due(at=NOON + MINUTE) == 0
    assert OutgoingMail.objects.filter(about=running.reference).count() == 1


def test_the_offer_itself_hands_nothing_over(package):
    token = offered()

    with pytest.raises(links.LinkOver):
        delivering.begin(token, at=NOON)
    assert not Disclosure.objects.exists()
    assert Package.objects.get().fetches == 0


def test_the_gate_records_a_disclosure_to_the_person_before_the_first_byte(package, ada, running):
    handing = delivering.begin(fresh(offered()), at=NOON + MINUTE)

    left = Disclosure.objects.get()
    assert (left.recipient, left.ground, left.purpose, left.what) == (ada.reference, Ground.PERSON, "answering", package.reference)
    assert (bytes(left.digest), left.size) == (bytes(package.digest), package.size)
    assert set(left.categories) == set(package.categories)
    assert set(left.fields) == {one["code"] for one in package.holdings}
    assert list(left.subjects.values_list("person_reference", flat=True)) == [ada.reference]
    assert Permit.objects.get(disclosure=left).spent_at == NOON + MINUTE
    row = Package.objects.get()
    assert (row.fetches, row.fetched_at, row.disclosure) == (1, NOON + MINUTE, left.reference)
    event = Event.objects.get(verb="request.package_fetched", object=running.reference)
    assert (event.actor, event.facts["disclosure"]) == (f"person:{ada.reference}", left.reference)
    assert handing.size == package.size


def test_a_fresh_link_serves_once(package):
    token = fresh(offered())
    fetched(token)

    with pytest.raises(links.LinkOver):
        delivering.begin(token, at=NOON + MINUTE)
    assert Disclosure.objects.count() == 1


def test_a_fresh_link_is_over_after_half_an_hour(package):
    token = fresh(offered())

    assert delivering.find_fresh(token, at=NOON + 29 * MINUTE) is not None
    assert delivering.find_fresh(token, at=NOON + 30 * MINUTE) is None
    with pytest.raises(links.LinkOver):
        delivering.begin(token, at=NOON + 30 * MINUTE)


def test_a_newer_fresh_link_ends_the_one_before(package):
    offer = offered()
    first = fresh(offer)
    second = fresh(offer, NOON + MINUTE)

    with pytest.raises(links.LinkOver):
        delivering.begin(first, at=NOON + 2 * MINUTE)
    assert fetched(second, NOON + 2 * MINUTE)


def test_links_open_no_other_door(package):
    offer = offered()
    token = fresh(offer)

    assert delivering.find(token, at=NOON) is None
    assert delivering.find_fresh(offer, at=NOON) is None
    for purpose in (LinkPurpose.PROVE, LinkPurpose.CALL_BACK, LinkPurpose.CONFIRM_AGENT):
        assert links.find(token, purpose=purpose, at=NOON) is None


def test_after_a_broken_download_a_new_proof_fetches_it_again_three_times_in_all(package, settings):
    offer = offered()
    for number in range(settings.REQUEST_PACKAGE_FETCHES):
        fetched(fresh(offer, NOON + number * MINUTE), NOON + number * MINUTE)

    assert Disclosure.objects.count() == settings.REQUEST_PACKAGE_FETCHES
    assert delivering.find(offer, at=NOON + 10 * MINUTE) is None
    with pytest.raises(links.LinkOver):
        delivering.ask_anew(offer, at=NOON + 10 * MINUTE)


def test_somebody_who_clicks_all_day_gets_five_mails(package):
    offer = offered()
    for number in range(9):
        delivering.ask_anew(offer, at=NOON + number * MINUTE)

    assert len(mailed("fetch")) == delivering.FRESH_LINKS_A_DAY
    delivering.ask_anew(offer, at=NOON + DAY + 9 * MINUTE)
    assert len(mailed("fetch")) == delivering.FRESH_LINKS_A_DAY + 1


def test_a_contact_that_is_off_file_gets_no_fresh_link(package, ada):
    offer = offered()
    amending.add_email(person=ada, address="new@private.example", by=SYSTEM, at=NOON)
    amending.remove(row=ada.emails.get(address=everything.address_of("Ada")), by=SYSTEM, at=NOON)

    delivering.ask_anew(offer, at=NOON + MINUTE)

    assert mailed("fetch") == []
    assert not RequestLink.objects.filter(purpose=LinkPurpose.FETCH).exists()


def test_a_contact_that_came_lately_is_offered_nothing_until_it_is_old_enough(package, ada, running):
    amending.add_email(person=ada, address="new@private.example", by=SYSTEM, at=NOON)
    amending.remove(row=ada.emails.get(address=everything.address_of("Ada")), by=SYSTEM, at=NOON)

    assert delivering.offer_due(at=NOON + MINUTE) == 0

    running.refresh_from_db()
    assert running.last_code == "no_contact_on_file"
    assert mailed("ready") == []


def test_what_is_over_opens_nothing(package):
    offer = offered()
    token = fresh(offer, NOON + 7 * DAY - MINUTE)
    end = NOON + 7 * DAY

    assert delivering.find(offer, at=end) is None
    with pytest.raises(links.LinkOver):
        delivering.begin(token, at=end)


def test_when_its_days_are_over_secret_and_file_are_destroyed(package, running):
    offered()
    end = NOON + 7 * DAY + ending.GRACE

    assert ending.end_due(at=end - MINUTE) == 0
    assert ending.end_due(at=end) == 1
    assert ending.end_due(at=end) == 0

    row = Package.objects.get()
    assert row.destroyed_at == end
    assert not sealing.path_of(row.reference).exists()
    assert RequestLink.objects.filter(void_at=None).count() == 0
    assert keystore().was_destroyed(f"package/{row.reference}")
    assert Event.objects.filter(verb="request.package_destroyed", object=running.reference).count() == 1


def test_a_package_that_was_changed_on_the_disk_is_not_handed_over(package):
    token = fresh(offered())
    path = sealing.path_of(package.reference)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(delivering.PackageBroken):
        delivering.begin(token, at=NOON)
    assert not Disclosure.objects.exists()
    assert links.find(token, purpose=LinkPurpose.FETCH, at=NOON) is not None


def test_what_the_gate_refuses_is_not_handed_over_and_the_link_stays(package, running):
    token = fresh(offered())
    Package.objects.update(categories=["no_such_category"])

    with pytest.raises(deciding.Refused):
        delivering.begin(token, at=NOON)
    assert GateRefusal.objects.count() == 1
    assert not Disclosure.objects.exists()
    assert Package.objects.get().fetches == 0
    assert links.find(token, purpose=LinkPurpose.FETCH, at=NOON) is not None


def test_staff_can_have_it_offered_anew_and_what_was_offered_before_opens_nothing(package):
    first = offered()
    dana = asked.dana()

    delivering.offer_anew(package=package, by=dana, at=NOON + MINUTE)

    assert delivering.find(first, at=NOON + MINUTE) is None
    assert delivering.find(mailed("ready")[-1][1], at=NOON + MINUTE) is not None
    assert Event.objects.filter(verb="request.package_offered", actor=str(dana.actor)).count() == 1


def test_staff_without_the_right_can_not(package):
    offered()

    with pytest.raises(Refusal, match="permission"):
        delivering.offer_anew(package=package, by=cast.staff("nina", Role.AUDITOR), at=NOON)


def test_an_erasure_of_the_person_ends_their_package(package, ada):
    subject = making.subjects.subject_of(ada)
    assert ending.count(subject, NOON) == 1

    with transaction.atomic():
        ended = ending.erase(subject, NOON)

    assert ended.secrets == (f"package/{package.reference}",)
    assert ended.files == (f"packages/{package.reference}.zip.sealed",)
    assert ending.count(subject, NOON) == 0
    with transaction.atomic():
        assert ending.erase(subject, NOON).secrets == ()


def test_what_belongs_to_no_package_is_cleared(package):
    stray = sealing.folder() / "PKG-0000000.zip.sealed"
    stray.write_bytes(b"left by a restore")
    draft = sealing.folder() / f".{package.reference}.zip.sealed.0123456789ab"
    draft.write_bytes(b"left by a kill")
    piece = sealing.piece_of(package.reference, "accounts.reach")
    piece.parent.mkdir()
    piece.write_bytes(b"left by a kill")

    assert ending.clear_left(at=NOON) == 2
    assert [path.name for path in sealing.folder().iterdir()] == [f"{package.reference}.zip.sealed"]
    assert ending.clear_left(at=NOON) == 0


def test_a_package_that_is_begun_while_others_are_cleared_stays(package, clinic, monkeypatch):
    ben = cast.ada(clinic, "ben@private.example")
    looked = sealing.references

    def begun_meanwhile():
        monkeypatch.setattr(sealing, "references", looked)
        opened = asked.request(Kind.CATEGORIES, person=ben, email="ben@private.example")
        with transaction.atomic():
            asked.brought(opened, State.RUNNING)
        making.make_package(opened, at=NOON)
        return looked()

    monkeypatch.setattr(sealing, "references", begun_meanwhile)

    assert ending.clear_left(at=NOON) == 0
    assert Package.objects.count() == 2
    for row in Package.objects.all():
        assert sha256(sealing.path_of(row.reference).read_bytes()) == bytes(row.sealed_digest).hex()
        assert keystore().exists(sealing.secret_of(row.reference))


def test_looking_at_a_link_writes_nothing(package):
    offer = offered()
    token = fresh(offer)

    with CaptureQueriesContext(connection) as asked_of_it:
        delivering.find(offer, at=NOON)
        delivering.find_fresh(token, at=NOON)
    assert all(query["sql"].startswith("SELECT") and "FOR UPDATE" not in query["sql"] for query in asked_of_it)
