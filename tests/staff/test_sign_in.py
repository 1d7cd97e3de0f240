"""Signing in by password: the one door, what it says, how often it may be tried, and what it leaves in the
browser."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from apps.staff.roles import Role
from apps.staff.services import leaving
from tests.staff.people import NOON, PASSWORD, SYSTEM, hire, is_signed_in, sign_in

pytestmark = pytest.mark.django_db

WRONG = "The user name or the password is not right."
THROTTLED = "Too many failed attempts. Wait five minutes, then try again."


@pytest.fixture
def bo():
    return hire("bo", Role.AUDITOR)


def attempt(browser, login, password):
    return browser.post(reverse("account_login"), {"login": login, "password": password})


def test_the_admin_sends_to_the_one_sign_in_page(client):
    answer = client.get(reverse("admin:index"), follow=True)
    assert answer.redirect_chain[-1][0].startswith(reverse("account_login"))
    assert answer.templates[0].name == "account/login.html"


def test_the_admins_own_sign_in_page_is_the_same_one(client):
    answer = client.get(reverse("admin:login"), follow=True)
    page = answer.content.decode()
    assert answer.templates[0].name == "account/login.html"
    assert 'name="login"' in page
    assert 'type="password"' in page


def test_the_admins_own_sign_in_page_takes_no_password(client, bo):
    client.post(reverse("admin:login"), {"username": "bo", "login": "bo", "password": PASSWORD})
    assert not is_signed_in(client)


@pytest.mark.parametrize("login", ["bo", "BO", "bo@covenant.example", "Bo@Covenant.Example"])
def test_staff_sign_in_by_user_name_or_e_mail_in_any_case(client, bo, login):
    assert attempt(client, login, PASSWORD).url == "/admin/"
    assert is_signed_in(client)


@pytest.mark.parametrize(("login", "password"), [("bo", "wrong"), ("nobody", PASSWORD), ("nobody@example.org", "x")])
def test_a_wrong_password_and_an_unknown_name_are_answered_alike(client, bo, login, password):
    answer = attempt(client, login, password)
    assert answer.context["form"].non_field_errors() == [WRONG]
    assert not is_signed_in(client)


def test_after_five_wrong_passwords_the_right_one_is_refused_too(client, bo):
    for _ in range(5):
        attempt(client, "bo", "wrong")
    answer = attempt(client, "bo", PASSWORD)
    assert answer.context["form"].non_field_errors() == [THROTTLED]
    assert not is_signed_in(client)


def test_one_address_tries_no_more_than_ten_times_a_minute_whatever_the_names(client, bo):
    for number in range(10):
        attempt(client, f"nobody{number}", "wrong")
    assert attempt(client, "bo", PASSWORD).context["form"].non_field_errors() == [THROTTLED]


def test_a_forged_address_does_not_get_round_the_throttle(client, bo):
    for number in range(10):
        client.post(
            reverse("account_login"),
            {"login": f"nobody{number}", "password": "x"},
            headers={"x-forwarded-for": f"10.0.0.{number}"},
        )
    assert attempt(client, "bo", PASSWORD).context["form"].non_field_errors() == [THROTTLED]


def test_after_signing_in_nobody_is_sent_to_another_site(client, bo):
    answer = client.post(
        reverse("account_login") + "?next=https://evil.example/",
        {"login": "bo", "password": PASSWORD, "next": "https://evil.example/"},
    )
    assert answer.url == "/admin/"


@pytest.mark.parametrize(
    "address", ["/account/signup/", "/account/email/", "/account/3rdparty/", "/account/3rdparty/signup/"]
)
def test_there_is_no_page_to_sign_up_add_an_address_or_connect_an_account(client, bo, address):
    assert client.get(address).status_code == 404
    assert sign_in(bo).get(address).status_code == 404


def test_the_browser_keeps_two_cookies_and_neither_says_who(bo):
    browser = sign_in(bo)
    browser.get(reverse("mfa_index"))
    assert set(browser.cookies) <= {"covenant_session", "covenant_csrf"}
    assert all("bo" not in cookie.value.split("@") for cookie in browser.cookies.values())
    assert browser.cookies["covenant_session"]["httponly"]


def test_what_is_said_after_signing_in_names_nobody(client, bo):
    attempt(client, "bo", PASSWORD)
    page = client.get(reverse("mfa_index"))
    assert [str(message) for message in page.context["messages"]] == ["You are signed in."]


def test_signing_out_takes_a_click_and_ends_the_session(bo):
    browser = sign_in(bo)
    browser.get(reverse("account_logout"))
    assert is_signed_in(browser)
    assert browser.post(reverse("account_logout")).url == reverse("account_login")
    assert not is_signed_in(browser)


def test_changing_the_password_ends_the_other_sessions(bo):
    here, elsewhere = sign_in(bo), sign_in(bo)
    answer = here.post(
        reverse("account_change_password"),
        {"oldpassword": PASSWORD, "password1": "another lighthouse lamp", "password2": "another lighthouse lamp"},
    )
    assert answer.url == reverse("mfa_index")
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)
    assert bo.history.first().history_change_reason == "password changed"


def test_a_password_change_on_a_stale_page_brings_back_no_old_roles(bo):
    stale = type(bo).objects.get(pk=bo.pk)
    type(bo).objects.filter(pk=bo.pk).update(roles=["counsel"])
    from_adapter = reverse("account_change_password")  # the view saves through the adapter
    browser = sign_in(stale)
    browser.post(
        from_adapter,
        {"oldpassword": PASSWORD, "password1": "another lighthouse lamp", "password2": "another lighthouse lamp"},
    )
    bo.refresh_from_db()
    assert bo.roles == ["counsel"]
    assert bo.check_password("another lighthouse lamp")


def test_a_forgotten_password_is_set_anew_through_a_mail_that_names_nobody_but_the_address(client, bo):
    answer = client.post(reverse("account_reset_password"), {"email": bo.email})
    assert answer.url == reverse("account_reset_password_done")
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == (["bo@covenant.example"], "Covenant: set a new password")
    assert "Bo Example" not in letter.body
    link = next(line for line in letter.body.splitlines() if line.startswith("http"))
    form_page = client.get(link, follow=True)
    client.post(
        form_page.redirect_chain[-1][0],
        {"password1": "another lighthouse lamp", "password2": "another lighthouse lamp"},
    )
    assert not is_signed_in(client), "a link in a mail signs nobody in"
    assert is_signed_in(sign_in(bo, "another lighthouse lamp"))
    assert "no longer works" in Client().get(link, follow=True).content.decode()


def test_a_stranger_gets_no_mail_and_the_same_answer(client):
    answer = client.post(reverse("account_reset_password"), {"email": "stranger@example.org"})
    assert answer.url == reverse("account_reset_password_done")
    assert mail.outbox == []


def test_a_link_asked_for_before_leaving_sets_nothing_after_it(client, bo):
    client.post(reverse("account_reset_password"), {"email": bo.email})
    link = next(line for line in mail.outbox[0].body.splitlines() if line.startswith("http"))
    leaving.leave(member=bo, by=SYSTEM, at=NOON)
    page = client.get(link, follow=True)
    if page.redirect_chain:
        client.post(
            page.redirect_chain[-1][0], {"password1": "another lighthouse lamp", "password2": "another lighthouse lamp"}
        )
    bo.refresh_from_db()
    assert not bo.has_usable_password()
