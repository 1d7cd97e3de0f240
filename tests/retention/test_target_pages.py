"""The page on which a place is proposed: what is written into it, and that a credential never comes back."""

import pytest
from django.urls import reverse

from apps.foundation import clock
from apps.retention.admin.targets import TargetForm
from apps.retention.models import ArchiveTarget
from apps.retention.services.archives import lag
from apps.retention.states import TargetState
from config import archive_panel
from tests import cast
from tests.retention import archived

FORM = {"place": "https", "country": "US", "address": "https://archive.example.com/inbox", "peer_key": "ab" * 32, "credential": "token-4711"}


@pytest.fixture
def bo(client, house, settings):
    settings.SECOND_FACTOR_REQUIRED = False
    client.force_login(cast.bo(), backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_a_place_is_proposed_on_its_page_and_waits_for_the_clients_proof(bo):
    northgate = cast.client("Northgate", archive="own_server")
    page = bo.post(
        reverse("admin:retention_archivetarget_add"),
        FORM | {"organization": northgate.reference.lower(), "recipient": archived.recipient(archived.new_identity())},
        secure=True,
    )
    target = ArchiveTarget.objects.get()
    assert (page.status_code, page["Location"]) == (302, reverse("admin:retention_archivetarget_change", args=[target.pk]))
    assert (target.kind, target.state, target.organization) == ("own_server", TargetState.PROPOSED, northgate)
    assert b"token-4711" not in bytes(target.credentials)


@pytest.mark.parametrize("wrong", [{"address": "https://user:pw@archive.example.com/"}, {"recipient": "age1nonsense"}, {"recipient": ""}])
def test_what_is_refused_is_said_and_the_credential_is_not_shown_again(bo, wrong):
    northgate = cast.client("Northgate", archive="own_server")
    given = FORM | {"organization": northgate.reference, "recipient": archived.recipient(archived.new_identity())} | wrong
    page = bo.post(reverse("admin:retention_archivetarget_add"), given, secure=True)
    assert (page.status_code, "errornote" in page.text, "token-4711" in page.text) == (409, True, False)
    assert ArchiveTarget.objects.count() == 0


@pytest.mark.parametrize(
    ("place", "credential", "given"),
    [
        ("sftp", "a password", {"password": "a password"}),
        ("sftp", "-----BEGIN OPENSSH PRIVATE KEY-----\nx", {"private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"}),
        ("s3", "AKEY\n secret ", {"access_key": "AKEY", "secret_key": "secret"}),
        ("https", "token", {"token": "token"}),
        ("local", "", {}),
    ],
)
def test_the_one_box_for_credentials_is_read_as_the_place_needs_them(house, place, credential, given):
    client = cast.client("Northgate", archive="both")
    form = TargetForm({"organization": client.reference, "place": place, "country": "US", "credential": credential})
    assert form.is_valid(), form.errors
    assert form.values()["credentials"] == given


def test_the_panel_says_whose_archive_lags_and_why(house, rf):
    assert archive_panel.archives(rf.get("/"), clock.now())["rows"] == []
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    cast.hand_over(mercy, [cast.message(1)])
    shown = archive_panel.archives(rf.get("/"), cast.NOON + 3 * cast.DAY)
    assert (shown["late"], shown["more"]) == (1, 0)
    assert shown["rows"] == [{
        "organization": mercy.reference, "url": "", "kind": "archive hosted by us", "segments": 1, "hours": 72, "days": 3,
        "why": "no place is in use", "late": True,
    }]  # fmt: skip
    target = archived.hosted(mercy)
    (one,) = lag.lags(at=cast.NOON + cast.DAY, organization=mercy)
    assert (one.target, one.why, one.is_late(cast.NOON + cast.DAY)) == (target, "", False)
