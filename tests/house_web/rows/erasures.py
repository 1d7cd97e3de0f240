"""Plans in each of their states, what was left of an erasure, and providers that are to erase, with where one takes that by machine."""

from datetime import timedelta

from django.db import transaction

from apps.accounts.models import Person
from apps.data_requests.models import DataRequest, ErasureHook, ErasureNotice, Plan, Remainder
from apps.data_requests.services import approving, executing, planning, provider_notices
from apps.foundation.actors import SYSTEM
from apps.providers.models import Provider
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests.data_requests import carried
from tests.gate import given
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import PRESENT, Rows, Scene


def plan(number: int = 0) -> Plan:
    """One that was just made, one that waits for a second person, one that is void."""
    made = carried.planned(accounts.person(number), at=PRESENT - timedelta(hours=3 - number))
    if number == 1:
        approving.ask(made.request, by=accounts.member("dana", Role.PRIVACY_ANALYST), at=PRESENT)
    if number == 2:
        planning.void(made, because="made_anew", at=PRESENT)
    return Plan.objects.get(pk=made.pk)


def asked(member: StaffMember) -> Plan:
    """One that somebody else asked to approve."""
    made = carried.planned(accounts.person(0), at=PRESENT)
    approving.ask(made.request, by=accounts.member("gwen", Role.PRIVACY_ANALYST), at=PRESENT)
    return Plan.objects.get(pk=made.pk)


def asked_by_themself(member: StaffMember) -> Plan:
    made = carried.planned(accounts.person(0), at=PRESENT)
    asker = member if member.has_perm(approving.ASK) else accounts.member("gwen", Role.PRIVACY_ANALYST)
    approving.ask(made.request, by=asker, at=PRESENT)
    return Plan.objects.get(pk=made.pk)


def remainder(number: int = 0) -> Remainder:
    made = carried.planned(accounts.person(number), at=PRESENT - timedelta(hours=3 - number))
    return Remainder.objects.create(
        request=made.request, holding="accounts.people", ground="hold", about=f"HLD-000000{number}", rows=1, since=PRESENT,
        ended_at=PRESENT if number == 2 else None,
    )  # fmt: skip


def provider(number: int = 0) -> Provider:
    name = ("Cirrus Hosting", "Harbor Mail", "Quill Support")[number]
    return Provider.objects.filter(legal_name=name).first() or given.provider(name)


def notice(number: int = 0) -> ErasureNotice:
    """One that nobody was told of, one that was told, one that is late and that staff have to tell."""
    made = carried.planned(accounts.person(number), at=PRESENT - timedelta(hours=3 - number))
    with transaction.atomic():
        row = provider_notices.make(
            made.request, provider=provider(number).reference, person=Person.objects.get(pk=made.request.person_id).reference,
            disclosures=["DSC-0000001"], at=PRESENT - timedelta(days=40 if number == 2 else 1),
        )  # fmt: skip
    if number == 1:
        provider_notices.tell_due(at=PRESENT)
    if number == 2:
        row.way, row.next_try_at = provider_notices.TASK, None
        row.save(update_fields=["way", "next_try_at"])
    return ErasureNotice.objects.get(pk=row.pk)


def hook(number: int = 0) -> ErasureHook:
    return ErasureHook.objects.create(
        provider=provider(number).reference, url="https://erase.provider.example/covenant", set_by=str(SYSTEM),
        set_at=PRESENT - timedelta(days=20 * number),
    )


def stopped() -> DataRequest:
    """One that stopped after five attempts."""
    made = carried.approved(accounts.person(0), at=PRESENT)
    made.last_code = executing.PARKED
    made.save(update_fields=["last_code"])
    return made


ROWS = {
    Plan: Rows(plan),
    Remainder: Rows(remainder, scans=("=about",)),
    ErasureNotice: Rows(notice, committed=True),
    ErasureHook: Rows(hook),
}

SCENES = {
    (DataRequest, "plan"): Scene(lambda _member: carried.asked(accounts.person(0), at=PRESENT)),
    (DataRequest, "again"): Scene(lambda _member: stopped()),
    (Plan, "ask"): Scene(lambda _member: plan()),
    (Plan, "approve"): Scene(asked),
    (Plan, "reject"): Scene(asked),
    (Plan, "withdraw"): Scene(asked_by_themself),
    (ErasureNotice, "acknowledge"): Scene(lambda _member: notice(), {"evidence": "Its letter of March 3, in the contract folder."}, committed=True),
    (ErasureNotice, "tell"): Scene(lambda _member: notice(), committed=True),
    (ErasureHook, "set"): Scene(
        lambda _member: provider() and None, lambda _thing: {"provider": provider().reference, "url": "https://erase.provider.example/covenant"}
    ),
}
