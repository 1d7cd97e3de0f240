"""What a matter covers: the report that placing a hold answers with, and the export for counsel."""

import hashlib
import io
import json
import zipfile
from datetime import date, timedelta

import pytest
from django.db import connection
from django.urls import reverse

from apps.audit.models import Event
from apps.foundation import clock, signing
from apps.foundation.digests import canonical, leaf_hash
from apps.gate.models import Disclosure, GateRefusal
from apps.gate.services.deciding import Refused
from apps.holds.services import matters, placing, releasing
from apps.holds.services.placing import Conversation
from apps.retention import archive_promises as checks
from apps.retention.importing.lines import Party
from apps.retention.models import Certificate
from apps.retention.services import coverage, matter_exports, sweep
from apps.retention.states import RequestState
from apps.staff.roles import Role
from apps.staff.services import approvals
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

MORNING_AFTER = NOON + 8 * DAY


@pytest.fixture(autouse=True)
def clocks_agree(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660


@pytest.fixture
def ezra():
    return cast.staff("ezra", Role.COUNSEL)


@pytest.fixture
def matter(ezra):
    return matters.open_matter(title="Case 26-114", reason="Preservation letter", by=ezra, at=NOON)


@pytest.fixture
def clinic():
    """One day that is destroyed, one whose messages stand aside, one that lives: three messages each, in three conversations."""
    return cast.hill_clinic(7)


def day(clinic, at, key):
    cast.hand_over(clinic, [cast.message(n, id=f"{key}-{n}", conversation=f"c{n}", at=at) for n in range(1, 4)], at=at, key=key)


def three_days(clinic, matter, ezra, **scope):
    day(clinic, NOON, "gone")
    sweep.sweep(at=MORNING_AFTER)
    day(clinic, MORNING_AFTER, "aside")
    hold = placing.place(matter=matter, organization=clinic, reason="asked by the court", by=ezra, at=MORNING_AFTER, **scope)
    later = MORNING_AFTER + 9 * DAY
    sweep.sweep(at=later)
    day(clinic, later, "live")
    return hold, later


def test_the_report_says_what_is_kept_where_and_which_certificates_came_before(clinic, matter, ezra):
    hold, later = three_days(clinic, matter, ezra)
    report = coverage.report(holds=[hold], at=later)
    assert [(kept.live, kept.aside) for kept in report.kept] == [(0, 3), (3, 0)]
    assert (report.messages, report.exact) == (6, True)
    certificate = Certificate.objects.get()
    assert [(numbers, count) for _cohort, numbers, count in report.gone] == [([certificate.number], 3)]


def test_the_report_of_a_narrow_hold_counts_only_its_scope_and_only_days_that_may_matter(clinic, matter, ezra):
    hold, later = three_days(clinic, matter, ezra, conversation=Conversation("product", "c2"), sent_from=date(2026, 3, 17))
    report = coverage.report(holds=[hold], at=later)
    assert [(kept.live, kept.aside) for kept in report.kept] == [(1, 0)]
    assert report.gone[0][2] == 3 if report.gone else True
    assert all((cohort.sealed_at or cohort.expired_at).date() >= date(2026, 3, 17) for cohort, _numbers, _count in report.gone)


def taken(export, ezra, at):
    matter_exports.begin(export=export, by=ezra, at=at)
    whole = b"".join(matter_exports.stream(export=export, by=ezra, at=at))
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        assert file.testzip() is None
        return file.read("messages.jsonl"), json.loads(file.read("manifest.json"))


def test_an_export_holds_what_is_covered_with_proofs_and_a_signed_manifest(clinic, matter, ezra):
    _hold, later = three_days(clinic, matter, ezra)
    export = matter_exports.ask(matter=matter, recipient=clinic.reference, reason="The court asks for it", by=ezra, at=later)
    matter_exports.approve(export=export, by=cast.cleo(), at=later)
    content, signed = taken(export, ezra, later)
    lines = [json.loads(line) for line in content.splitlines()]
    assert sorted(line["message"]["id"] for line in lines) == ["aside-1", "aside-2", "aside-3", "live-1", "live-2", "live-3"]
    for line in lines:
        assert leaf_hash(bytes.fromhex(line["salt"]), canonical(line["message"])).hex() == line["proof"]
    said = signed["manifest"]
    assert said["files"] == [{"name": "messages.jsonl", "lines": 6, "sha256": hashlib.sha256(content).hexdigest()}]
    assert signing.is_signed(
        signing.public_key("certificates"), b"covenant-matter-export/1\n" + canonical(said), bytes.fromhex(signed["signature"]["value"])
    )
    export.refresh_from_db()
    assert (export.state, export.lines, export.takings) == (RequestState.DONE, 6, 1)
    disclosure = Disclosure.objects.get()
    assert (disclosure.reference, disclosure.recipient, disclosure.about_organization) == (export.disclosure, clinic.reference, clinic.reference)
    assert (disclosure.purpose, disclosure.ground, disclosure.what) == ("legal", "client", f"{export.reference}/taking 1")
    assert disclosure.permit.spent_at == later
    left = Event.objects.get(object=export.reference, verb="export.left")
    assert (left.facts["disclosure"], left.facts["sha256"]) == (export.disclosure, hashlib.sha256(content).hexdigest())
    assert list(Event.objects.filter(object=export.reference).order_by("id").values_list("verb", flat=True)) == [
        "export.asked", "export.approved", "export.taken", "export.left",
    ]  # fmt: skip


def test_an_export_holds_nothing_beyond_the_scope(clinic, matter, ezra):
    cast.hand_over(clinic, [cast.message(1, conversation="c1"), cast.message(2, conversation="c2", sender=Party(email="cy@client.example"))])
    placing.place(matter=matter, organization=clinic, conversation=Conversation("product", "c2"), reason="x", by=ezra, at=NOON)
    other = matters.open_matter(title="Another", reason="An audit", by=ezra, at=NOON)
    placing.place(matter=other, organization=clinic, reason="x", by=ezra, at=NOON)
    export = matter_exports.ask(matter=matter, recipient=clinic.reference, reason="The court asks for it", by=ezra, at=NOON)
    matter_exports.approve(export=export, by=cast.cleo(), at=NOON)
    content, _signed = taken(export, ezra, NOON)
    assert [json.loads(line)["message"]["id"] for line in content.splitlines()] == ["m2"]


def test_who_asked_may_not_approve_and_who_approved_may_not_take(clinic, matter, ezra):
    placing.place(matter=matter, organization=clinic, reason="x", by=ezra, at=NOON)
    export = matter_exports.ask(matter=matter, recipient=clinic.reference, reason="The court asks for it", by=ezra, at=NOON)
    with pytest.raises(approvals.OwnRequest):
        matter_exports.approve(export=export, by=ezra, at=NOON)
    with pytest.raises(matter_exports.NotToBeTaken):
        matter_exports.begin(export=export, by=ezra, at=NOON)
    matter_exports.approve(export=export, by=cast.cleo(), at=NOON)
    second = cast.staff("carl", Role.COUNSEL)
    with pytest.raises(matter_exports.NotYoursToTake):
        matter_exports.begin(export=export, by=second, at=NOON)
    with pytest.raises(matter_exports.NotToBeTaken):
        matter_exports.begin(export=export, by=ezra, at=NOON + timedelta(hours=25))


def test_a_hold_released_after_the_asking_voids_the_approval(clinic, matter, ezra):
    hold = placing.place(matter=matter, organization=clinic, reason="x", by=ezra, at=NOON)
    placing.place(matter=matter, organization=clinic, sent_from=date(2026, 3, 1), reason="x", by=ezra, at=NOON)
    export = matter_exports.ask(matter=matter, recipient=clinic.reference, reason="The court asks for it", by=ezra, at=NOON)
    releasing.ask_release(hold=hold, reason="settled", by=ezra, at=NOON)
    releasing.approve_release(hold=hold, by=cast.cleo(), at=NOON)
    with pytest.raises(approvals.ChangedSince):
        matter_exports.approve(export=export, by=cast.cleo(), at=NOON)


def test_without_a_hold_or_a_reason_nothing_is_asked_for(matter, ezra, clinic):
    with pytest.raises(matter_exports.NothingInForce):
        matter_exports.ask(matter=matter, recipient=clinic.reference, reason="The court asks for it", by=ezra, at=NOON)
    placing.place(matter=matter, organization=clinic, reason="x", by=ezra, at=NOON)
    with pytest.raises(matter_exports.ReasonMissing):
        matter_exports.ask(matter=matter, recipient=clinic.reference, reason=" ", by=ezra, at=NOON)


def approved(matter, recipient, ezra):
    export = matter_exports.ask(matter=matter, recipient=recipient, reason="The court asks for it", by=ezra, at=NOON)
    return matter_exports.approve(export=export, by=cast.cleo(), at=NOON)


def test_to_anybody_but_the_client_whose_messages_they_are_nothing_leaves_yet(clinic, matter, ezra):
    placing.place(matter=matter, organization=clinic, reason="x", by=ezra, at=NOON)
    export = approved(matter, cast.ada(clinic).reference, ezra)
    with pytest.raises(Refused, match="demand of law"):
        matter_exports.begin(export=export, by=ezra, at=NOON)
    assert "not_yet" in GateRefusal.objects.get().codes
    other = approved(matter, cast.client("Mercy General").reference, ezra)
    with pytest.raises(Refused, match="own data"):
        matter_exports.begin(export=other, by=ezra, at=NOON)
    export.refresh_from_db()
    assert (export.takings, export.state, Disclosure.objects.count()) == (0, RequestState.APPROVED, 0)


def test_a_matter_that_touches_several_clients_has_an_export_for_each_with_its_own_messages_alone(clinic, matter, ezra):
    mercy = cast.client("Mercy General")
    cast.rule(mercy, 7)
    for organization, numbers in ((clinic, (1, 2)), (mercy, (3, 4, 5))):
        cast.hand_over(organization, [cast.message(n) for n in numbers])
        placing.place(matter=matter, organization=organization, reason="x", by=ezra, at=NOON)
    for organization, own in ((clinic, ["m1", "m2"]), (mercy, ["m3", "m4", "m5"])):
        content, signed = taken(approved(matter, organization.reference, ezra), ezra, NOON)
        assert sorted(json.loads(line)["message"]["id"] for line in content.splitlines()) == own
        assert signed["manifest"]["recipient"] == organization.reference
        assert Disclosure.objects.latest("id").about_organization == organization.reference
    stranger = approved(matter, cast.client("Northgate").reference, ezra)
    with pytest.raises(Refused, match="own data"):
        matter_exports.begin(export=stranger, by=ezra, at=NOON)


def test_who_may_not_take_an_export_asks_the_gate_nothing(clinic, matter, ezra):
    placing.place(matter=matter, organization=clinic, reason="x", by=ezra, at=NOON)
    export = approved(matter, clinic.reference, ezra)
    with pytest.raises(matter_exports.NotYoursToTake):
        matter_exports.begin(export=export, by=cast.staff("carl", Role.COUNSEL), at=NOON)
    assert (Disclosure.objects.count(), GateRefusal.objects.count()) == (0, 0)


def test_an_export_names_who_gets_it(clinic, matter, ezra):
    placing.place(matter=matter, organization=clinic, reason="x", by=ezra, at=NOON)
    for nobody in ("", "Quentina Marlow", "ORG-"):
        with pytest.raises(matter_exports.RecipientNotNamed):
            matter_exports.ask(matter=matter, recipient=nobody, reason="The court asks for it", by=ezra, at=NOON)


def test_the_file_reaches_the_browser_of_who_takes_it(client, clinic, matter, ezra):
    three_days(clinic, matter, ezra)
    export = matter_exports.ask(matter=matter, recipient=clinic.reference, reason="The court asks for it", by=ezra, at=clock.now())
    matter_exports.approve(export=export, by=cast.cleo(), at=clock.now())
    client.force_login(ezra)
    place = reverse("admin:retention_matterexport_take", args=[export.pk])
    answer = client.post(place, {"once": client.get(place).context["once"]})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert "no-store" in answer["Cache-Control"]
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as file:
        assert len(file.read("messages.jsonl").splitlines()) == 6
    export.refresh_from_db()
    assert (export.state, export.lines, export.takings) == (RequestState.DONE, 6, 1)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE retention_matterexport SET disclosure = ''", "was taken without a disclosure"),
        ("UPDATE retention_matterexport SET disclosure = 'DIS-00000000000'", "names DIS-00000000000, which is not in the ledger"),
        ("UPDATE gate_disclosure SET recipient = 'ORG-0000000'", "was for somebody else than {} names"),
        ("UPDATE gate_permit SET spent_at = NULL", "was taken, and the permit of {} was never used"),
        ("UPDATE retention_matterexport SET takings = 2", "was taken 2 times, and let out 1 times"),
    ],
)
def test_an_export_that_was_taken_without_its_disclosure_is_named(clinic, matter, ezra, statement, why):
    cast.hand_over(clinic, [cast.message(1)])
    placing.place(matter=matter, organization=clinic, reason="x", by=ezra, at=NOON)
    export = approved(matter, clinic.reference, ezra)
    taken(export, ezra, NOON)
    export.refresh_from_db()
    looked = checks.every_export_was_let_out(NOON)
    assert (looked.rows, looked.violations) == (1, ())
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")
    found = checks.every_export_was_let_out(NOON).violations
    assert [(one.object, one.why) for one in found] == [(export.reference, why.format(export.disclosure))]


def test_an_export_that_was_taken_before_there_was_a_gate_needs_no_disclosure(clinic, matter, ezra):
    cast.hand_over(clinic, [cast.message(1)])
    placing.place(matter=matter, organization=clinic, reason="x", by=ezra, at=NOON)
    export = approved(matter, clinic.reference, ezra)
    type(export).objects.update(recipient="", takings=1, taken_at=NOON)
    assert (checks.every_export_was_let_out(NOON).rows, checks.every_export_was_let_out(NOON).violations) == (1, ())
    with pytest.raises(matter_exports.RecipientNotNamed):
        matter_exports.begin(export=export, by=ezra, at=NOON)
