"""In the copy of a drill nobody may be who was erased: not by reference, and not by an address or a phone that only the keyed hashes know."""

from types import SimpleNamespace

import pytest

from apps.accounts.models import Person
from apps.accounts.services import registration
from apps.data_requests import hashing
from apps.foundation.actors import SYSTEM
from apps.holds.services import matters, placing
from config import drill
from tests import cast
from tests.cast import DAY, NOON
from tests.gate import given

ADDRESS, PHONE = "ada@private.example", "+12025550188"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_house(settings, tmp_path):
    settings.COVENANT_HOME = tmp_path
    cast.house()


def registered(at=NOON - 10 * DAY) -> Person:
    return registration.register_person(
        organization=cast.client(), given_name="Ada", emails=[ADDRESS], phones=[PHONE], by=SYSTEM, at=at
    )  # fmt: skip


def told_of(reference: str) -> drill.Told:
    """What the journal says of somebody who was erased at noon."""
    told = drill.Told()
    digests = [hashing.of_email(ADDRESS).hex(), hashing.of_phone(PHONE).hex()]
    told.take(SimpleNamespace(kind="person.erasing", about=reference, body={"digests": digests}, at=NOON))
    told.take(SimpleNamespace(kind="person.erased", about=reference, body={}, at=NOON))
    return told


def test_who_is_back_by_reference_is_named_with_each_place():
    ada = registered()
    looked, found = drill.LOOKS["people"](told_of(ada.reference))
    assert looked == 1
    assert f"{ada.reference}: who was erased is back in accounts_person" in found
    assert f"{ada.reference}: who was erased is back in accounts_historicalperson" in found


def test_an_address_and_a_phone_that_are_back_under_another_reference_are_named_without_being_said():
    registered()
    looked, found = drill.LOOKS["people"](told_of("PER-ERASED1"))
    assert looked == 1
    places = {"accounts_personemail", "accounts_historicalpersonemail", "accounts_personphone", "accounts_historicalpersonphone"}
    assert set(found) == {f"PER-ERASED1: what they were known by is back in {place}" for place in places}


def test_who_came_again_after_the_erasure_is_not_somebody_who_is_back():
    registered(at=NOON + DAY)
    assert drill.LOOKS["people"](told_of("PER-ERASED1")) == (1, [])


def test_whom_a_hold_keeps_may_be_there():
    ada = registered()
    counsel = given.ezra()
    matter = matters.open_matter(title="Docket 26-121", reason="A court asks for it.", by=counsel, at=NOON)
    placing.place(matter=matter, reason="The court names her.", person=ada, by=counsel, at=NOON)
    assert drill.LOOKS["people"](told_of(ada.reference)) == (1, [])


def test_where_nobody_was_erased_there_is_nothing_to_look_for():
    registered()
    assert drill.LOOKS["people"](drill.Told()) == (0, [])
