"""The demo's minors are made by the real services, and break no promise."""

from datetime import date

import pytest

from apps.accounts import promises
from apps.accounts.models import LinkedAccount, MinorCase, Representative
from apps.staff.roles import Role
from config import demo_accounts
from tests import cast
from tests.accounts.minors.given import dana
from tests.cast import NOON


@pytest.mark.parametrize("now", [NOON, NOON.replace(year=2028, month=2, day=29)])
def test_the_demo_has_somebody_represented_somebody_waiting_and_a_case(now):
    dana(), cast.cleo(), cast.staff("ezra", Role.COUNSEL)
    clinic = cast.client()
    for number in range(2):
        cast.ada(clinic, email=f"ada{number}@client.example")
    demo_accounts.make(now=now)
    assert sorted(Representative.objects.values_list("state", flat=True)) == ["proposed", "verified"]
    assert (MinorCase.objects.get().state, LinkedAccount.objects.count()) == ("open", 1)
    assert Representative.objects.get(state="verified").person.birth_date > date(2008, 1, 1)
    assert [check.code for check in promises.CHECKS if check.promise == "P24" and check.run(now).violations] == []
