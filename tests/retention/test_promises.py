"""Each check of P06 and P26 on Message Data: kept on what the services made, red on a violation planted by raw SQL."""

import json
import shutil

import pytest
from django.db import connection

from apps.assurance import inventory
from apps.foundation.keys import KINDS, inspection, keystore, setting_up
from apps.foundation.promises import PROMISES
from apps.holds.services import matters, placing
from apps.retention import archive_promises, keystore_promises, promises
from apps.retention.models import Certificate, Cohort
from apps.retention.services import sealing, sweep
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.foundation import keystores

pytestmark = pytest.mark.usefixtures("house")

AFTER = NOON + 8 * DAY


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660


def plant(*statements: str) -> None:
    """Run SQL behind the triggers' back, as somebody with the superuser's password could."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET session_replication_role = origin")


@pytest.fixture
def destroyed():
    cast.hand_over(cast.hill_clinic(), [cast.message(n) for n in range(1, 4)])
    sweep.sweep(at=AFTER)
    return Cohort.objects.get()


@pytest.fixture
def live():
    cast.hand_over(cast.hill_clinic(), [cast.message(n) for n in range(1, 4)])
    return Cohort.objects.get()


RUNNABLE = [check for check in promises.CHECKS if check.run]


@pytest.mark.parametrize("check", RUNNABLE, ids=lambda check: check.code)
def test_a_check_that_has_nothing_to_look_at_says_so(check):
    assert check.run(NOON).rows == 0
    assert check.run(NOON).violations == ()


#: these look at other scenes: tests/retention/test_archive_promises.py, and below
ELSEWHERE = {"retention.holds", *(check.code for check in archive_promises.CHECKS)}


@pytest.mark.parametrize("check", [one for one in RUNNABLE if one.code not in ELSEWHERE], ids=lambda check: check.code)
def test_what_the_services_did_keeps_every_promise(check, destroyed):
    cast.hand_over(destroyed.organization, [cast.message(9, at=AFTER)], key="b9", at=AFTER)
    sealing.seal_due(at=AFTER + 6 * DAY)
    looked = check.run(AFTER + 2 * DAY)
    assert (looked.violations, looked.rows > 0) == ((), True)


def test_every_check_names_a_promise_that_exists():
    assert {check.promise for check in promises.CHECKS} <= PROMISES.keys()


def test_a_cohort_that_can_be_read_after_its_day_is_named(live):
    assert [v.object for v in promises.nothing_past_its_life_is_readable(AFTER).violations] == [live.reference]


def test_a_cohort_that_outlives_its_day_is_named(live):
    plant("UPDATE retention_cohort SET state = 'expired'")
    found = promises.nothing_outlives_its_day(AFTER + 2 * DAY).violations
    assert live.reference in [v.object for v in found]
    assert "leaf 2026-03-16" in [v.object for v in found]


def test_a_row_put_into_a_leaf_of_the_past_is_named(destroyed):
    plant(
        "INSERT INTO message SELECT 1, '2026-03-16', organization_id, 0, 1, decode(repeat('ab', 16), 'hex'), '{}',"
        " decode(repeat('ab', 32), 'hex'), 'x' FROM retention_cohort"
    )
    assert [v.object for v in promises.nothing_outlives_its_day(AFTER + 2 * DAY).violations] == ["leaf 2026-03-16"]
    assert [v.object for v in promises.what_is_destroyed_is_certified_and_gone(AFTER).violations] == [destroyed.reference]
    assert [v.object for v in promises.every_account_adds_up(AFTER).violations] == [destroyed.reference]


def test_a_destroyed_cohort_without_its_certificate_is_named(destroyed):
    plant("DELETE FROM retention_certificate")
    found = promises.what_is_destroyed_is_certified_and_gone(AFTER).violations
    assert [(v.object, "no certificate" in v.why) for v in found] == [(destroyed.reference, True)]


def test_a_certificate_that_was_changed_is_named(destroyed):
    certificate = Certificate.objects.get()
    changed = certificate.document
    changed["certificate"]["account"]["destroyed"] = 7
    words = json.dumps(changed).replace("'", "''")
    plant(f"UPDATE retention_certificate SET document = '{words}'")
    assert [v.object for v in promises.what_is_destroyed_is_certified_and_gone(AFTER).violations] == [certificate.number]


@pytest.fixture(params=["keystore", "keystore-second", "volumes/one", "volumes/two"])
def copy(request, house, settings):
    """One copy of the keystore at a time, where it lies by default and where an operator with two volumes puts it."""
    if request.param.startswith("volumes"):
        settings.KEYSTORE_DIRECTORIES = [str(house / "volumes" / "one"), str(house / "volumes" / "two")]
        settings.KEYSTORE_MASTER_KEY_FILE = str(house / "key" / "wraps.key")
        setting_up.set_up(keystore(), new=True)
    return house / request.param


def number_of(copy) -> int:
    return 2 if copy.name in ("keystore-second", "two") else 1


def test_a_key_that_came_back_in_either_copy_is_named(copy, destroyed):
    (copy / "day" / "2026-03-16").write_bytes(b"x")
    found = promises.what_is_destroyed_is_certified_and_gone(AFTER).violations
    why = f"is destroyed, and its secret day/2026-03-16 still lies in copy {number_of(copy)} of the keystore"
    assert [(v.object, v.why) for v in found] == [(destroyed.reference, why)]
    assert [(v.object, v.why) for v in keystore_promises.every_secret_is_whole_or_gone(AFTER).violations] == [
        ("day/2026-03-16", f"was destroyed and still lies in copy {number_of(copy)} of the keystore")
    ]


def test_bytes_that_are_left_in_the_mark_of_a_destroyed_secret_are_named(copy, destroyed):
    (copy / "day" / "2026-03-16.destroyed").write_bytes(b"x")
    assert [(v.object, v.why) for v in keystore_promises.every_secret_is_whole_or_gone(AFTER).violations] == [
        ("day/2026-03-16", f"was destroyed, and bytes of it are left in its mark in copy {number_of(copy)} of the keystore")
    ]


def test_a_flipped_byte_in_either_copy_is_named_until_it_is_mended(copy, live):
    path = copy / "day" / "2026-03-16"
    keystores.flip(path, 40)
    assert [(v.object, v.why) for v in keystore_promises.every_secret_is_whole_or_gone(NOON).violations] == [
        ("day/2026-03-16", f"is damaged in copy {number_of(copy)} of the keystore")
    ]
    inspection.mend(keystore())
    looked = keystore_promises.every_secret_is_whole_or_gone(NOON)
    assert (looked.rows, looked.violations) == (2, ())


def test_a_secret_that_is_missing_or_open_in_either_copy_is_named(copy, live):
    (copy / "day" / "2026-03-16").unlink()
    (copy / "organization" / live.organization.reference).chmod(0o640)
    assert [(v.object, v.why) for v in keystore_promises.every_secret_is_whole_or_gone(NOON).violations] == [
        ("day/2026-03-16", f"is missing in copy {number_of(copy)} of the keystore"),
        (f"organization/{live.organization.reference}", f"can be read by others (mode 640) in copy {number_of(copy)} of the keystore"),
    ]


def test_a_copy_of_the_keystore_that_is_gone_is_named_once(copy, live):
    shutil.rmtree(copy)
    assert [(v.object, v.why) for v in keystore_promises.every_secret_is_whole_or_gone(NOON).violations] == [
        (f"copy {number_of(copy)} of the keystore", "is not there")
    ]


def test_a_secret_in_clear_of_an_older_installation_is_whole_as_well(live, home):
    path = home / "keystore" / "day" / "2026-03-15"
    for folder in (home / "keystore", home / "keystore-second"):
        path = folder / "day" / "2026-03-15"
        path.write_bytes(keystores.plain("day/2026-03-15", bytes(32)))
        path.chmod(0o600)
    assert keystore_promises.every_secret_is_whole_or_gone(NOON).violations == ()
    keystores.flip(path, 9)
    assert [v.object for v in keystore_promises.every_secret_is_whole_or_gone(NOON).violations] == ["day/2026-03-15"]


def test_both_copies_of_the_keystore_are_in_the_holdings_with_every_kind_of_secret_about_people():
    held = {file for holding in inventory.HOLDINGS for file in holding.files}
    kinds = set(KINDS) - {"place"}  # credentials of servers, of nobody's
    assert {f"{folder}/{kind}" for folder in ("keystore", "keystore-second") for kind in kinds} <= held


def test_a_destruction_of_what_was_owed_to_an_archive_is_named(destroyed):
    plant("UPDATE accounts_historicalorganization SET archive_entitlement = 'hosted'")
    assert [v.object for v in promises.nothing_owed_is_destroyed(AFTER).violations] == [destroyed.reference]


def test_a_row_taken_out_of_a_live_leaf_is_named(live):
    plant("DELETE FROM message WHERE expiry = '2026-03-16' AND id = (SELECT min(id) FROM message WHERE expiry = '2026-03-16')")
    found = promises.every_account_adds_up(NOON).violations
    assert [(v.object, v.why) for v in found] == [(live.reference, "its account is off by 1 messages")]


def test_rows_without_a_cohort_are_named(live):
    plant("UPDATE message SET organization_id = 999999 WHERE expiry = '2026-03-16'")
    assert {v.object for v in promises.every_account_adds_up(NOON).violations} == {live.reference, "leaf 2026-03-16"}


def test_a_message_changed_after_the_seal_is_named(live):
    sealing.seal_due(at=NOON + 6 * DAY)
    plant("UPDATE message SET proof = decode(repeat('cd', 32), 'hex') WHERE expiry = '2026-03-16'")
    assert [v.object for v in promises.seals_hold(NOON + 6 * DAY).violations] == [live.reference]


def test_a_message_under_a_policy_that_was_not_in_force_is_named(live):
    plant("UPDATE message SET policy_version_id = 999999 WHERE expiry = '2026-03-16'")
    assert [v.object for v in promises.every_message_has_its_policy(NOON).violations] == [live.reference]


@pytest.fixture
def held(settings):
    settings.CLOCK_JUMP_HOURS = 24 * 3660
    clinic, ezra = cast.hill_clinic(), cast.staff("ezra", Role.COUNSEL)
    cast.hand_over(clinic, [cast.message(n) for n in range(1, 4)])
    matter = matters.open_matter(title="Case 26-114", reason="Preservation letter", by=ezra, at=NOON)
    placing.place(matter=matter, organization=clinic, reason="asked by the court", by=ezra, at=NOON)
    sweep.sweep(at=AFTER)
    return Cohort.objects.get()


def test_what_is_held_is_there(held):
    assert (promises.what_a_hold_keeps_is_there(AFTER).rows, promises.what_a_hold_keeps_is_there(AFTER).violations) == (1, ())
    assert promises.every_account_adds_up(AFTER).violations == ()


def test_a_hold_whose_key_is_lost_is_named(held, house):
    first, second = sorted(house.glob("keystore*/matter/*"))
    first.unlink()
    assert promises.what_a_hold_keeps_is_there(AFTER).violations == ()  # the second copy has it
    second.unlink()
    (found,) = promises.what_a_hold_keeps_is_there(AFTER).violations
    assert (found.object, f"have lost their key matter/{second.name}" in found.why) == (held.reference, True)


def test_a_bundle_marked_destroyed_with_its_rows_there_is_named(held):
    plant("UPDATE retention_asidebundle SET destroyed_at = now()")
    assert [v.object for v in promises.what_a_hold_keeps_is_there(AFTER).violations] == [held.reference]


def test_held_rows_that_somebody_removed_unbalance_the_account(held):
    plant("DELETE FROM retention_asidemessage WHERE id = (SELECT min(id) FROM retention_asidemessage)")
    assert [v.why for v in promises.every_account_adds_up(AFTER).violations] == ["its account is off by 1 messages"]
