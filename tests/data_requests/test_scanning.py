"""What is written down of a search: where something stands, of what kind and how often; and that it is not clean while anything is left."""

import json

import pytest

from apps.accounts.services.subjects import subject_of
from apps.audit.models import Event
from apps.data_requests.services import evidence, scanning
from tests import cast
from tests.data_requests import asked

AT = cast.NOON


@pytest.fixture
def ada(house):
    return cast.ada(cast.hill_clinic(7))


def test_a_scan_names_the_places_and_kinds_and_never_what_it_found(ada):
    request = asked.request(person=ada)

    made = scanning.scan(request, subject_of(ada), at=AT)

    assert made.is_clean is False
    assert {"place": "accounts_personemail.address", "what": "e-mail address", "count": 1} in made.findings
    assert {"place": "data_requests_datarequest.person_reference", "what": "reference", "count": 1} in [
        {key: one[key] for key in ("place", "what", "count")} for one in made.excused
    ]
    assert not {"ada@client.example", "Ada", "Lovell", ada.reference} & set(json.dumps([made.findings, made.excused]).split('"'))
    assert Event.objects.get(verb="request.scanned").facts["findings"] == len(made.findings)


def test_who_was_never_here_is_found_nowhere(ada):
    request = asked.request(person=ada)
    subject = subject_of(ada)
    nobody = type(subject)(pk=10**9, reference="PER-ZZZZZZZ", names=("Zoe Quark",), emails=("zoe@nowhere.example",), phones=("+12025550199",))

    made = scanning.scan(request, nobody, at=AT)

    assert (made.is_clean, made.findings, made.excused) == (True, [], [])
    assert made.tables > 100
    assert made.columns > 500


def test_evidence_is_made_once_is_signed_and_verifies(ada):
    request = asked.request(person=ada)
    scanning.scan(request, subject_of(ada), at=AT)

    made = evidence.make(request, at=AT)

    assert evidence.make(request, at=AT + cast.DAY).pk == made.pk
    said = evidence.verify(evidence.download(made))
    assert said["request"]["reference"] == request.reference
    assert said["scans"][0]["is_clean"] is False
    changed = evidence.download(made).replace(b'"is_clean": false', b'"is_clean": true')
    with pytest.raises(evidence.EvidenceNotValid):
        evidence.verify(changed)
