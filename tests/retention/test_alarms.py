"""Alarms: what is late or blocked is listed, told once a day to who may act, and ends by itself when it is mended."""

import itertools
import threading
from datetime import date, timedelta

import pytest
from django.db import connection

from apps.assurance.models import Finding, Promise
from apps.assurance.services import checking
from apps.audit.models import Event
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import inspection, keystore
from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.states import State
from apps.retention import tasks
from apps.retention.models import Alarm, ArchiveTarget, Cohort, Destruction, Rescheduling
from apps.retention.services import alarms, destroy, reviews, sealing, sweep
from apps.retention.states import AlarmKind, RequestState, TargetState
from apps.staff.roles import Role
from apps.staff.services import leaving
from config import panels
from tests import cast
from tests.cast import DAY, NOON
from tests.foundation import keystores

pytestmark = pytest.mark.usefixtures("house")

EXPIRY = date(2026, 3, 16)
MORNING_AFTER = NOON + 8 * DAY
A_DAY_LATE = NOON.replace(day=17, hour=0, minute=1)


@pytest.fixture(autouse=True)
def database_clock_is_ours(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660  # days pass between two lines of a test
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def standing() -> list[tuple[str, str]]:
    return list(Alarm.objects.filter(ended_at=None).order_by("id").values_list("kind", "about"))


def told() -> list[tuple[str, str]]:
    return sorted(OutgoingMail.objects.filter(template="retention/alarm").values_list("about", "to_address"))


def lose_a_row() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM message WHERE expiry = %s AND id = (SELECT min(id) FROM message WHERE expiry = %s)", [EXPIRY, EXPIRY])


def expired_clinic():
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(1), cast.message(2)])
    return clinic


def test_where_all_is_well_nothing_alarms_and_nobody_is_written_to():
    expired_clinic()
    assert sweep.sweep(at=MORNING_AFTER).alarms == 0
    assert alarms.check_accounts(at=A_DAY_LATE) == 0
    assert alarms.look(at=A_DAY_LATE) == 0
    assert (standing(), told()) == ([], [])


def test_a_cohort_that_is_still_there_a_day_past_its_end_alarms_and_no_minute_sooner():
    expired_clinic()
    sealing.expire_due(at=MORNING_AFTER)
    assert alarms.look(at=A_DAY_LATE - timedelta(minutes=2)) == 0
    assert alarms.look(at=A_DAY_LATE) == 1
    assert standing() == [("overdue", Cohort.objects.get().reference)]
    destroy.destroy_due(at=A_DAY_LATE)
    assert alarms.look(at=A_DAY_LATE) == 0
    assert standing() == []
    assert list(Event.objects.filter(verb__startswith="alarm.").order_by("id").values_list("verb", flat=True)) == ["alarm.raised", "alarm.ended"]


def test_a_cohort_that_was_never_even_hidden_alarms_too():
    expired_clinic()
    alarms.look(at=A_DAY_LATE)
    assert standing() == [("overdue", Cohort.objects.get().reference)]


def test_what_stands_aside_with_its_reason_is_no_alarm():
    clinic = cast.hill_clinic()
    reviews.ask(organization=clinic, by=cast.bo(), at=NOON)
    cast.hand_over(clinic, [cast.message(1)])
    sweep.sweep(at=MORNING_AFTER)
    assert alarms.look(at=A_DAY_LATE + 20 * DAY) == 0
    assert Cohort.objects.get().aside_at is not None


def test_a_parked_destruction_alarms_as_that_and_ends_when_it_is_done():
    expired_clinic()
    lose_a_row()
    for attempt in range(7):
        sweep.sweep(at=A_DAY_LATE + attempt * timedelta(minutes=5))
    work = Destruction.objects.get()
    assert standing() == [("parked", work.reference)]


def test_an_account_that_does_not_add_up_is_found_at_night():
    expired_clinic()
    lose_a_row()
    assert alarms.look(at=NOON) == 0
    assert alarms.check_accounts(at=NOON) == 1
    assert standing() == [("unbalanced", Cohort.objects.get().reference)]
    alarms.look(at=NOON + timedelta(minutes=1))  # the sweep does not look at accounts, and ends nothing that it did not look for
    assert standing() == [("unbalanced", Cohort.objects.get().reference)]


def test_parked_reschedulings_failing_places_and_parked_mail_alarm():
    clinic = cast.hill_clinic()
    row = Rescheduling.objects.create(organization=clinic, state=RequestState.APPROVED, plan_digest=bytes(32), proposed_at=NOON, parked_at=NOON)
    target = ArchiveTarget.objects.create(
        organization=clinic, kind="hosted", place="local", country="US", state=TargetState.ACTIVE, proposed_at=NOON, tried_at=NOON, failures=4
    )
    context = {"organization": "ORG-1", "number": "CRT-1", "day": EXPIRY, "messages": 1}
    mail = outbox.queue(template="retention/certificate_issued", to="records@client.example", context=context, about="CRT-1", once_key="k", at=NOON)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=State.PARKED)
    assert alarms.look(at=NOON) == 3
    assert sorted(standing()) == [("archive", target.reference), ("mail", mail.reference), ("rescheduling", row.reference)]


def test_one_mail_a_day_and_kind_goes_to_each_whose_role_may_act():
    cast.bo(), cast.cleo(), cast.staff("ada", Role.AUDITOR), cast.staff("fay", Role.ADMINISTRATOR)
    gone = cast.staff("gone", Role.RECORDS_MANAGER)
    leaving.leave(member=gone, by=cast.staff("hal", Role.ADMINISTRATOR), at=NOON)
    expired_clinic()
    for minutes in range(3):
        alarms.look(at=A_DAY_LATE + minutes * timedelta(minutes=1))
    both = [("alarm-overdue", "bo@covenant.example"), ("alarm-overdue", "cleo@covenant.example")]
    assert told() == both
    alarms.look(at=A_DAY_LATE + DAY)
    assert told() == sorted(both * 2)
    mail = OutgoingMail.objects.filter(template="retention/alarm").first()
    reference = Cohort.objects.get().reference
    assert reference in mail.subject
    assert reference in mail.body
    assert [word for word in ("client.example", "Hill Clinic", "Ada") if word in mail.subject + mail.body] == []


def test_an_alarm_that_comes_back_is_another_one():
    expired_clinic()
    lose_a_row()
    alarms.check_accounts(at=NOON)
    cohort = Cohort.objects.get()
    Alarm.objects.create(kind=AlarmKind.UNBALANCED, about="COH-MENDED", raised_at=NOON, seen_at=NOON)
    alarms.check_accounts(at=NOON + DAY)
    assert standing() == [("unbalanced", cohort.reference)]
    assert Alarm.objects.get(about="COH-MENDED").ended_at == NOON + DAY
    assert Alarm.objects.get(about=cohort.reference).seen_at == NOON + DAY


def test_the_first_page_lists_what_alarms(rf):
    cast.bo()
    assert panels.late_and_blocked(rf.get("/"), A_DAY_LATE)["alarms"] == []
    expired_clinic()
    alarms.look(at=A_DAY_LATE)
    [shown] = panels.late_and_blocked(rf.get("/"), A_DAY_LATE)["alarms"]
    assert (shown["count"], shown["since"], shown["named"]) == (1, A_DAY_LATE, [Cohort.objects.get().reference])
    assert Event.objects.filter(verb="alarm.raised", actor=str(SYSTEM)).count() == 1


# --- the keystore -----------------------------------------------------------------------------------------------------


def found_on_the_board(at) -> list[tuple[str, str]]:
    checking.run(codes=["P06"], by=SYSTEM, at=at)
    return [(one.object, one.why) for one in Finding.objects.filter(promise_id="P06", gone_at=None).order_by("object", "why")]


@pytest.mark.parametrize("copy", [1, 2])
def test_a_flipped_byte_of_a_secret_alarms_and_stands_on_the_board_until_it_is_mended(copy, rf):
    cast.bo(), cast.cleo(), cast.staff("fay", Role.ADMINISTRATOR)
    expired_clinic()
    tasks.check_keystore()
    assert (standing(), found_on_the_board(NOON)) == ([], [])
    keystores.flip(keystore().copies[copy - 1].path(f"day/{EXPIRY}"), 30)
    tasks.check_keystore()
    assert standing() == [("keystore", f"day/{EXPIRY}")]
    assert panels.late_and_blocked(rf.get("/"), NOON)["alarms"][0]["named"] == [f"day/{EXPIRY}"]
    assert told() == [("alarm-keystore", "cleo@covenant.example"), ("alarm-keystore", "fay@covenant.example")]
    assert found_on_the_board(NOON) == [(f"day/{EXPIRY}", f"is damaged in copy {copy} of the keystore")]
    assert Promise.objects.get(code="P06").state == "broken"
    inspection.mend(keystore())
    tasks.check_keystore()
    assert (standing(), found_on_the_board(NOON)) == ([], [])
    assert Promise.objects.get(code="P06").state == "kept"


def test_a_destroyed_secret_that_came_back_alarms_once_and_is_destroyed_again():
    expired_clinic()
    store = keystore()
    path = store.copies[1].path(f"day/{EXPIRY}")
    content = path.read_bytes()
    sweep.sweep(at=MORNING_AFTER)
    path.write_bytes(content)
    assert alarms.check_keystore(at=A_DAY_LATE) == 1
    assert (standing(), path.exists()) == ([("keystore", f"day/{EXPIRY}")], False)
    assert alarms.check_keystore(at=A_DAY_LATE + DAY) == 0
    assert standing() == []


def test_a_lost_master_key_and_a_lost_copy_alarm_as_what_they_are_and_blame_no_secret(home):
    expired_clinic()
    (home / "master").rename(home / "elsewhere")
    alarms.check_keystore(at=NOON)
    assert standing() == [("keystore", "master-key")]
    (home / "elsewhere").rename(home / "master")
    (home / "keystore").rename(home / "elsewhere")
    alarms.check_keystore(at=NOON)
    assert standing() == [("keystore", "keystore-copy-1")]


def test_a_strange_file_in_the_keystore_alarms_without_its_name(home):
    expired_clinic()
    (home / "keystore" / "day" / "ada lovell").write_bytes(b"x")
    alarms.check_keystore(at=NOON)
    assert standing() == [("keystore", "keystore")]


def test_secrets_that_are_being_made_and_destroyed_do_not_alarm():
    expired_clinic()
    store, ended = keystore(), threading.Event()

    def work():
        for number in itertools.count():
            store.ensure(f"aside/COH-{number}")
            store.destroy(f"aside/COH-{number}")
            if ended.is_set() and number > 20:
                return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert [alarms.check_keystore(at=NOON) for _night in range(10)] == [0] * 10
    finally:
        ended.set()
        thread.join()
