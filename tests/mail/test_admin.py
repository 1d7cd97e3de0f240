"""The outbox in the admin: who looks at it, what they see of a mail, and taking up again what was given up."""

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from apps.mail.models import OutgoingMail
from apps.mail.services import outbox
from apps.mail.states import State
from apps.staff.roles import Role
from tests.cast import NOON

pytestmark = pytest.mark.django_db

LIST = "/admin/mail/outgoingmail/"

#: role → may look at the outbox, may take a parked mail up again. Written by hand, on purpose not read from roles.py.
TABLE = {
    Role.COMPLIANCE_OFFICER: (True, False),
    Role.RECORDS_MANAGER: (True, True),
    Role.PRIVACY_ANALYST: (False, False),
    Role.COUNSEL: (True, False),
    Role.AUDITOR: (True, False),
    Role.ADMINISTRATOR: (True, True),
}
LOOK = [(role, allowed) for role, (allowed, _retry) in TABLE.items()]
RETRY = [(role, allowed) for role, (_look, allowed) in TABLE.items()]


def page_of(mail, act=""):
    return f"{LIST}{mail.pk}/{f'act/{act}/' if act else 'change/'}"


def row():
    return OutgoingMail.objects.values().get()


def test_the_table_of_this_test_names_every_role():
    assert set(TABLE) == set(Role)


@pytest.mark.parametrize(("role", "allowed"), LOOK)
def test_who_may_look_at_the_outbox(parked, browser_of, role, allowed):
    browser = browser_of(role)
    pages = [LIST, page_of(parked), f"{LIST}export.csv", f"{LIST}{parked.pk}/history/"]
    assert [browser.get(page).status_code for page in pages] == [200 if allowed else 403] * 4


def test_who_is_not_signed_in_is_sent_away(parked, client):
    for page in (LIST, page_of(parked), page_of(parked, "retry")):
        assert client.get(page).status_code == 302
    assert client.post(page_of(parked, "retry"), {"once": "one"}).status_code == 302
    assert row()["state"] == State.PARKED


@pytest.mark.parametrize("role", list(Role))
def test_nobody_writes_changes_or_deletes_a_mail(parked, browser_of, role):
    browser, before = browser_of(role), row()
    assert browser.get(f"{LIST}add/").status_code == 403
    assert browser.post(f"{LIST}add/", {"to_address": "eve@evil.example"}).status_code == 403
    assert browser.post(page_of(parked), {"to_address": "eve@evil.example", "state": "sent"}).status_code == 403
    assert browser.post(f"{LIST}{parked.pk}/delete/", {"post": "yes"}).status_code == 403
    browser.post(LIST, {"action": "delete_selected", "_selected_action": [parked.pk], "post": "yes"})
    assert row() == before


@pytest.mark.parametrize("role", [role for role, allowed in LOOK if allowed])
def test_address_subject_and_text_are_masked_for_everybody(queue, browser_of, role):
    mail = queue()
    browser = browser_of(role)
    export = b"".join(browser.get(f"{LIST}export.csv").streaming_content).decode()
    pages = [browser.get(LIST).content.decode(), browser.get(page_of(mail)).content.decode(), export]
    for page in pages:
        assert mail.reference in page
        assert "a•••@c•••.example" in page
        assert [mark for mark in ("ada1", "client.example", "LIGHTHOUSE", "were destroyed", "beyond recovery") if mark in page] == []


@pytest.mark.parametrize("asked", ["to_address=ada1@client.example", "to_address__startswith=a", "subject__contains=LIGHT", "body__gt=T"])
def test_no_address_asks_about_what_is_masked(queue, browser_of, asked):
    queue()
    answer = browser_of(Role.AUDITOR).get(f"{LIST}?{asked}")
    assert answer.status_code in (302, 400)


@pytest.mark.parametrize(
    ("term", "found"),
    [("{reference}", 1), ("CRT-1", 1), ("CRT-3", 0), ("ada1@client.example", 0), ("ada1", 0), ("CRT", 0)],
)
def test_a_mail_is_found_by_its_reference_and_by_what_it_is_about_and_not_by_its_address(queue, browser_of, term, found):
    mail = queue(1)
    queue(2)
    answer = browser_of(Role.AUDITOR).get(LIST, {"q": term.format(reference=mail.reference)})
    assert [one.pk for one in answer.context["cl"].result_list] == [mail.pk] * found


@pytest.mark.parametrize(("state", "found"), [("parked", ["CRT-3"]), ("sent", ["CRT-2"]), ("queued", ["CRT-1"])])
def test_the_list_is_narrowed_by_state(queue, browser_of, state, found):
    queue(1)
    OutgoingMail.objects.filter(pk=queue(2).pk).update(state=State.SENT, sent_at=NOON)
    OutgoingMail.objects.filter(pk=queue(3).pk).update(state=State.PARKED)
    answer = browser_of(Role.AUDITOR).get(f"{LIST}?state={state}")
    assert [one.about for one in answer.context["cl"].result_list] == found


def test_an_empty_outbox_says_when_mail_is_written(browser_of):
    assert "No mail was written yet." in browser_of(Role.AUDITOR).get(LIST).content.decode()


@pytest.mark.parametrize("mails", [1, 3])
def test_the_list_takes_the_same_number_of_queries_for_one_and_for_three(queue, browser_of, mails, django_assert_num_queries):
    browser = browser_of(Role.AUDITOR)
    for number in range(mails):
        queue(number)
    with django_assert_num_queries(4):  # session, who looks, whether they have a second factor, the rows
        page = browser.get(LIST)
    assert len(page.context["cl"].result_list) == mails


# --- taking up again ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "allowed"), RETRY)
def test_who_may_take_a_parked_mail_up_again(parked, browser_of, role, allowed):
    browser = browser_of(role)
    assert browser.get(page_of(parked, "retry")).status_code == (200 if allowed else 403)
    page = browser.get(page_of(parked))
    assert ("act/retry/" in page.content.decode()) == allowed
    assert browser.post(page_of(parked, "retry"), {"once": "one"}).status_code == (302 if allowed else 403)
    assert row()["state"] == (State.QUEUED if allowed else State.PARKED)
    assert LogEntry.objects.count() == (1 if allowed else 0)


def test_looking_at_the_question_changes_nothing(parked, browser_of):
    browser, before = browser_of(Role.ADMINISTRATOR), row()
    page = browser.get(page_of(parked, "retry"))
    assert page.status_code == 200
    assert "five new attempts" in page.content.decode()
    assert "it arrives twice" in page.content.decode()
    assert '<form method="post"' in page.content.decode()
    assert browser.head(page_of(parked, "retry")).status_code == 200
    assert [getattr(browser, verb)(page_of(parked, "retry")).status_code for verb in ("put", "patch", "delete")] == [405] * 3
    assert row() == before
    assert LogEntry.objects.count() == 0


def test_a_form_from_elsewhere_changes_nothing(parked, browser_of):
    browser = browser_of(Role.ADMINISTRATOR, enforce_csrf_checks=True)
    assert browser.post(page_of(parked, "retry"), {"once": "one"}).status_code == 403
    assert row()["state"] == State.PARKED


def test_the_confirmation_takes_the_mail_up_and_it_leaves(parked, browser_of, server):
    browser = browser_of(Role.RECORDS_MANAGER)
    once = browser.get(page_of(parked, "retry")).context["once"]
    answer = browser.post(page_of(parked, "retry"), {"once": once}, follow=True)
    assert answer.redirect_chain == [(reverse("admin:mail_outgoingmail_change", args=[parked.pk]), 302)]
    assert f"{parked.reference} is queued again" in answer.content.decode()
    mail = OutgoingMail.objects.get()
    assert (mail.state, mail.attempts) == (State.QUEUED, 0)
    assert outbox.send_due(at=mail.next_try_at) == 1
    assert server.recipients == ["ada1@client.example"]


def test_the_same_confirmation_sent_twice_acts_once(parked, browser_of):
    browser = browser_of(Role.RECORDS_MANAGER)
    for _click in range(2):
        assert browser.post(page_of(parked, "retry"), {"once": "one"}).status_code == 302
    assert LogEntry.objects.count() == 1


def test_who_did_it_is_recorded_with_the_deed_and_names_nobody_the_mail_is_for(parked, browser_of):
    browser = browser_of(Role.RECORDS_MANAGER)
    browser.post(page_of(parked, "retry"), {"once": "one"})
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id, entry.object_repr) == (browser.member.pk, str(parked.pk), parked.reference)
    assert entry.get_change_message() == "Queued again after it was parked."


@pytest.mark.django_db(transaction=True)
def test_what_can_not_be_recorded_is_not_done(parked, browser_of, monkeypatch):
    def fails(*_arguments):
        raise RuntimeError

    monkeypatch.setattr(admin.site.get_model_admin(OutgoingMail), "log_change", fails)
    browser = browser_of(Role.RECORDS_MANAGER, raise_request_exception=False)
    assert browser.post(page_of(parked, "retry"), {"once": "one"}).status_code == 500
    assert row()["state"] == State.PARKED


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": State.QUEUED}, "That mail is not parked."),
        ({"state": State.SENT, "sent_at": NOON}, "That mail is not parked."),
        ({"emptied_at": NOON, "to_address": "", "subject": "", "body": ""}, "That mail was emptied"),
    ],
    ids=["queued", "sent", "emptied"],
)
def test_what_is_not_parked_or_has_nothing_left_is_refused_with_its_mend(parked, browser_of, change, said):
    OutgoingMail.objects.update(**change)
    before, browser = row(), browser_of(Role.RECORDS_MANAGER)
    assert "act/retry/" not in browser.get(page_of(parked)).content.decode()
    answer = browser.post(page_of(parked, "retry"), {"once": "one"})
    assert answer.status_code == 409
    assert said in answer.content.decode()
    assert '<p class="mend">' in answer.content.decode()
    assert row() == before
    assert LogEntry.objects.count() == 0
