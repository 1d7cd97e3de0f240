"""An office three weeks after the cast's noon: an installation, somebody of each role at a browser, and rows made by the services."""

from collections.abc import Iterator

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.house_web.listed import rows_of
from tests.house_web.rows import PRESENT


class Office:
    """Who looks at what. Needs a database of its own for each test."""

    def __init__(self):
        self._made: dict[type, int] = {}

    def member(self, role: Role | None) -> StaffMember:
        """Somebody with this role only; with none, somebody whose roles were all taken away."""
        username = f"one-{role or 'without-role'}"
        known = StaffMember.objects.filter(username=username).first()
        if known is None:
            known = cast.staff(username, role or Role.AUDITOR)
            if role is None:
                known.roles = []
                known.save(update_fields=["roles"])
        return known

    def browser(self, role: Role | None, **given) -> Client:
        browser = Client(**given)
        browser.force_login(self.member(role))
        return browser

    def add(self, model: type) -> None:
        """One more row of a model."""
        number = self._made.get(model, 0)
        rows_of(model).make(number)
        self._made[model] = number + 1

    def fill(self, model: type, wanted: int) -> None:
        """Rows of a model until its table holds `wanted`; of a table of fixed size, until so many were made."""
        held = model._default_manager.count
        while (self._made.get(model, 0) if rows_of(model).fixed else held()) < wanted:
            assert self._made.get(model, 0) < wanted, f"The maker of {model._meta.label} was called {wanted} times and made {held()} rows."
            self.add(model)


@pytest.fixture
def office(settings, tmp_path) -> Iterator[Office]:
    settings.COVENANT_HOME = tmp_path
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660  # the database stands in another year than these tests
    cache.clear()
    with time_machine.travel(PRESENT):
        cast.house()
        yield Office()
