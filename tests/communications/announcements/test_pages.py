"""The pages of staff: written, read as it arrives, approved with every word in sight, followed on its way, and as a file of references."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.communications.models import Announcement, Circular, Delivery
from apps.communications.services.circulars import sending
from apps.communications.states import CircularState
from tests import cast
from tests.cast import NOON
from tests.communications.announcements import circulars

pytestmark = pytest.mark.django_db

TYPED = {"kind": "release", "channel": "email", "subject": "Version 8", "words": "It is faster.", "send_at": ""}


@pytest.fixture
def browse(house):
    def signed_in(member) -> Client:
        client = Client()
        client.force_login(member)
        return client

    return signed_in


def page(client, row) -> str:
    return client.get(reverse("admin:communications_announcement_change", args=[row.pk])).content.decode()


def act(client, row, name, **data):
    return client.post(reverse(f"admin:communications_announcement_{name}", args=[row.pk]), data, follow=True)


def test_an_announcement_goes_its_whole_way_by_the_pages(browse, house):
    dana, cleo = browse(circulars.dana()), browse(cast.cleo())
    answer = dana.post(reverse("admin:communications_announcement_add"), TYPED)
    assert answer.status_code == 302
    row = Announcement.objects.get()
    assert (row.subject, row.words, row.state) == ("Version 8", "It is faster.", CircularState.DRAFT)
    assert "Nobody allows announcements by this channel now" in page(dana, row)
    dana.post(reverse("admin:communications_announcement_change", args=[row.pk]), TYPED | {"words": "It is much faster."})
    row.refresh_from_db()
    assert row.words == "It is much faster."
    assert act(dana, row, "ask").status_code == 200
    assert "/act/approve/" not in page(dana, row)
    seen = cleo.get(reverse("admin:communications_announcement_approve", args=[row.pk])).content.decode()
    for words in ("It is much faster.", "Subject: Version 8", "Stop it by one click", "Nobody allows"):
        assert words in seen
    assert act(cleo, row, "approve").status_code == 200
    row.refresh_from_db()
    assert row.state == CircularState.APPROVED


@pytest.mark.parametrize(("wrong", "said"), [
    ({"channel": "sms"}, "there is no provider for them"),
    ({"subject": ""}, "This field is required"),
    ({"kind": "policy"}, "Select a valid choice"),
    ({"send_at": "2020-01-01T00:00"}, "The moment lies in the past"),
    ({"send_at": "yesterday"}, "Enter a valid date/time"),
    ({"words": "x" * 20_001}, "at most 20000 characters"),
])  # fmt: skip
def test_what_does_not_fit_is_said_on_the_form_with_what_was_typed(browse, wrong, said):
    answer = browse(circulars.dana()).post(reverse("admin:communications_announcement_add"), TYPED | wrong)
    assert answer.status_code == 200
    body = answer.content.decode()
    assert said in body
    assert "It is faster." in body or "words" in wrong
    assert Circular.objects.count() == 0


def test_the_page_shows_how_far_it_has_come(browse, house, server):
    circulars.readers(2)
    row = circulars.approved()
    assert "It has not begun." in page(browse(cast.cleo()), row)
    sending.sweep(at=NOON)
    body = page(browse(cast.cleo()), row)
    assert '<progress max="2" value="0"' in body
    assert "2 in the outbox" in body
    assert f"circular__reference={row.reference}" in body


def test_an_empty_audience_is_said_plainly(browse, house):
    row = circulars.approved()
    sending.sweep(at=NOON)
    assert "It went to nobody" in page(browse(cast.cleo()), row)


def test_the_report_as_a_file_names_people_by_reference_only(browse, house):
    ada, ben = circulars.readers(2)
    row = circulars.approved()
    other = circulars.approved(subject="Another")
    sending.sweep(at=NOON)
    address = f"{reverse('admin:communications_delivery_export')}?circular__reference={row.reference}"
    text = b"".join(browse(cast.cleo()).get(address).streaming_content).decode()
    assert ada.reference in text
    assert ben.reference in text
    assert len(text.strip().splitlines()) == 3
    assert other.reference not in text
    assert "client.example" not in text
    assert "Reader" not in text


def test_the_words_of_somebody_are_shown_and_never_run(browse, house):
    row = circulars.draft(words="<script>alert(1)</script> {{ base_url }} {% now 'Y' %}", subject="<b>Bold</b>")
    body = page(browse(cast.cleo()), row)
    assert "<script>alert" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ base_url }} {% now" in body


def test_a_delivery_says_on_what_it_rests(browse, house):
    (ada,) = circulars.readers(1)
    circulars.approved()
    sending.sweep(at=NOON)
    address = reverse("admin:communications_delivery_change", args=[Delivery.objects.get().pk])
    assert "the consent to announcements_email, which stands" in browse(cast.cleo()).get(address).content.decode()
    circulars.withdraw(ada)
    assert "which fell since" in browse(cast.cleo()).get(address).content.decode()
