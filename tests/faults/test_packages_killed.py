"""SIGKILL before and after every change to disk and database while a package is made and handed over; two workers who make one at once.

Whatever died: nothing lies in clear, the row says of a package only what is there, the next one goes on, and what is handed over is whole, once.
"""

import os
from functools import wraps

import pytest
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.audit.models import Event
from apps.data_requests.models import ClientQuestion, DataRequest, Package, RequestLink
from apps.data_requests.services import links
from apps.data_requests.services.packages import collecting, delivering, ending, making, sealing
from apps.data_requests.states import Kind, LinkPurpose, State
from apps.foundation.digests import sha256
from apps.foundation.keys import keystore
from apps.gate.models import Disclosure
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked
from tests.data_requests.packages.opened import opened
from tests.faults import deaths

WORDS = b"The lamb is on the hill"
HELD = ("accounts.people", "accounts.reach", "retention.messages")
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def running(settings, tmp_path, monkeypatch) -> DataRequest:
    """Ada's request for a copy, approved; three holdings have something of hers, so that every effect can be died at."""
    settings.COVENANT_HOME = tmp_path
    cast.house()
    clinic = cast.hill_clinic(30)
    ada = cast.ada(clinic)
    cast.hand_over(clinic, [cast.message(number, body=WORDS.decode()) for number in range(1, 4)])
    all_of_them = collecting.holdings
    monkeypatch.setattr(collecting, "holdings", lambda: [one for one in all_of_them() if one.code in HELD])
    opened_one = asked.request(Kind.ACCESS, person=ada)
    with transaction.atomic():
        request = asked.brought(opened_one, State.RUNNING)
    ClientQuestion.objects.create(
        request=request, organization=clinic.reference, asked_at=NOON - DAY, due_at=NOON + DAY, answer="release", answered_at=NOON
    )
    return request


def dying_at(number: int) -> None:
    """In a child: die before (even) or after (odd) the n-th change to disk or commit. The last number is written down where nobody died."""
    state = {"count": 0}

    def counted(original):
        @wraps(original)
        def wrapped(*arguments, **given):
            for moment in ("before", "after"):
                if moment == "after":
                    result = original(*arguments, **given)
                if state["count"] == number:
                    deaths.die()
                state["count"] += 1
            return result

        return wrapped

    for name in deaths.ON_DISK:
        setattr(os, name, counted(getattr(os, name)))
    BaseDatabaseWrapper._commit = counted(BaseDatabaseWrapper._commit)


def killed(number: int, work) -> int:
    def dying():
        dying_at(number)
        work()

    return deaths.in_child(dying)


def nothing_in_clear(home) -> None:
    for path in (home / "packages").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert WORDS not in content, path
            assert b"Lovell" not in content, path
            assert not content or content.startswith(b"CVP1"), path


def start_anew() -> None:
    Package.objects.all().delete()
    ending.clear_left(at=NOON)


def test_killed_anywhere_while_it_is_made_the_next_one_finishes_it(running, tmp_path):
    number = died = 0
    while True:
        start_anew()
        before = Event.objects.filter(verb="request.package_made").count()
        end = killed(number, lambda: making.make_package(running, at=NOON))
        nothing_in_clear(tmp_path)
        row = Package.objects.first()
        if row is not None and row.made_at is not None:
            assert sha256(sealing.path_of(row.reference).read_bytes()) == bytes(row.sealed_digest), number
        if end == 0:
            break
        died += 1
        assert end == -deaths.signal.SIGKILL, number
        package = making.make_package(running, at=NOON + DAY)
        assert Event.objects.filter(verb="request.package_made").count() == before + 1, number
        content = opened(package)
        assert [row["Text"] for row in content.rows("retention.messages")] == [WORDS.decode()] * 3, number
        assert {one["holding"] for one in content.data["sections"]} == set(HELD), number
        ending.clear_left(at=NOON)
        assert [path.name for path in sealing.folder().iterdir()] == [f"{package.reference}.zip.sealed"], number
        number += 1

    assert died == number > 30


def test_two_who_make_it_at_once_make_one(running):
    first, second = (deaths.fork(lambda: making.make_package(running, at=NOON)) for _worker in range(2))
    assert (deaths.end_of(first), deaths.end_of(second)) == (0, 0)

    package = Package.objects.get()
    assert sha256(sealing.path_of(package.reference).read_bytes()) == bytes(package.sealed_digest)
    assert len(opened(package).rows("retention.messages")) == 3
    assert Event.objects.filter(verb="request.package_made").count() == 1
    ending.clear_left(at=NOON)
    assert [path.name for path in sealing.folder().iterdir()] == [f"{package.reference}.zip.sealed"]


def fresh(running) -> str:
    """Another link that fetches, without the mail and its cap."""
    with transaction.atomic():
        _link, url = links.make(running, purpose=LinkPurpose.FETCH, contact=asked.ADA, until=NOON + DAY, at=NOON)
    return url.rstrip("/").rpartition("/")[2]


def fetch(token: str) -> bytes:
    return b"".join(delivering.stream(delivering.begin(token, at=NOON)))


def test_killed_anywhere_while_it_is_handed_over_what_left_is_recorded(running, settings):
    settings.REQUEST_PACKAGE_FETCHES = 1000
    package = making.make_package(running, at=NOON)
    number = 0
    while True:
        token, before = fresh(running), recorded()
        end = killed(number, lambda token=token: fetch(token))
        after = recorded()
        assert after in (before, [count + 1 for count in before]), number
        if after != before:
            with pytest.raises(links.LinkOver):
                fetch(token)
        if end == 0:
            break
        assert end == -deaths.signal.SIGKILL, number
        number += 1

    assert number >= 4
    assert after != before
    assert sha256(fetch(fresh(running))) == bytes(package.digest)


def recorded() -> list[int]:
    """Disclosures, downloads counted, links spent: the three go together."""
    return [Disclosure.objects.count(), Package.objects.get().fetches, RequestLink.objects.filter(spent_at__isnull=False).count()]


def test_of_two_clicks_at_once_one_gets_it(running):
    making.make_package(running, at=NOON)
    token = fresh(running)
    first, second = (deaths.fork(lambda: fetch(token)) for _click in range(2))

    assert sorted([deaths.end_of(first), deaths.end_of(second)]) == [0, 1]
    assert recorded() == [1, 1, 1]


def test_killed_anywhere_while_it_is_destroyed_the_next_sweep_destroys_it(running):
    end_of_its_days = NOON + 8 * DAY
    number = died = 0
    while True:
        Package.objects.all().delete()
        reference = making.make_package(running, at=NOON).reference
        end = killed(number, lambda: ending.end_due(at=end_of_its_days))
        row = Package.objects.get()
        if row.destroyed_at is not None:
            assert not sealing.path_of(reference).exists(), number
            assert keystore().was_destroyed(sealing.secret_of(reference)), number
        if end == 0:
            break
        died += 1
        ending.end_due(at=end_of_its_days)
        assert Package.objects.get().destroyed_at == end_of_its_days, number
        assert not sealing.path_of(reference).exists(), number
        assert keystore().was_destroyed(sealing.secret_of(reference)), number
        number += 3  # each package takes seconds to make; every third place is died at

    assert died > 5
