"""An inquiry says that a child uses the service: staff name who, the case is open and the account suspended, or it is refused."""

import pytest

from apps.accounts.models import MinorCase
from apps.accounts.services import minors
from apps.communications.services.inquiries import children, working
from apps.staff.roles import Role
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import NOON
from tests.communications.inquiries import given


@pytest.fixture
def ada(house):
    return cast.ada(cast.client())


@pytest.fixture
def inquiry(house):
    return given.inquiry(email=given.EVE, topic="child")


def test_the_case_is_opened_once_and_stands_beside_the_inquiry(inquiry, ada):
    for _twice in range(2):
        case = children.open_case(inquiry=inquiry, person_reference=f" {ada.reference.lower()} ", by=given.dana(), at=NOON)
    inquiry.refresh_from_db()
    ada.refresh_from_db()
    assert inquiry.minor_case == case.reference == MinorCase.objects.get().reference
    assert (ada.standing, case.how) == ("suspended", "report")


def test_an_unknown_reference_opens_nothing(inquiry):
    with pytest.raises(children.PersonUnknown):
        children.open_case(inquiry=inquiry, person_reference="PER-0000000", by=given.dana(), at=NOON)
    assert MinorCase.objects.count() == 0


def test_nobody_opens_a_case_whose_role_does_not_allow_it(inquiry, ada):
    with pytest.raises(NotPermitted):
        children.open_case(inquiry=inquiry, person_reference=ada.reference, by=cast.staff("ann", Role.AUDITOR), at=NOON)
    assert MinorCase.objects.count() == 0


def test_what_a_hold_alone_keeps_opens_nothing(ada, by_force):
    inquiry = given.closed(topic="child")
    by_force("UPDATE communications_inquiry SET state = 'kept'")
    with pytest.raises(working.PastItsLife):
        children.open_case(inquiry=inquiry, person_reference=ada.reference, by=given.dana(), at=NOON)


def test_what_the_floor_below_refuses_leaves_the_inquiry_as_it_was(inquiry, ada, by_force):
    by_force("UPDATE accounts_person SET standing = 'closed'")
    with pytest.raises(minors.PersonClosed):
        children.open_case(inquiry=inquiry, person_reference=ada.reference, by=given.dana(), at=NOON)
    inquiry.refresh_from_db()
    assert inquiry.minor_case == ""
