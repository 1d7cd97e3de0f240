"""Everything of a person is collected, once, from every holding, into one package that only its secret opens."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from apps.audit.models import Event
from apps.data_requests import order
from apps.data_requests.models import Package
from apps.data_requests.packages import FORMAT
from apps.data_requests.services.packages import collecting, making, sealing
from apps.data_requests.states import Kind, State
from apps.foundation.digests import canonical
from apps.foundation.keys import SealBroken, keystore
from tests.cast import NOON
from tests.data_requests import asked
from tests.data_requests.holdings import everything
from tests.data_requests.packages.opened import opened, sha256

LATER = NOON + timedelta(minutes=5)
pytestmark = pytest.mark.django_db


def test_a_package_has_what_every_holding_hands_over(running, ada):
    package = opened(making.make_package(running, at=NOON))

    handed = {one["holding"] for one in package.data["sections"]}
    assert {"accounts.people", "accounts.reach", "accounts.identities", "accounts.linked", "consents.said", "mail.outbox"} <= handed
    assert handed <= {holding.code for holding in order.in_order() if holding.collect is not None}
    text = package.files["data.json"].decode()
    for said in ("Ada", "Lovell", everything.address_of("Ada"), "Springfield", "1990-03-08", "U-Ada", "sub-Ada"):
        assert said in text
    assert package.data["person"] == ada.reference
    assert package.data["request"] == running.reference


def test_nothing_of_anybody_else_is_in_it(running, clinic):
    everything.person(clinic, "Zebulon", "Quartermain")

    package = opened(making.make_package(running, at=NOON))

    for name, content in package.files.items():
        for other in (b"Zebulon", b"Quartermain", b"rita@guardian", b"Rita Guardian", b"Child of Ada"):
            assert other not in content, name


def test_what_was_left_out_of_others_is_listed_with_its_reason(running):
    package = opened(making.make_package(running, at=NOON))

    found = [one for one in package.redactions["redacted"] if one["holding"] == "accounts.representatives"]
    assert found
    assert all(one["why"] and one["count"] > 0 for one in found)
    assert "What of others was left out here" in package.page


def test_the_manifest_has_every_other_file_and_is_signed(running, ada):
    made = making.make_package(running, at=NOON)
    package = opened(made)

    said, signature = package.manifest["manifest"], package.manifest["signature"]
    assert [file["name"] for file in said["files"]] == [name for name in package.files if name != "manifest.json"]
    assert {file["name"]: (file["size"], file["sha256"]) for file in said["files"]} == {
        name: (len(content), sha256(content)) for name, content in package.files.items() if name != "manifest.json"
    }
    assert said["package"] == made.reference
    assert said["person"] == ada.reference
    signed = FORMAT.encode() + b"\n" + canonical(said)
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature["key"])).verify(bytes.fromhex(signature["value"]), signed)  # raises where it is not


def test_the_row_says_what_the_package_is(running):
    made = making.make_package(running, at=NOON)

    package = opened(made)
    made.refresh_from_db()
    assert (made.size, bytes(made.digest).hex()) == (len(package.content), sha256(package.content))
    assert bytes(made.sealed_digest).hex() == sha256(sealing.path_of(made.reference).read_bytes())
    assert made.expires_at == NOON + timedelta(days=7)
    assert {"contact", "identity", "technical"} <= set(made.categories)
    assert {one["code"] for one in made.holdings} == {one["holding"] for one in package.data["sections"]}
    facts = Event.objects.get(verb="request.package_made", object=running.reference).facts
    assert (facts["package"], facts["size"]) == (made.reference, made.size)


def test_it_is_made_once(running):
    first = making.make_package(running, at=NOON)
    content = sealing.path_of(first.reference).read_bytes()

    again = making.make_package(running, at=LATER)

    assert (again.pk, again.made_at, bytes(again.digest)) == (first.pk, NOON, bytes(first.digest))
    assert sealing.path_of(first.reference).read_bytes() == content
    assert Event.objects.filter(verb="request.package_made").count() == 1


def test_a_holding_that_handed_over_is_not_asked_again(running, ada, monkeypatch):
    package = collecting.begin(running, at=NOON)
    subject = making.subjects.subject_of(ada)
    for holding in collecting.holdings()[:3]:
        collecting.take(package, holding, subject=subject, at=NOON)
    asked_again = []

    def written(collected, out, *, write=collecting.pieces.write):
        asked_again.append(1)
        return write(collected, out)

    monkeypatch.setattr(collecting.pieces, "write", written)
    making.make_package(running, at=LATER)

    assert len(asked_again) == len(collecting.holdings()) - 3


def test_one_step_of_a_plan_collects_one_holding(running, ada):
    subject = making.subjects.subject_of(ada)

    rows = collecting.collect_holding(running, "accounts.reach", subject=subject, at=NOON)

    assert rows == collecting.collect_holding(running, "accounts.reach", subject=subject, at=LATER) > 0
    assert [path.name for path in (sealing.folder() / Package.objects.get().reference).iterdir()] == ["accounts.reach.piece"]


def test_nothing_lies_in_clear_and_no_piece_is_left(running, home):
    package = making.make_package(running, at=NOON)

    lying = [path for path in sealing.folder().rglob("*") if path.is_file()]
    assert [path.name for path in lying] == [f"{package.reference}.zip.sealed"]
    for path in home.rglob("*"):
        if path.is_file():
            assert b"Springfield" not in path.read_bytes(), path
            assert path.stat().st_mode & 0o077 == 0 or "journal" in str(path)


def test_another_secret_or_another_name_opens_nothing(running):
    package = making.make_package(running, at=NOON)
    keystore().ensure("package/PKG-0000000")
    path = sealing.path_of(package.reference)

    with pytest.raises(SealBroken):
        list(sealing.reading(path, reference="PKG-0000000", about=package.reference))
    with pytest.raises(SealBroken):
        list(sealing.reading(path, reference=package.reference, about="PKG-0000000"))


def test_a_request_that_nobody_approved_gets_no_package(ada):
    waiting = asked.brought(asked.request(Kind.ACCESS, person=ada), State.AWAITING_APPROVAL)

    with pytest.raises(collecting.NotRunning):
        making.make_package(waiting, at=NOON)
    assert not Package.objects.exists()


def test_an_erasure_hands_nothing_over(ada):
    with pytest.raises(collecting.NothingToHandOver):
        making.make_package(asked.request(Kind.DELETION, person=ada), at=NOON)


def test_the_categories_are_handed_over_without_a_row(ada):
    request = asked.brought(asked.request(Kind.CATEGORIES, person=ada), State.RUNNING)

    package = opened(making.make_package(request, at=NOON))

    assert package.data["sections"] == []
    kinds = next(one for one in package.data["overview"] if one["holding"] == "overview.categories")
    held = {row["kind of data"]: row for row in kinds["tables"][0]["rows"]}
    row = held["How people are reached: e-mail addresses and phones"]
    assert (row["categories"], row["entries"] > 0, row["who decides on it"]) == ("contact details", True, "we")
    assert row["how it is collected"]
    for content in package.files.values():
        assert b"Springfield" not in content
        assert everything.address_of("Ada").encode() not in content


def test_json_has_values_that_no_page_shows_as_they_are(running, ada):
    ada.given_name = "Ada\u202e<script>alert(1)</script>"
    ada.save(update_fields=["given_name"])

    package = opened(making.make_package(running, at=NOON))

    assert any(ada.given_name in json.dumps(row, ensure_ascii=False) for row in package.rows("accounts.people"))
    assert "<script" not in package.page
