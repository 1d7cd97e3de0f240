"""Each check of P09 on inquiries: kept on what the services made, red on a violation planted by raw SQL, which it names."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.communications import promises
from apps.communications.models import Inquiry, ReceivedMail
from apps.communications.services import mailboxes
from apps.communications.services.inquiries import ending, receiving
from apps.consents.months import months_later
from tests import cast
from tests.cast import DAY, NOON
from tests.communications.inquiries import given

pytestmark = pytest.mark.django_db(transaction=True)

END = months_later(NOON, 24)
MINE = {
    "inquiries_end": promises.none_is_older_than_its_life, "closed_inquiries_have_an_end": promises.none_is_closed_without_an_end,
    "inquiries_kept_by_holds": promises.what_is_kept_is_kept_by_a_hold, "refused_mail_is_looked_at": promises.every_mail_was_seen,
}  # fmt: skip


def found(code: str, at) -> list[str]:
    return [violation.object for violation in MINE[code](at).violations]


@pytest.mark.parametrize("code", MINE)
def test_every_check_is_in_the_list_and_has_nothing_to_say_of_nothing(house, code):
    check = next(check for check in promises.CHECKS if check.code == code)
    looked = check.run(NOON)
    assert (check.promise, looked.rows, looked.violations) == ("P09", 0, ())


@pytest.mark.parametrize("at", [NOON, END - DAY, END + DAY])
def test_what_the_services_did_keeps_the_promise_also_under_a_hold(house, at):
    ada = cast.ada(cast.client())
    given.closed()
    given.inquiry(email=given.EVE)
    given.hold(ada)
    ending.sweep(at=at)
    assert {code: found(code, at) for code in MINE} == dict.fromkeys(MINE, []) | ({"inquiries_end": found("inquiries_end", at)} if at > END else {})
    assert MINE["inquiries_end"](at).rows == 2


def test_one_past_its_life_is_named_a_day_after_and_not_before(house):
    inquiry = given.closed()
    assert found("inquiries_end", END + timedelta(hours=25)) == []
    assert found("inquiries_end", END + timedelta(hours=27)) == [inquiry.reference]


def test_one_past_its_life_that_a_hold_keeps_is_not_named_until_the_hold_is_over(house):
    inquiry = given.closed()
    cast.ada(cast.client())
    held = given.hold(sent_from=NOON.date())
    ending.sweep(at=END + DAY)
    assert found("inquiries_end", END + 9 * DAY) == []
    given.release(held, at=END + 9 * DAY)
    assert found("inquiries_kept_by_holds", END + 16 * DAY) == []
    assert found("inquiries_kept_by_holds", END + 18 * DAY) == [inquiry.reference]


def test_one_that_somebody_marked_as_kept_without_a_hold_is_named(house, by_force):
    inquiry = given.closed()
    assert by_force("UPDATE communications_inquiry SET state = 'kept'") == 1
    assert found("inquiries_kept_by_holds", NOON) == [inquiry.reference]


def test_one_that_nobody_closed_for_two_years_is_named(house):
    inquiry = given.inquiry()
    assert found("inquiries_end", END - DAY) == []
    assert found("inquiries_end", END + DAY) == [inquiry.reference]


def test_one_whose_end_somebody_put_off_is_named(house, by_force):
    inquiry = given.closed()
    assert by_force("UPDATE communications_inquiry SET ends_at = ends_at + interval '3 days'") == 1
    assert found("closed_inquiries_have_an_end", NOON) == [inquiry.reference]


def test_one_that_is_closed_without_an_end_is_named(house, by_force):
    inquiry = given.closed()
    by_force("ALTER TABLE communications_inquiry DROP CONSTRAINT a_closed_inquiry_says_who_when_and_until_when")
    try:
        assert by_force("UPDATE communications_inquiry SET ends_at = NULL") == 1
        assert found("closed_inquiries_have_an_end", NOON) == [inquiry.reference]
    finally:
        Inquiry.objects.all().delete()
        constraint = next(one for one in Inquiry._meta.constraints if one.name == "a_closed_inquiry_says_who_when_and_until_when")
        by_force(str(constraint.create_sql(Inquiry, connection.schema_editor())))


def test_a_mail_that_nobody_looked_at_is_named_before_it_goes(house, settings):
    row = mailboxes.claim(receiving.CODE, NOON)
    mail = ReceivedMail.objects.create(mailbox=row, uid_validity=1, uid=1, size=1, outcome="refused", code="too_large", received_at=NOON)
    assert found("refused_mail_is_looked_at", NOON + (settings.INQUIRY_REFUSED_DAYS - 8) * DAY) == []
    assert found("refused_mail_is_looked_at", NOON + (settings.INQUIRY_REFUSED_DAYS - 6) * DAY) == [f"mail {mail.pk}"]
