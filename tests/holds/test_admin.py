"""Holds in the admin: placed in two steps, masked where they name a conversation, released by somebody else."""

import re
from datetime import date

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.holds.models import Hold, Matter
from apps.holds.services import matters, placing, releasing
from apps.staff.models import StaffMember
from apps.staff.roles import PERMISSIONS, Role
from tests import cast
from tests.cast import DAY, NOON

pytestmark = pytest.mark.django_db

CONVERSATION = "brown-family-handover"


@pytest.fixture(autouse=True)
def present():
    with time_machine.travel(NOON + DAY):
        yield


def browser_of(member: StaffMember) -> Client:
    browser = Client()
    browser.force_login(member)
    return browser


@pytest.fixture
def counsel(ezra):
    return browser_of(ezra)


@pytest.fixture
def officer(cleo):
    return browser_of(cleo)


@pytest.fixture
def hold(place, clinic, ada):
    return place(organization=clinic, person=ada, conversation=("slack", CONVERSATION), sent_from=date(2026, 1, 1))


def url(page, *args):
    return reverse(f"admin:holds_{page}", args=args)


ADD = "/admin/holds/hold/add/"


def filled(matter, **given):
    blank = dict.fromkeys(
        ("organization", "person", "conversation_source", "conversation_id", "sent_from", "sent_until", "shown"), ""
    )
    return blank | {"matter": matter.reference, "reason": "The court\nnames it."} | given


def shown_digest(answer) -> str:
    return re.search(r'name="shown" value="([0-9a-f]{64})"', answer.text).group(1)


def test_counsel_opens_a_matter_by_a_form_and_lands_where_holds_are_placed(counsel, ezra):
    answer = counsel.post(url("matter_add"), {"title": "Docket 26-200", "reason": "An\ninquiry."}, follow=True)
    matter = Matter.objects.get()
    assert (matter.title, matter.reason, matter.opened_by) == ("Docket 26-200", "An inquiry.", str(ezra.actor))
    assert "Personal fields are masked" not in counsel.get(url("matter_change", matter.pk)).text
    assert answer.status_code == 200
    assert f"{ADD}?matter={matter.reference}" in counsel.get(url("matter_change", matter.pk)).text


def test_a_matter_that_is_refused_shows_why_with_what_was_typed(counsel):
    answer = counsel.post(url("matter_add"), {"title": "x" * 121, "reason": "An inquiry."})
    assert (answer.status_code, Matter.objects.count()) == (200, 0)
    assert "An inquiry." in answer.text


def test_a_matter_can_not_be_changed_by_its_page(counsel, matter):
    assert counsel.post(url("matter_change", matter.pk), {"title": "x", "reason": "x"}).status_code == 403
    assert 'name="title"' not in counsel.get(url("matter_change", matter.pk)).text


def test_a_hold_is_first_explained_and_then_placed_exactly_so(counsel, matter, clinic, ada, ezra):
    form = filled(
        matter, organization=clinic.reference.lower(), person=f" {ada.reference} ", conversation_source="slack",
        conversation_id=CONVERSATION, sent_from="2026-01-01", sent_until="2026-03-01", _show="1",
    )  # fmt: skip
    explained = counsel.post(ADD, form)
    assert (explained.status_code, Hold.objects.count()) == (200, 0)
    assert (
        f"Kept for {matter.reference}: messages of {ada.reference} in one conversation in slack at {clinic.reference}"
        " sent from 2026-01-01 and before 2026-03-01"
    ) in explained.text
    assert "Place this hold now" in explained.text
    form.pop("_show")
    placed = counsel.post(ADD, form | {"_place": "1", "shown": shown_digest(explained)})
    hold = Hold.objects.get()
    assert placed.url == url("hold_change", hold.pk)
    assert (hold.organization, hold.person, hold.conversation_source, hold.conversation_id, hold.sent_from, hold.sent_until) == (
        clinic, ada, "slack", CONVERSATION, date(2026, 1, 1), date(2026, 3, 1),
    )  # fmt: skip
    assert (hold.reason, hold.placed_by, hold.placed_at.date()) == ("The court names it.", str(ezra.actor), (NOON + DAY).date())


@pytest.mark.parametrize("change", [{"sent_from": "2026-02-01"}, {"organization": ""}, {"reason": "Another."}, {"shown": ""}])
def test_what_was_changed_after_it_was_explained_is_explained_again_and_not_placed(counsel, matter, clinic, change):
    form = filled(matter, organization=clinic.reference, sent_from="2026-01-01")
    digest = shown_digest(counsel.post(ADD, form))
    again = counsel.post(ADD, form | {"_place": "1", "shown": digest} | change)
    assert (again.status_code, Hold.objects.count()) == (200, 0)
    assert "What will happen" in again.text


def test_placing_twice_by_a_double_click_is_one_hold(counsel, matter, clinic):
    form = filled(matter, organization=clinic.reference)
    form |= {"_place": "1", "shown": shown_digest(counsel.post(ADD, form))}
    first, second = counsel.post(ADD, form), counsel.post(ADD, form)
    assert first.url == second.url == url("hold_change", Hold.objects.get().pk)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({}, "does not say what to keep"),
        ({"conversation_source": "slack", "conversation_id": "c1"}, "is one of an organization"),
        ({"sent_from": "2026-01-02", "sent_until": "2026-01-02"}, "does not lie before the end"),
        ({"sent_from": "2026-01-02", "conversation_source": "no slug", "conversation_id": "x"}, "is one of an organization"),
    ],
)
def test_a_hold_that_can_not_be_placed_says_why_and_what_to_do(counsel, matter, given, what):
    answer = counsel.post(ADD, filled(matter) | given)
    assert (answer.status_code, what in answer.text, "mend" in answer.text) == (409, True, True)
    assert "Place this hold now" not in answer.text


@pytest.mark.parametrize("box", ["matter", "organization", "person"])
def test_a_reference_that_nobody_has_is_said_beside_its_box(counsel, matter, clinic, box):
    answer = counsel.post(ADD, filled(matter, organization=clinic.reference) | {box: "ABC-0000000"})
    assert (answer.status_code, "with that reference" in answer.text, Hold.objects.count()) == (200, True, 0)


def test_a_closed_matter_can_not_be_named_and_has_no_button(counsel, matter, clinic, ezra):
    matters.close(matter=matter, by=ezra, at=NOON)
    assert "There is no matter with that reference." in counsel.post(ADD, filled(matter, organization=clinic.reference)).text
    assert f"{ADD}?matter=" not in counsel.get(url("matter_change", matter.pk)).text


def test_the_button_on_a_matter_fills_its_reference_in(counsel, matter):
    assert f'value="{matter.reference}"' in counsel.get(f"{ADD}?matter={matter.reference}").text
    assert 'value="&quot;&gt;' in counsel.get(f'{ADD}?matter="><script>').text


@pytest.mark.parametrize("role", [role for role in Role if placing.PLACE not in PERMISSIONS[role]])
def test_who_may_not_place_holds_has_neither_page_nor_button(matter, clinic, role):
    browser = browser_of(cast.staff("somebody", role))
    assert browser.get(ADD).status_code == 403
    assert browser.post(ADD, filled(matter, organization=clinic.reference, _place="1")).status_code == 403
    assert ADD not in browser.get(url("matter_change", matter.pk)).text
    assert Hold.objects.count() == 0


@pytest.mark.parametrize("role", [role for role in Role if "holds.view_hold" in PERMISSIONS[role]])
def test_no_list_page_file_or_history_names_the_conversation(hold, role):
    browser = browser_of(cast.staff("somebody", role))
    pages = [
        url("hold_changelist"), url("hold_change", hold.pk), url("hold_history", hold.pk), url("hold_export"),
        url("matter_changelist"), url("matter_change", hold.matter.pk), url("matter_export"),
    ]  # fmt: skip
    for page in pages:
        answer = browser.get(page)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert (page, answer.status_code, CONVERSATION.encode() in content) == (page, 200, False)


def test_who_may_sees_the_conversation_and_the_look_is_recorded(hold, officer):
    officer.post(url("hold_reveal", hold.pk))
    assert CONVERSATION in officer.get(url("hold_change", hold.pk)).text
    event = Event.objects.get(verb="personal.revealed")
    assert (event.object, event.facts) == (hold.reference, {"model": "holds.hold"})


def test_the_page_of_a_matter_lists_its_holds_and_no_others(counsel, hold, clinic, ezra):
    other = matters.open_matter(title="Other", reason="Other.", by=ezra, at=NOON)
    stranger = placing.place(matter=other, organization=clinic, reason="x", by=ezra, at=NOON)
    page = counsel.get(url("matter_change", hold.matter.pk)).text
    assert (url("hold_change", hold.pk) in page, url("hold_change", stranger.pk) in page) == (True, False)
    assert hold.scope_in_words in page


def test_a_matter_with_very_many_holds_lists_the_newest_hundred(counsel, matter, place):
    held = [place(sent_from=date(2020, 1, 1) + number * DAY) for number in range(102)]
    page = counsel.get(url("matter_change", matter.pk)).text
    listed = [hold for hold in held if f'"{url("hold_change", hold.pk)}"' in page]
    assert listed == held[2:]


def test_a_release_goes_from_one_browser_to_another_and_never_back_to_who_asked(counsel, officer, hold, ezra, cleo):
    asking, release = url("hold_ask_release", hold.pk), url("hold_release", hold.pk)
    unasked = officer.get(url("hold_change", hold.pk)).text
    assert (release in unasked, "not asked for" in unasked) == (False, True)
    assert counsel.post(asking, {"reason": "The case\nis settled.", "once": "a"}).status_code == 302
    asked = counsel.get(url("hold_change", hold.pk)).text
    assert [page for page in (asking, release, url("hold_reject_release", hold.pk)) if page in asked] == []
    mine = counsel.post(release, {"once": "b"})
    assert (mine.status_code, "somebody else must decide" in mine.text) == (409, True)
    question = officer.get(release).text
    assert ("“The case is settled.”" in question, str(ezra) in question, "It is the last one" in question) == (True, True, True)
    assert Hold.objects.get().state == "active"
    assert officer.post(release, {"once": "c"}).status_code == 302
    hold.refresh_from_db()
    assert (hold.state, hold.released_by, hold.kept_until) == ("released", str(cleo.actor), hold.released_at + 7 * DAY)
    page = officer.get(url("hold_change", hold.pk)).text
    assert [act for act in ("ask_release", "release", "reject_release") if url(f"hold_{act}", hold.pk) in page] == []
    assert officer.get(url("matter_change", hold.matter.pk)).text.count("closed") > 0


def test_a_rejected_release_can_be_asked_for_again(counsel, officer, hold):
    counsel.post(url("hold_ask_release", hold.pk), {"reason": "Settled.", "once": "a"})
    assert officer.post(url("hold_reject_release", hold.pk), {"once": "b"}).status_code == 302
    page = counsel.get(url("hold_change", hold.pk)).text
    assert url("hold_ask_release", hold.pk) in page
    assert "rejected or withdrawn" in page


def test_a_release_withdrawn_among_the_approvals_is_no_longer_shown_as_asked_for(counsel, officer, hold, ezra):
    counsel.post(url("hold_ask_release", hold.pk), {"reason": "Settled.", "once": "a"})
    approval = releasing.asked_for(hold)
    assert "waits for a second person" in officer.get(url("hold_change", hold.pk)).text
    counsel.post(reverse("admin:staff_approval_withdraw", args=[approval.pk]), {"once": "b"})
    assert "rejected or withdrawn" in officer.get(url("hold_change", hold.pk)).text
    gone = officer.get(url("hold_release", hold.pk))
    assert "Nobody asks for the release" in gone.text
    assert officer.post(url("hold_release", hold.pk), {"once": "c"}).status_code == 409


def test_what_waits_for_a_decision_stands_on_the_first_page_and_leads_to_the_hold(counsel, officer, hold):
    counsel.post(url("hold_ask_release", hold.pk), {"reason": "Settled.", "once": "a"})
    page = officer.get("/admin/").text
    assert f'<a href="{url("hold_change", hold.pk)}">Decide on the release of a hold</a>' in page
    assert url("hold_change", hold.pk) not in counsel.get("/admin/").text


@pytest.mark.parametrize(
    ("standing", "names"),
    [("in_force", ["active", "asked", "grace"]), ("asked", ["asked"]), ("grace", ["grace"]), ("over", ["over"])],
)
def test_the_list_can_be_cut_down_to_what_holds_are_doing_now(officer, place, release, ezra, clinic, mercy, ada, standing, names):
    holds = {
        "active": place(organization=clinic), "asked": place(organization=mercy), "grace": place(person=ada),
        "over": place(sent_from=date(2026, 1, 1)),
    }  # fmt: skip
    releasing.ask_release(hold=holds["asked"], reason="x", by=ezra, at=NOON)
    release(holds["grace"], at=NOON)
    release(holds["over"], at=NOON - 8 * DAY)
    found = {row.pk for row in officer.get(url("hold_changelist"), {"standing": standing}).context["cl"].result_list}
    assert sorted(name for name, hold in holds.items() if hold.pk in found) == names


@pytest.mark.parametrize("what", ["hold", "matter", "person", "organization"])
def test_a_hold_is_found_by_any_reference_that_it_names(officer, hold, place, mercy, what):
    place(organization=mercy)
    term = {
        "hold": hold.reference, "person": hold.person_reference, "organization": hold.organization.reference, "matter": hold.matter.reference,
    }[what]  # fmt: skip
    found = {row.pk for row in officer.get(url("hold_changelist"), {"q": term}).context["cl"].result_list}
    assert (hold.pk in found, len(found)) == (True, 2 if what == "matter" else 1)


def test_a_title_that_is_searched_for_stands_in_no_address(officer, matter):
    sent = officer.post(url("matter_changelist"), {"_search": "1", "q": "Docket"})
    assert "Docket" not in sent.url
    assert [row.pk for row in officer.get(sent.url).context["cl"].result_list] == [matter.pk]


def test_empty_lists_say_what_comes_here(officer):
    assert "Counsel opens one here" in officer.get(url("matter_changelist")).text
    assert "Nothing is held" in officer.get(url("hold_changelist")).text


def test_holds_are_a_section_of_their_own_on_the_first_page(counsel):
    sections = [app["name"] for app in counsel.get("/admin/").context["app_list"]]
    assert sections[:3] == ["Data requests", "Message Data", "Holds"]
