"""Places for archives: two persons, a test object, the client's proof of its key, one address, one country."""

import pyrage
import pytest
from django.db import IntegrityError, connection, transaction

from apps.gate.client.addresses import AddressUnsafe
from apps.gate.client.troubles import PeerDown, PeerSettingsUnfit
from apps.gate.states import ContactReason
from apps.mail.models import OutgoingMail
from apps.retention.archives.age_keys import NotARecipient
from apps.retention.models import ArchiveTarget
from apps.retention.services import targets
from apps.retention.services.archives import places
from apps.retention.states import TARGET_MOVES, TargetState
from apps.staff.roles import Role
from apps.staff.services.approvals import ChangedSince, OwnRequest
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.retention import archived
from tests.retention.places.conftest import ground, https, identity, receiver  # noqa: F401 - fixtures

TOKEN = "receiver-token-4711-must-never-be-seen"


@pytest.fixture
def mercy(house):
    return cast.client("Mercy General", archive="hosted")


@pytest.fixture
def northgate(house, settings):
    settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES, settings.ARCHIVE_PORTS = ["127.0.0.1"], None
    return cast.client("Northgate", archive="own_server")


def proposed(northgate, peer, key, **given):
    options = dict(peer.settings)
    return targets.propose(
        **{
            "organization": northgate, "kind": "own_server", "place": "https", "address": options.pop("url"),
            "peer_key": options.pop("receiver_key"), "credentials": peer.credentials, "options": options,
            "recipient": archived.recipient(key), "by": cast.bo(), "at": NOON,
        }
        | given
    )  # fmt: skip


def test_a_place_is_used_only_after_a_second_person_and_a_test_object(mercy):
    target = targets.propose(organization=mercy, kind="hosted", place="local", by=cast.bo(), at=NOON)
    assert (target.state, target.tried_at, target.keep_days) == (TargetState.PROPOSED, None, 2192)
    with pytest.raises(OwnRequest):
        targets.approve(target=target, by=bo_as_officer(), at=NOON)
    target = targets.approve(target=target, by=cast.cleo(), at=NOON)
    assert (target.state, target.tried_at, target.decided_by) == (TargetState.ACTIVE, NOON, str(cast.cleo().actor))
    assert [path for path in archived.folder().rglob("*") if path.is_file()] == []


def bo_as_officer():
    bo = cast.bo()
    bo.roles = [Role.RECORDS_MANAGER, Role.COMPLIANCE_OFFICER]
    bo.save(update_fields=["roles"])
    return bo


def test_who_lacks_the_right_neither_proposes_nor_approves(mercy):
    dana = cast.staff("dana", Role.PRIVACY_ANALYST)
    with pytest.raises(NotPermitted):
        targets.propose(organization=mercy, kind="hosted", place="local", by=dana, at=NOON)
    target = targets.propose(organization=mercy, kind="hosted", place="local", by=cast.bo(), at=NOON)
    for act in (targets.approve, targets.reject):
        with pytest.raises(NotPermitted):
            act(target=target, by=dana, at=NOON)
    for act in (targets.suspend, targets.end, targets.resume):
        with pytest.raises(NotPermitted):
            act(target=archived.hosted(cast.client("Saint Ann", archive="hosted")), by=dana, at=NOON)


def test_another_country_needs_a_reason_that_the_second_person_sees_and_the_database_insists(mercy):
    with pytest.raises(targets.CountryNeedsReason):
        targets.propose(organization=mercy, kind="hosted", place="local", country="CA", by=cast.bo(), at=NOON)
    with pytest.raises(PeerSettingsUnfit):
        targets.propose(organization=mercy, kind="hosted", place="local", country="XX", country_reason="why not", by=cast.bo(), at=NOON)
    target = targets.propose(organization=mercy, kind="hosted", place="local", country="CA", country_reason="Law of Quebec", by=cast.bo(), at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        ArchiveTarget.objects.filter(pk=target.pk).update(country_reason="")
    ArchiveTarget.objects.filter(pk=target.pk).update(country_reason="Another")
    with pytest.raises(ChangedSince):
        targets.approve(target=target, by=cast.cleo(), at=NOON)


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "hosted", "place": "https"},
        {"kind": "own_server", "place": "local"},
    ],
)
def test_an_archive_of_a_kind_lies_at_its_kinds_of_places(mercy, given):
    with pytest.raises(targets.NotSuchAPlace):
        targets.propose(organization=mercy, by=cast.bo(), at=NOON, **given)


@pytest.mark.parametrize(
    "address",
    [
        "http://archive.example.com/in", "ftp://archive.example.com/in", "https://user:pw@archive.example.com/in",
        "https://archive.example.com:8080/in", "https://archive.example.com/../in", "https://0x7f000001/in", "gopher://archive.example.com/in",
    ],
)  # fmt: skip
def test_an_address_that_can_be_read_twice_or_leads_elsewhere_is_refused_when_it_is_proposed(northgate, https, settings, address):  # noqa: F811
    settings.ARCHIVE_PORTS = [443]
    with pytest.raises(AddressUnsafe):
        proposed(northgate, https, archived.new_identity(), address=address)
    assert ArchiveTarget.objects.count() == 0


@pytest.mark.parametrize("address", ["https://127.0.0.1/in", "https://10.1.2.3/in", "https://169.254.169.254/in", "https://[::1]/in", "https://[::ffff:7f00:1]/in"])
def test_a_clients_target_in_our_own_network_is_never_connected(northgate, https, settings, address):  # noqa: F811
    settings.ARCHIVE_ALLOWED_PRIVATE_ADDRESSES = []
    key = archived.new_identity()
    target = proposed(northgate, https, key, address=address)
    archived.answer(target, key)
    https.server.asked.clear()
    with pytest.raises(AddressUnsafe):
        targets.approve(target=target, by=cast.cleo(), at=NOON)
    target.refresh_from_db()
    assert (target.state, https.server.asked) == (TargetState.PROPOSED, [])


def test_a_clients_server_needs_the_clients_key_and_its_proof(northgate, https):  # noqa: F811
    key = archived.new_identity()
    with pytest.raises(targets.NotOfThisKind):
        proposed(northgate, https, key, recipient="")
    with pytest.raises(NotARecipient):
        proposed(northgate, https, key, recipient=key)  # the secret one
    target = proposed(northgate, https, key)
    with pytest.raises(targets.NotProven):
        targets.approve(target=target, by=cast.cleo(), at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        ArchiveTarget.objects.filter(pk=target.pk).update(state="active", tried_at=NOON)
    with pytest.raises(targets.NoChallenge):
        targets.answer(target=target, said="00", by=cast.bo(), at=NOON)
    archived.answer(target, key)
    target.refresh_from_db()
    assert (target.proven_at, target.challenge) == (NOON, None)
    target = targets.approve(target=target, by=cast.cleo(), at=NOON + DAY)
    assert (target.state, target.pinned_address) == (TargetState.ACTIVE, "127.0.0.1")


def test_five_wrong_answers_end_a_challenge(northgate, https):  # noqa: F811
    key = archived.new_identity()
    target = proposed(northgate, https, key)
    sealed = targets.challenge(target=target, by=cast.bo(), at=NOON)
    right = pyrage.decrypt(sealed.encode(), [pyrage.x25519.Identity.from_str(key)]).decode().strip()
    for turn in range(5):
        with pytest.raises(targets.WrongAnswer):
            targets.answer(target=target, said=f"{turn:032x}", by=cast.bo(), at=NOON)
    with pytest.raises(targets.NoChallenge):
        targets.answer(target=target, said=right, by=cast.bo(), at=NOON)
    target.refresh_from_db()
    assert (target.wrong_answers, target.proven_at) == (5, None)
    archived.answer(target, key)
    target.refresh_from_db()
    assert target.proven_at == NOON


def test_the_challenge_is_mailed_to_the_client_and_only_its_key_opens_it(northgate, https):  # noqa: F811
    target = proposed(northgate, https, archived.new_identity())
    sealed = targets.challenge(target=target, by=cast.bo(), at=NOON, mail=True)
    mail = OutgoingMail.objects.get(template="retention/target_challenge")
    assert (mail.to_address, sealed.strip() in mail.body) == ("records@client.example", True)
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed.encode(), [pyrage.x25519.Identity.from_str(archived.new_identity())])


def test_credentials_lie_encrypted_and_nowhere_else(northgate, https, home):  # noqa: F811
    target = archived.own_server(northgate, https, identity=archived.new_identity())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t::text FROM retention_archivetarget t UNION ALL SELECT e::text FROM audit_event e"
            " UNION ALL SELECT d::text FROM audit_eventdetail d"
        )
        everything = "".join(row[0] for row in cursor.fetchall())
    assert TOKEN in https.credentials.values()
    assert TOKEN not in everything
    assert TOKEN.encode().hex() not in everything
    ArchiveTarget.objects.filter(pk=target.pk).update(credentials=b"\0" * 60)
    with pytest.raises(places.CredentialsUnreadable), places.place_of(ArchiveTarget.objects.get(pk=target.pk), ContactReason.LOOK, at=NOON):
        pass


def test_an_approved_server_is_only_reached_where_it_was_approved(northgate, https, monkeypatch):  # noqa: F811
    """Whoever rules the name's zone can't turn the target against us afterwards."""
    target = archived.own_server(northgate, https, identity=archived.new_identity())
    ArchiveTarget.objects.filter(pk=target.pk).update(address=target.address.replace("127.0.0.1", "archive.example.com"))
    monkeypatch.setattr("socket.getaddrinfo", lambda *_given, **_more: pytest.fail("a name was looked up again"))
    target.refresh_from_db()
    with places.place_of(target, ContactReason.LOOK, at=NOON) as place:
        assert str(place.guard.pin(place.guard.read(target.address, scheme="https")).addresses[0]) == "127.0.0.1"


def test_an_organization_has_one_place_of_a_kind_in_use(mercy):
    first = archived.hosted(mercy)
    second = targets.propose(organization=mercy, kind="hosted", place="local", by=cast.bo(), at=NOON)
    with pytest.raises(targets.InUseAlready), transaction.atomic():
        targets.approve(target=second, by=cast.cleo(), at=NOON)
    targets.end(target=first, by=cast.cleo(), at=NOON)
    assert targets.approve(target=second, by=cast.cleo(), at=NOON).state == TargetState.ACTIVE


def test_a_place_that_does_not_work_is_not_approved(northgate, https):  # noqa: F811
    key = archived.new_identity()
    target = proposed(northgate, https, key)
    archived.answer(target, key)
    https.server.manner = "hanging up"
    with pytest.raises(PeerDown):
        targets.approve(target=target, by=cast.cleo(), at=NOON)
    target.refresh_from_db()
    assert (target.state, target.tried_at) == (TargetState.PROPOSED, None)


def reach(mercy, state):
    target = targets.propose(organization=mercy, kind="hosted", place="local", by=cast.bo(), at=NOON)
    path = {"proposed": [], "active": [targets.approve], "suspended": [targets.approve, targets.suspend], "rejected": [targets.reject],
            "ended": [targets.approve, targets.end]}[state]  # fmt: skip
    for act in path:
        target = act(target=target, by=cast.cleo(), at=NOON)
    return target


ACTS = {"approve": "active", "reject": "rejected", "suspend": "suspended", "resume": "active", "end": "ended"}


@pytest.mark.parametrize("state", list(TargetState))
@pytest.mark.parametrize("act", ACTS)
def test_a_target_moves_as_its_table_says_and_in_no_other_way(mercy, state, act):
    target = reach(mercy, state.value)
    allowed = ACTS[act] in TARGET_MOVES[state] and (act != "approve" or state == "proposed") and (act != "resume" or state == "suspended")
    if allowed:
        assert getattr(targets, act)(target=target, by=cast.cleo(), at=NOON).state == ACTS[act]
    else:
        with pytest.raises(targets.Refusal):
            getattr(targets, act)(target=target, by=cast.cleo(), at=NOON)
        target.refresh_from_db()
        assert target.state == state
