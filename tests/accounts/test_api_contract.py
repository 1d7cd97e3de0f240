"""Whatever a client sends that the description allows or forbids, the API answers as its description says."""

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)  # fmt: skip

from apps.accounts.models import Organization, Person
from tests.accounts.conftest import organization

EXAMPLES = 20
#: not positive_data_acceptance: a code of two capitals may be no country, an address may be taken
CHECKS = [
    not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance, ignored_auth,
    negative_data_rejection,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("path", ["/api/v1/organizations", "/api/v1/people"])
@pytest.mark.django_db(transaction=True)
def test_the_api_keeps_to_its_description(request, live_server, path, mode):
    authorization = {"Authorization": f"Bearer {request.getfixturevalue('token')}"}
    organization("Mercy General")
    schema = schemathesis.openapi.from_url(f"{live_server.url}/api/v1/openapi.json")
    seen: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=schema[path]["POST"].as_strategy(generation_mode=mode))
    def send(case):
        response = case.call(headers=authorization)
        seen[response.status_code] += 1
        case.validate_response(response, checks=CHECKS, headers=authorization)

    send()
    assert seen.total() >= EXAMPLES // 2
    assert set(seen) <= {200, 201, 401, 404, 409, 422}
    assert Organization.objects.count() + Person.objects.count() == 1 + seen[201]
