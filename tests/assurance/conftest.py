"""An installation in which everything an examiner looks at has happened: destroyed, held, waiting, sealed, deleted early."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test import override_settings

from apps.accounts.models import Organization
from apps.assurance.fsck.examination import Examined, examine
from apps.audit.services import journal
from apps.foundation.actors import SYSTEM
from apps.holds.services import matters, placing, releasing
from apps.holds.services.placing import Conversation
from apps.retention.models import AsideBundle, Cohort, Destruction
from apps.retention.services import early, reviews, sweep
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON

#: the day on which the first cohorts end, and the moment at which everything is looked at
FIRST = (NOON + 8 * DAY).date()
LATER = NOON + 17 * DAY
YEARS = 24 * 3660


@dataclass(frozen=True)
class World:
    """Who is in it, and where its files lie."""

    home: Path
    clinic: Organization
    mercy: Organization
    lake: Organization

    def examine(self, most: int | None = None, at=LATER) -> Examined:
        return examine(at=at, folder=self.home, most=most)

    def cohort(self, organization: Organization, days: int = 0) -> Cohort:
        return Cohort.objects.get(organization=organization, expiry_on=FIRST + timedelta(days=days))

    @property
    def ended(self) -> Cohort:
        """Destroyed with its day, but for what a hold keeps."""
        return self.cohort(self.clinic)

    @property
    def living(self) -> Cohort:
        """Sealed, and still in its leaf."""
        return self.cohort(self.clinic, 11)

    @property
    def leaf(self) -> str:
        return f"message_{self.living.expiry_on:%Y%m%d}"

    @property
    def day(self) -> Destruction:
        return Destruction.objects.get(scope="day", day=FIRST)

    @property
    def held(self) -> AsideBundle:
        return AsideBundle.objects.get(ground="hold", destroyed_at=None)

    @property
    def journal(self) -> Path:
        return self.home / "journal" / "journal.ndjson"

    def by_hand(self, query: str, *values) -> None:
        """Change rows as somebody would who goes round the application and its triggers."""
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(query, values or None)
            assert cursor.rowcount, "nothing was planted"
            cursor.execute("SET session_replication_role = origin")


@pytest.fixture(scope="module")
def whole_world(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[World]:
    """Made once, for it takes long; each test changes a copy of its files, and its rows in a transaction of its own."""
    home = tmp_path_factory.mktemp("world")
    outer = transaction.atomic()
    outer._from_testcase = True  # as Django's own TestCase: what asks for a transaction of its own may run inside
    with (
        django_db_blocker.unblock(),
        override_settings(COVENANT_HOME=home, CLOCK_DATABASE_TOLERANCE_MINUTES=60 * YEARS, CLOCK_JUMP_HOURS=YEARS),
        outer,
    ):
        yield make(home)
        transaction.set_rollback(True)


@pytest.fixture
def world(whole_world, django_db_blocker, tmp_path) -> Iterator[World]:
    shutil.copytree(whole_world.home, tmp_path / "copy")
    inner = transaction.atomic()
    inner._from_testcase = True
    with django_db_blocker.unblock(), override_settings(COVENANT_HOME=tmp_path / "copy"), inner:
        yield World(tmp_path / "copy", whole_world.clinic, whole_world.mercy, whole_world.lake)
        transaction.set_rollback(True)


def make(home: Path) -> World:
    """Hill Clinic is destroyed but for what a hold keeps, Mercy General waits for its archive, Lake Clinic for its review."""
    cast.house()
    clinic, mercy, lake = cast.hill_clinic(7), cast.client("Mercy General", archive="hosted"), cast.client("Lake Clinic")
    for organization in (mercy, lake):
        cast.rule(organization, 7)
    ezra = cast.staff("ezra", Role.COUNSEL)
    matter = matters.open_matter(title="Case 26-114", reason="Preservation letter", by=ezra, at=NOON)
    reviews.ask(organization=lake, by=cast.bo(), at=NOON)
    for organization in (clinic, mercy, lake):
        cast.hand_over(organization, [cast.message(n, conversation=f"c{n % 3}") for n in range(1, 10)])
    placing.place(matter=matter, organization=clinic, conversation=Conversation("product", "c1"), reason="asked by the court", by=ezra, at=NOON)
    short = placing.place(matter=matter, organization=clinic, conversation=Conversation("product", "c2"), reason="asked too", by=ezra, at=NOON)
    early.delete_by_source(
        organization=clinic, day=FIRST, source="product", message_id="m3", reason="deleted_at_source", by=SYSTEM, at=NOON + DAY
    )
    releasing.ask_release(hold=short, reason="settled", by=ezra, at=NOON + DAY)
    releasing.approve_release(hold=short, by=cast.cleo(), at=NOON + 5 * DAY)
    sweep.sweep(at=NOON + 6 * DAY)
    cast.hand_over(mercy, [cast.message(10, conversation="c9")], at=NOON + 6 * DAY, key="late")
    sweep.sweep(at=NOON + 8 * DAY)
    for days in (9, 11):
        cast.hand_over(
            clinic, [cast.message(n, conversation="c9", at=NOON + days * DAY) for n in range(20, 27)], at=NOON + days * DAY, key=f"b{days}"
        )
    for days in (13, 17):
        sweep.sweep(at=NOON + days * DAY)
    journal.write_owed()
    return World(home, clinic, mercy, lake)
