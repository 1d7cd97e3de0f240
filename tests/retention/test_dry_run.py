"""A dry run says exactly what the run that follows does, and changes nothing: not a row, not a key."""

import json
from collections import Counter
from datetime import date, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection

from apps.holds.services import matters, placing, releasing
from apps.holds.services.placing import Conversation
from apps.retention.models import AsideMessage, Certificate, Cohort, Destruction, Message
from apps.retention.services import aside, clock_guard, dry_run, reviews, sealing, sweep
from apps.retention.states import AsideGround, DestructionScope
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.usefixtures("house")

EXPIRY = date(2026, 3, 16)
MORNING_AFTER = NOON + 8 * DAY


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test


@pytest.fixture
def ezra():
    return cast.staff("ezra", Role.COUNSEL)


@pytest.fixture
def matter(ezra):
    return matters.open_matter(title="Case 26-114", reason="Preservation letter", by=ezra, at=NOON)


def everything(home) -> dict[str, str]:
    """A digest of each table, and the bytes of each file: keys and journal."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = 'public' ORDER BY 1"
        )
        tables = [name for (name,) in cursor.fetchall()]
        assert {"message", "retention_cohort", "audit_event"} <= set(tables)
        digests = {}
        for table in tables:
            cursor.execute(f'SELECT md5(coalesce(string_agg(t::text, \'\' ORDER BY t::text), \'\')) FROM "{table}" t')
            digests[table] = cursor.fetchone()[0]
    return digests | {str(path): path.read_bytes().hex() for path in home.rglob("*") if path.is_file()}


def destroyed_by_certificate(known: set[str]) -> Counter:
    return Counter({
        (row.destruction.scope, row.cohort.reference): row.messages
        for row in Certificate.objects.select_related("destruction", "cohort") if row.number not in known
    })  # fmt: skip


def aside_by_ground() -> Counter:
    return Counter(AsideMessage.objects.values_list("cohort__reference", "ground"))


def a_mixed_scene(matter, ezra):
    """Two clinics without an archive, one that reviews, one that is owed an archive; holds, a supplement, a recall, rows aside."""
    hill, lake, mercy, valley = cast.hill_clinic(), cast.client("Lake Clinic"), cast.client("Mercy General", archive="hosted"), cast.client("Valley")
    for organization in (lake, mercy, valley):
        cast.rule(organization, 7)
    reviews.ask(organization=lake, by=cast.bo(), at=NOON)
    earlier = NOON - 4 * DAY
    for organization, count in ((hill, 12), (lake, 4), (mercy, 5), (valley, 3)):
        cast.hand_over(organization, [cast.message(n, conversation=f"c{n % 3}", at=NOON) for n in range(1, count + 1)], key="now")
        cast.hand_over(
            organization, [cast.message(n, id=f"e{n}", conversation=f"c{n % 3}", at=earlier) for n in range(1, count + 1)], key="earlier", at=NOON
        )
    released = placing.place(matter=matter, organization=hill, conversation=Conversation("product", "c1"), reason="x", by=ezra, at=NOON)
    placing.place(matter=matter, organization=hill, conversation=Conversation("product", "c2"), reason="x", by=ezra, at=NOON)
    sweep.sweep(at=NOON + 5 * DAY)  # the earlier day is over: rows stepped aside for each ground
    releasing.ask_release(hold=released, reason="closed", by=ezra, at=NOON + 5 * DAY)
    releasing.approve_release(hold=released, by=cast.cleo(), at=NOON + 5 * DAY)
    placing.place(
        matter=matters.open_matter(title="Another", reason="y", by=ezra, at=NOON), organization=hill, sent_until=earlier.date() + DAY,
        conversation=Conversation("product", "c0"), reason="z", by=ezra, at=NOON + 5 * DAY,
    )  # fmt: skip
    sealing.seal_due(at=NOON + 6 * DAY)
    cast.hand_over(hill, [cast.message(50, at=NOON)], key="late", at=NOON + 6 * DAY)  # a supplement, open until the day
    return hill, lake, mercy, valley


@pytest.mark.parametrize("chunk", [5_000, 2])
def test_a_dry_run_equals_the_run_that_follows_and_changes_nothing(home, matter, ezra, monkeypatch, chunk):
    a_mixed_scene(matter, ezra)
    monkeypatch.setattr(aside, "CHUNK", chunk)
    at = NOON + 13 * DAY  # the grace of the released hold is over too
    certified, before, aside_before = set(Certificate.objects.values_list("number", flat=True)), everything(home), aside_by_ground()

    said = dry_run.look(at=at)

    assert everything(home) == before
    assert (said.blocked, said.stopped) == ([], [])
    sweep.sweep(at=at)
    foreseen = Counter({(line.scope, line.cohort): line.destroyed for line in said.lines if line.certificate})
    assert foreseen == destroyed_by_certificate(certified)
    assert foreseen.total() == said.destroyed > 0
    assert {scope for scope, _cohort in foreseen} == {"day", "aside"}
    went_aside = Counter({(line.cohort, ground): n for line in said.lines if line.scope == "day" for ground, n in line.kept.items()})
    assert {ground for _cohort, ground in went_aside} == {AsideGround.HOLD, AsideGround.ARCHIVE, AsideGround.REVIEW}
    assert went_aside == aside_by_ground() - aside_before
    ended = Counter({line.cohort: line.destroyed for line in said.lines if line.scope == "aside"})
    assert ended == Counter(cohort for cohort, _ground in (aside_before - aside_by_ground()).elements())
    assert {name for line in said.lines for name in line.because} == {matter.reference}


def test_after_the_run_a_dry_run_finds_nothing_left_but_what_is_kept(matter, ezra):
    a_mixed_scene(matter, ezra)
    sweep.sweep(at=NOON + 13 * DAY)
    said = dry_run.look(at=NOON + 13 * DAY)
    assert (said.destroyed, said.kept, said.lines) == (0, Counter(), [])


def test_a_begun_destruction_is_foreseen_to_its_end():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(n) for n in range(1, 4)])
    sealing.expire_due(at=MORNING_AFTER)
    Destruction.objects.create(scope=DestructionScope.DAY, day=EXPIRY, secret="day/2026-03-16", opened_at=MORNING_AFTER)
    assert [(line.destroyed, line.certificate) for line in dry_run.look(at=MORNING_AFTER).lines] == [(3, True)]


def test_an_account_that_does_not_add_up_is_said_to_stop_its_day_as_it_does():
    clinic, other = cast.hill_clinic(), cast.client("Lake Clinic")
    cast.rule(other, 6)
    cast.hand_over(clinic, [cast.message(1), cast.message(2)])
    cast.hand_over(other, [cast.message(1)])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM message WHERE expiry = %s AND id = (SELECT min(id) FROM message WHERE expiry = %s)", [EXPIRY, EXPIRY])
    said = dry_run.look(at=MORNING_AFTER)
    assert [(one.day, one.code) for one in said.stopped] == [(EXPIRY, "account_does_not_balance")]
    assert said.destroyed == 1
    sweep.sweep(at=MORNING_AFTER)
    assert [row.messages for row in Certificate.objects.all()] == [1]
    assert Message.objects.on_days([EXPIRY]).count() == 1


def test_a_clock_in_doubt_is_said_to_block_everything(settings):
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    settings.CLOCK_JUMP_HOURS = 26
    clock_guard.watch(at=NOON)
    said = dry_run.look(at=MORNING_AFTER)
    assert [why.partition(":")[0] for why in said.blocked] == ["clock_in_doubt"]
    assert dry_run.look(at=MORNING_AFTER, present=False).blocked == []
    sweep.sweep(at=MORNING_AFTER)
    assert Certificate.objects.count() == 0


def test_the_command_says_it_for_people_and_for_machines(capsys):
    cast.hand_over(cast.hill_clinic(), [cast.message(1), cast.message(2)])
    cohort = Cohort.objects.get()
    call_command("destroy_dry_run", at="2026-03-16T00:00:00Z")
    assert capsys.readouterr().out == (
        f"2026-03-16 {cohort.reference} {cohort.organization.reference} day: 2 destroyed\n"
        "2 messages would be destroyed, 0 kept aside. Nothing was changed.\n"
    )
    call_command("destroy_dry_run", at="2026-03-15T23:59:59", as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["destroyed"], said["lines"], said["at"]) == (0, [], "2026-03-15T23:59:59+00:00")
    with pytest.raises(CommandError, match="Write the moment like"):
        call_command("destroy_dry_run", at="soon")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM message WHERE expiry = %s", [EXPIRY])
    with pytest.raises(SystemExit):
        call_command("destroy_dry_run", at=(NOON + timedelta(days=9)).isoformat())
    assert "stopped." in capsys.readouterr().out


def test_the_page_says_it_to_who_may_look_at_destructions_and_shows_references_only(client):
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1, at=NOON), cast.message(2, at=NOON)])
    cohort = Cohort.objects.get()
    client.force_login(cast.bo())
    with time_machine.travel(MORNING_AFTER):
        page = client.get("/admin/retention/cohort/would-be-destroyed/").text
    assert "<strong>2 messages</strong>" in page
    assert (cohort.reference in page, clinic.reference in page, "Good morning" in page) == (True, True, False)
    assert "would-be-destroyed" in client.get("/admin/retention/cohort/").text
    client.force_login(cast.staff("pat", Role.PRIVACY_ANALYST))
    assert client.get("/admin/retention/cohort/would-be-destroyed/").status_code == 403
    assert "would-be-destroyed" not in client.get("/admin/retention/cohort/").text
    assert Certificate.objects.count() == 0
