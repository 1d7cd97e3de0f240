"""A matching key is replaced without an address being known: people stay matched meanwhile, and the old key ends in no copy at all."""

import pytest

from apps.audit.models import JournalEntry
from apps.contacts.hashing import RotatingKey, ValueNotOfThisKey, secret_of
from apps.contacts.models import ContactKey, Match, MatchingKey, PersonKey, Rematch
from apps.contacts.services import keys
from apps.contacts.services.keys import RotationRuns
from apps.contacts.states import KeyState
from apps.foundation.keys import keystore
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.contacts.conftest import cards


@pytest.fixture
def matched(ada, ben, allow, lend, match):
    allow(ada), allow(ben)
    source = lend(ada, cards("ben@client.example", *(f"x{number}@y.example" for number in range(50))))
    match()
    return source


def numbers(model):
    return set(model.objects.values_list("key_id", flat=True))


def test_a_rotation_goes_through_and_the_old_key_is_destroyed(matched, match):
    before = set(map(bytes, ContactKey.objects.values_list("value", flat=True)))
    keys.announce(by=cast.cleo(), at=NOON + DAY)

    assert keys.rotate(at=NOON + DAY) == 51

    assert (numbers(ContactKey), numbers(PersonKey)) == ({2}, {2})
    assert not before & set(map(bytes, ContactKey.objects.values_list("value", flat=True)))
    assert list(MatchingKey.objects.order_by("number").values_list("number", "state")) == [(1, KeyState.DESTROYED), (2, KeyState.CURRENT)]
    assert keystore().was_destroyed(secret_of(1))
    assert JournalEntry.objects.get(kind="matching_key.destroyed").body == {"number": 1}
    assert Match.objects.count() == 1
    assert not Rematch.objects.exists(), "a rotation changes nothing that would have to be matched again"


def test_people_are_matched_in_every_step_of_it(matched, ada, ben, cora, allow, lend, match, monkeypatch):
    monkeypatch.setattr(keys, "A_CHUNK", 10)
    monkeypatch.setattr(keys, "CHUNKS_A_SWEEP", 1)
    keys.announce(by=cast.cleo(), at=NOON)
    steps = []
    for number in range(12):
        Rematch.objects.bulk_create([Rematch(person=person, since=NOON) for person in (ada, ben)], ignore_conflicts=True)
        match()
        assert Match.objects.filter(one=ada, other=ben).count() == 1
        steps.append((len(numbers(ContactKey)), keys.rotate(at=NOON)))
        if number == 2:
            allow(cora)
            lend(cora, cards("ada@client.example"))
            lend(ada, cards("cora@mercy.example"), name="second.vcf")
            match()
            assert Match.objects.filter(one=ada, other=cora).count() == 1

    assert 2 in {count for count, _converted in steps}, "some steps saw values under both keys"
    assert numbers(ContactKey) == {2}
    assert MatchingKey.objects.get(number=1).state == KeyState.DESTROYED
    assert Match.objects.count() == 2


def test_a_rotation_that_was_killed_goes_on(matched, monkeypatch):
    monkeypatch.setattr(keys, "A_CHUNK", 10)
    keys.announce(by=cast.cleo(), at=NOON)
    real, seen = RotatingKey.close, []

    def killed(self, hashed):
        seen.append(hashed)
        if len(seen) == 25:
            raise KeyboardInterrupt
        return real(self, hashed)

    monkeypatch.setattr(RotatingKey, "close", killed)
    with pytest.raises(KeyboardInterrupt):
        keys.rotate(at=NOON)
    assert numbers(ContactKey) == {1, 2}

    keys.rotate(at=NOON)

    assert numbers(ContactKey) == {2}
    assert keystore().was_destroyed(secret_of(1))


def test_a_rotation_that_was_killed_right_before_the_key_went_destroys_it_with_the_next_sweep(matched, monkeypatch):
    keys.announce(by=cast.cleo(), at=NOON)
    monkeypatch.setattr(keys, "_destroy_secrets", lambda: None)
    keys.rotate(at=NOON)
    monkeypatch.undo()
    assert keystore().exists(secret_of(1))

    keys.rotate(at=NOON)

    assert keystore().was_destroyed(secret_of(1))


def test_only_who_may_announces_a_rotation_and_only_one_runs(matched):
    with pytest.raises(NotPermitted):
        keys.announce(by=cast.bo(), at=NOON)
    keys.announce(by=cast.cleo(), at=NOON)
    with pytest.raises(RotationRuns):
        keys.announce(by=cast.cleo(), at=NOON)
    keys.rotate(at=NOON)
    assert keys.announce(by=cast.cleo(), at=NOON).number == 3


def test_values_that_are_of_no_key_of_ours_are_removed_and_counted(matched, by_force):
    by_force("UPDATE contacts_contactkey SET value = %s WHERE id = (SELECT max(id) FROM contacts_contactkey)", b"?" * 32)
    keys.announce(by=cast.cleo(), at=NOON)

    keys.rotate(at=NOON)

    assert ContactKey.objects.count() == 50


def test_a_value_opens_with_its_own_key_only(house):
    one, two = RotatingKey(1, create=True), RotatingKey(2, create=True)
    assert one.open(one.close(b"0123456789abcdef")) == b"0123456789abcdef"
    assert one.close(b"0123456789abcdef") == one.close(b"0123456789abcdef") != two.close(b"0123456789abcdef")
    with pytest.raises(ValueNotOfThisKey):
        two.open(one.close(b"0123456789abcdef"))


def test_a_number_that_was_ever_destroyed_is_never_used_again(house):
    keystore().ensure(secret_of(1))
    keystore().destroy(secret_of(1))

    assert keys.current(at=NOON).number == 2
