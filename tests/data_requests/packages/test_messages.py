"""Messages are handed over on their client's word only, with others left out of them and each such place listed; without it the package says who decides."""

import pytest

from apps.data_requests.models import ClientQuestion
from apps.data_requests.services.packages import making
from apps.data_requests.states import ClientAnswer, Kind, State
from apps.retention.importing.lines import Party
from tests import cast
from tests.cast import DAY, NOON
from tests.data_requests import asked
from tests.data_requests.packages.opened import opened, text_of

pytestmark = pytest.mark.django_db

BEN = Party(email="ben@client.example", name="Ben Okafor")
WROTE, GOT, OTHERS = "The lamb is on the hill", "Ask Ada whether ben@client.example may come", "Nothing of this is hers"


@pytest.fixture
def clinic(house):
    return cast.hill_clinic(30)


@pytest.fixture
def ada(clinic):
    person = cast.ada(clinic, asked.ADA)
    cast.hand_over(clinic, [
        cast.message(1, body=WROTE), cast.message(2, body=GOT, sender=BEN, recipients=(Party(email=asked.ADA, name="Ada"),)),
        cast.message(3, body=OTHERS, sender=BEN, recipients=(Party(email="cy@client.example", name="Cy"),)),
    ])  # fmt: skip
    return person


@pytest.fixture
def request_of(ada, clinic):
    def running(answer: str = ""):
        request = asked.brought(asked.request(Kind.ACCESS, person=ada), State.RUNNING)
        ClientQuestion.objects.create(
            request=request, organization=clinic.reference, asked_at=NOON - DAY, due_at=NOON + DAY, answer=answer, answered_at=NOON if answer else None
        )
        return request

    return running


def test_what_the_client_releases_is_handed_over_and_nothing_else(request_of):
    package = opened(making.make_package(request_of(ClientAnswer.RELEASE), at=NOON))

    texts = [row["Text"] for row in package.rows("retention.messages")]
    assert len(texts) == 2
    assert WROTE in texts
    paper = text_of(package)
    for content in (package.files["data.json"].decode(), package.page, paper):
        assert WROTE in content
        assert OTHERS not in content
        for other in ("ben@client.example", "Okafor", "cy@client.example"):
            assert other not in content
    left = [one for one in package.redactions["redacted"] if one["holding"] == "retention.messages"]
    assert left
    assert all(one["count"] and one["why"] for one in left)
    assert [one for one in package.redactions["not_handed_over"] if one["holding"] == "retention.messages"] == []


@pytest.mark.parametrize(("answer", "said"), [(ClientAnswer.WITHHOLD, "does not release them"), ("", "has not answered yet")])
def test_without_its_word_nothing_is_and_the_package_says_who_decides(request_of, clinic, answer, said):
    package = opened(making.make_package(request_of(answer), at=NOON))

    for name, content in package.files.items():
        for text in (WROTE, GOT, OTHERS):
            assert text.encode() not in content, name
    why = next(one["why"] for one in package.redactions["not_handed_over"] if one["holding"] == "retention.messages")
    assert said in why
    assert said in package.page
    assert [row["Who decides"] for row in package.rows("retention.messages")] == [clinic.name]
