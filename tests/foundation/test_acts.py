"""Acts: said before they are done, done by POST only, by who may, once; and a refusal is an answer, not a failure."""

import threading

import pytest
from django.db import connection
from django.test import Client

from tests.foundation import admin_urls

LIST = "/admin/accounts/organization/"


@pytest.fixture
def harbor(add_organizations):
    return add_organizations("Harbor")[0]


def act(organization, name: str) -> str:
    return f"{LIST}{organization.pk}/act/{name}/"


def test_the_page_says_what_will_happen_and_does_nothing(officer, harbor):
    page = officer.get(act(harbor, "retry"))
    assert page.status_code == 200
    assert f"{harbor.reference} is tried again." in page.content.decode()
    assert officer.head(act(harbor, "retry")).status_code == 200
    assert admin_urls.DONE == []


def test_post_does_it_and_says_so(officer, harbor):
    answer = officer.post(act(harbor, "retry"), follow=True)
    assert [f"retry {harbor.reference}"] == admin_urls.DONE
    assert answer.redirect_chain == [(f"{LIST}{harbor.pk}/change/", 302)]
    assert "It was tried again." in answer.content.decode()


def test_the_same_confirmation_sent_twice_acts_once(officer, harbor):
    once = officer.get(act(harbor, "retry")).context["once"]
    officer.post(act(harbor, "retry"), {"once": once})
    answer = officer.post(act(harbor, "retry"), {"once": once}, follow=True)
    assert [f"retry {harbor.reference}"] == admin_urls.DONE
    assert "A second click changes nothing." in answer.content.decode()
    another = officer.get(act(harbor, "retry")).context["once"]
    officer.post(act(harbor, "retry"), {"once": another})
    assert len(admin_urls.DONE) == 2


@pytest.mark.django_db(transaction=True)
def test_a_double_click_acts_once_also_when_both_arrive_at_the_same_moment(officer, harbor):
    once = officer.get(act(harbor, "retry")).context["once"]
    gate = threading.Barrier(2)
    answers = []

    def click():
        browser = Client()
        browser.cookies = officer.cookies
        gate.wait(10)
        answers.append(browser.post(act(harbor, "retry"), {"once": once}).status_code)
        connection.close()

    clicks = [threading.Thread(target=click) for _ in range(2)]
    [thread.start() for thread in clicks]
    [thread.join() for thread in clicks]
    assert answers == [302, 302]
    assert [f"retry {harbor.reference}"] == admin_urls.DONE


def test_a_refusal_is_shown_with_its_mend(officer, harbor):
    answer = officer.post(act(harbor, "refuse"))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "It is too late for that." in page
    assert "Do it earlier tomorrow." in page


def test_what_was_refused_may_be_tried_again_from_the_same_page(officer, harbor):
    once = officer.get(act(harbor, "refuse")).context["once"]
    assert officer.post(act(harbor, "refuse"), {"once": once}).status_code == 409
    assert officer.post(act(harbor, "refuse"), {"once": once}).status_code == 409


@pytest.mark.parametrize("role", ["auditor", "privacy_analyst", "counsel", "administrator"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_who_lacks_the_permission_is_refused_and_sees_no_button(browser_of, harbor, role, method):
    browser = browser_of(role)
    assert getattr(browser, method)(act(harbor, "retry")).status_code == 403
    assert getattr(browser, method)(f"{LIST}act/sweep/").status_code == 403
    assert "/act/retry/" not in browser.get(f"{LIST}{harbor.pk}/change/").content.decode()
    assert "/act/sweep/" not in browser.get(LIST).content.decode()
    assert admin_urls.DONE == []


def test_buttons_stand_where_they_apply(manager, harbor):
    page = manager.get(f"{LIST}{harbor.pk}/change/").content.decode()
    assert act(harbor, "retry") in page
    assert act(harbor, "never") not in page
    assert "/act/sweep/" not in page
    assert f"{LIST}act/sweep/" in manager.get(LIST).content.decode()


def test_an_act_on_the_list_comes_back_to_the_list(manager, harbor):
    answer = manager.post(f"{LIST}act/sweep/")
    assert (answer.status_code, answer.url, admin_urls.DONE) == (302, LIST, ["sweep"])


def test_a_form_that_is_not_right_acts_on_nothing(officer, harbor):
    answer = officer.post(act(harbor, "note"), {"reason": "made up"})
    assert (answer.status_code, admin_urls.DONE) == (200, [])
    assert officer.post(act(harbor, "note"), {"reason": "asked"}).status_code == 302
    assert admin_urls.DONE == ["note asked"]


def test_what_is_shown_once_stays_in_the_answer(officer, harbor):
    answer = officer.post(act(harbor, "show"))
    assert "sesame" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert "sesame" not in str(answer.cookies) + str(dict(officer.session))
    assert "sesame" not in officer.get(LIST).content.decode()


def test_what_is_not_there_is_said_and_nothing_else_is_a_method(officer, harbor):
    assert officer.get(f"{LIST}999999/act/retry/").status_code == 302
    assert officer.put(act(harbor, "retry")).status_code == 405
    assert officer.delete(act(harbor, "retry")).status_code == 405


def test_a_stranger_is_sent_to_sign_in(harbor):
    assert "/admin/login/" in Client().post(act(harbor, "retry")).url
    assert admin_urls.DONE == []


def test_a_refusal_while_saving_keeps_what_was_typed(manager, harbor):
    data = {"name": "Refused Inc", "standing": "active", "_save": "Save"}
    answer = manager.post(f"{LIST}{harbor.pk}/change/", data)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "It is too late for that. Do it earlier tomorrow." in page
    assert 'value="Refused Inc"' in page
    harbor.refresh_from_db()
    assert harbor.name == "Harbor"
