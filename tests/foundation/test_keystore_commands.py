"""What an operator does: begin with `prepare`, look with `check_keystore`, mend, rotate; and what stops or warns at the start."""

import json
import shutil
from io import StringIO

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.foundation.checks import keystore_is_safe
from apps.foundation.keys import keystore, setting_up
from tests import cast
from tests.foundation import keystores
from tests.foundation.keystores import DAY, ORGANIZATION, first


@pytest.fixture
def home(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    return tmp_path


@pytest.fixture
def store(home):
    setting_up.set_up(keystore(), new=True)
    return keystore()


def run(*command, ends_with=0) -> str:
    output, status = StringIO(), 0
    try:
        call_command(*command, stdout=output)
    except SystemExit as ended:
        status = ended.code
    assert status == ends_with
    return output.getvalue()


def found() -> list[str]:
    return [message.id for message in keystore_is_safe()]


# --- prepare --------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_prepare_makes_the_keystore_and_its_master_key_once(home):
    said = run("prepare", "--no-demo")
    assert f"keystore: master key {home / 'master' / 'master-1.key'}: keep a copy" in said
    secret, key = keystore().ensure(DAY), (home / "master" / "master-1.key").read_bytes()
    assert "keystore" not in run("prepare", "--no-demo")
    assert (keystore().get(DAY), (home / "master" / "master-1.key").read_bytes()) == (secret, key)


@pytest.mark.django_db(transaction=True)
def test_prepare_makes_no_new_keystore_for_a_database_with_messages(home):
    cast.house()
    cast.hand_over(cast.hill_clinic(), [cast.message(1)])
    for name in ("keystore", "keystore-second", "master"):
        shutil.move(home / name, home / f"lost-{name}")
    with pytest.raises(CommandError, match="No new keystore is made over a lost one"):
        call_command("prepare", "--no-demo", stdout=StringIO())
    assert not (home / "master").exists()
    for name in ("keystore", "keystore-second"):
        shutil.move(home / f"lost-{name}", home / name)
    with pytest.raises(CommandError, match="no new one is made over a lost one"):
        call_command("prepare", "--no-demo", stdout=StringIO())
    shutil.move(home / "lost-master", home / "master")
    run("prepare", "--no-demo")


# --- check_keystore -------------------------------------------------------------------------------------------------------


def test_a_sound_keystore_is_told_in_numbers_and_no_secret_is_printed(store, home):
    secrets = [store.ensure(name) for name in (DAY, ORGANIZATION)]
    store.destroy("day/2026-03-01")
    said = run("check_keystore")
    key = store.master_in_use().id.hex()
    assert said == f"2 secrets (2 by master key {key}), 1 destroyed.\nThe keystore is sound.\n"
    report = json.loads(run("check_keystore", "--json"))
    assert report == {
        "sound": True, "secrets": 2, "destroyed": 1, "wrapped_by": {key: 2}, "came_back": [], "problems": [], "mended": [],
    }  # fmt: skip
    master = store.master.first.read_bytes()[4:36]
    assert not any(part.hex() in said + json.dumps(report) for part in (*secrets, master))


def spoil(store, what):
    path = first(store)
    match what:
        case "missing":
            path.unlink()
        case "damaged":
            keystores.flip(path, 30)
        case "folder_open":
            path.parent.chmod(0o755)
        case "stale_draft":
            draft = path.parent / f".{path.name}.0123456789ab"
            shutil.copy2(path, draft)
            keystores.os.utime(draft, (1, 1))
        case "label":
            (store.copies[0].folder / "label.json").write_text("{")
        case "copy":
            shutil.rmtree(store.copies[0].folder)


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("missing", "key_missing"), ("damaged", "key_damaged"), ("folder_open", "key_folder_open"), ("stale_draft", "key_drafts_left"),
        ("label", "key_copy_out_of_reach"), ("copy", "key_copy_out_of_reach"),
    ],
)  # fmt: skip
def test_what_can_be_mended_is_named_and_mended_by_command(store, what, code):
    secret = store.ensure(DAY)
    spoil(store, what)
    told = json.loads(run("check_keystore", "--json", ends_with=1))
    assert code in [problem["code"] for problem in told["problems"]]
    assert all(problem["mend"] for problem in told["problems"])
    said = run("check_keystore", "--mend")
    assert said.startswith("mended: ")
    assert "The keystore is sound." in said
    assert store.get(DAY) == secret
    assert run("check_keystore").startswith("1 secrets")


def test_what_a_person_must_look_at_is_named_and_left_alone(store):
    store.ensure(DAY)
    first(store).chmod(0o644)
    said = run("check_keystore", "--mend", ends_with=1)
    assert "mended" not in said
    assert "can be read by others" in said
    assert "chmod 600" in said
    assert first(store).stat().st_mode & 0o777 == 0o644


def test_a_destroyed_secret_that_came_back_is_reported_once(store, home):
    store.ensure(DAY)
    shutil.copytree(home / "keystore", home / "backup")
    store.destroy(DAY)
    shutil.copy(home / "backup" / DAY, home / "keystore" / DAY)
    assert f"{DAY} was destroyed and came back" in run("check_keystore", ends_with=1)
    assert keystores.found_by_examiner(home / "keystore-second") == {}
    assert not (home / "keystore" / DAY).exists()
    assert "The keystore is sound." in run("check_keystore")


def test_without_a_keystore_the_commands_say_what_to_do(home):
    assert "Run `manage.py prepare`." in run("check_keystore", ends_with=1)
    for command in (("check_keystore", "--mend"), ("rotate_master_key", "--settle", "0")):
        with pytest.raises(CommandError, match="manage.py prepare"):
            call_command(*command, stdout=StringIO())
    assert list(home.iterdir()) == []


# --- rotate_master_key ----------------------------------------------------------------------------------------------------


def test_the_command_rotates_tells_how_far_it_is_and_what_to_keep(store):
    secret = store.ensure(DAY)
    said = run("rotate_master_key", "--settle", "0")
    assert "rewrapped: 1 of 1" in said
    assert "1 secrets rewrapped; master-1.key shredded." in said
    assert store.master_in_use().id.hex() in said
    assert secret.hex() not in said
    assert store.get(DAY) == secret


def test_a_rotation_that_can_not_end_says_what_mends_it(store):
    store.ensure(DAY)
    first(store).chmod(0o604)
    with pytest.raises(CommandError, match=r"day/2026-03-15 \(key_unsafe\).*check_keystore"):
        call_command("rotate_master_key", "--settle", "0", stdout=StringIO())


# --- at the start -----------------------------------------------------------------------------------------------------------


def test_a_keystore_in_order_and_one_to_be_begun_are_not_complained_about(home):
    assert found() == []
    setting_up.set_up(keystore(), new=True)
    assert found() == []
    assert not [message for message in run_checks() if message.id in ("covenant.E001", "covenant.W001")]


def test_three_places_that_are_not_three_stop_the_start(home, settings):
    settings.KEYSTORE_DIRECTORIES = [str(home / "one")]
    assert found() == ["covenant.E001"]
    settings.KEYSTORE_DIRECTORIES = [str(home / "one"), str(home / "one")]
    assert found() == ["covenant.E001"]
    settings.KEYSTORE_DIRECTORIES = [str(home / "one"), str(home / "two")]
    settings.KEYSTORE_MASTER_KEY_FILE = str(home / "two" / "master.key")
    assert found() == ["covenant.E001"]
    assert "outside of both" in keystore_is_safe()[0].hint


def test_what_others_can_read_stops_the_start_with_its_mend(store, home):
    (home / "keystore-second").chmod(0o755)
    (home / "master" / "master-1.key").chmod(0o644)
    assert found() == ["covenant.E002", "covenant.E003"]
    assert keystore_is_safe()[0].hint == f"chmod 700 {home / 'keystore-second'}"
    assert "chmod 600" in keystore_is_safe()[1].hint


@pytest.mark.parametrize("lost", ["keystore", "keystore-second", "master"])
def test_what_is_lost_warns_and_does_not_keep_what_is_due_from_being_destroyed(store, home, lost):
    shutil.move(home / lost, home / "lost")
    assert found() == ["covenant.W001"]


def test_two_copies_on_one_disk_are_told_in_production(store, settings):
    settings.DEMO = False
    assert found() == ["covenant.W002"]
