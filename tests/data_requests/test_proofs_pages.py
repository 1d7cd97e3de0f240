"""Pages of searches and of evidence: an auditor reads both and takes the file that was signed; who may not see requests gets nothing."""

import json

import pytest
from django.test import Client

from apps.data_requests.services import evidence
from apps.staff.roles import Role
from tests import cast
from tests.house_web.rows import proofs


@pytest.fixture
def page(house, settings):
    settings.SECOND_FACTOR_REQUIRED = False

    def as_role(role):
        client = Client()
        client.force_login(cast.staff(f"who-{role.value}", role))
        return client

    return as_role


def test_an_auditor_reads_a_search_and_takes_the_evidence_away(page):
    auditor, scan, made = page(Role.AUDITOR), proofs.scan(1), proofs.proof(0)

    read = auditor.get(f"/admin/data_requests/scan/{scan.pk}/change/").content.decode()
    assert "mail_outgoingmail.to_address" in read
    assert "which names nobody any more" in read
    taken = auditor.get(f"/admin/data_requests/evidence/{made.pk}/evidence.json")
    assert (taken.status_code, taken["Content-Disposition"]) == (200, f'attachment; filename="{made.request.reference}.json"')
    assert evidence.verify(taken.content) == json.loads(bytes(made.document))
    assert made.request.reference in auditor.get(f"/admin/data_requests/evidence/{made.pk}/change/").content.decode()


def test_who_sees_no_requests_gets_no_evidence(page):
    made = proofs.proof(0)

    answer = page(Role.ADMINISTRATOR).get(f"/admin/data_requests/evidence/{made.pk}/evidence.json")

    assert answer.status_code in (302, 403)
    assert b"covenant-request-evidence" not in answer.content
