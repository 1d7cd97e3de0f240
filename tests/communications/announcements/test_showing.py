"""The product shows what a person allows, for as long as they allow it."""

import pytest
from django.test import Client

from apps.accounts.services import tokens
from apps.communications.services.circulars import reporting, sending
from apps.foundation import clock
from apps.foundation.actors import SYSTEM
from apps.mail.models import OutgoingMail
from tests.communications.announcements import circulars
from tests.communications.announcements.circulars import IN_APP, NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(house):
    _row, token = tokens.issue(organization=None, name="product", scopes=["people"], by=SYSTEM, at=NOON)

    def asked(reference, token=token):
        return Client().get(f"/api/v1/people/{reference}/announcements", HTTP_AUTHORIZATION=f"Bearer {token}")

    return asked


def test_an_announcement_in_the_product_is_read_by_who_allows_it_and_makes_no_mail(ask):
    ada, ben = circulars.readers(2, IN_APP)
    circulars.allow(circulars.person(3))  # by e-mail only
    announcement = circulars.approved(channel="in_app")
    sending.sweep(at=NOON)
    assert OutgoingMail.objects.count() == 0
    assert reporting.report(announcement).lines == [("sent", "sent", 2)]
    answer = ask(ada.reference).json()
    assert [(one["reference"], one["subject"], one["words"]) for one in answer["announcements"]] == [
        (announcement.reference, "Version 7 is here", circulars.WORDS)
    ]
    circulars.withdraw(ada, IN_APP, at=clock.now())
    assert ask(ada.reference).json() == {"announcements": []}
    assert len(ask(ben.reference).json()["announcements"]) == 1


def test_what_was_shown_before_a_withdrawal_does_not_come_back_with_a_new_consent(ask):
    (ada,) = circulars.readers(1, IN_APP)
    circulars.approved(channel="in_app")
    sending.sweep(at=NOON)
    circulars.withdraw(ada, IN_APP, at=NOON + circulars.timedelta(hours=1))
    circulars.allow(ada, IN_APP, at=NOON + circulars.timedelta(hours=2))
    assert ask(ada.reference).json() == {"announcements": []}


def test_somebody_suspended_sees_nothing(ask):
    (ada,) = circulars.readers(1, IN_APP)
    circulars.approved(channel="in_app")
    sending.sweep(at=NOON)
    type(ada).objects.filter(pk=ada.pk).update(standing="suspended")
    assert ask(ada.reference).json() == {"announcements": []}


@pytest.mark.parametrize("reference", ["PER-0000000", "PER-1", "x"])
def test_an_unknown_person_is_not_found(ask, reference):
    assert ask(reference).status_code in (404, 422)


def test_a_token_that_is_none_is_refused(ask):
    assert ask("PER-0000000", token="nothing").status_code == 401
