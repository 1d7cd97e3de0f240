"""Sign-on by a real OpenID Connect provider: its groups give the roles, at every sign-in; who has none is refused."""

import pytest
import requests
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.test import Client
from django.urls import reverse
from oidc_provider_mock import User, run_server_in_thread

from apps.staff.adapters import NoRoleForGroups, roles_for
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from apps.staff.services import leaving
from tests.staff.people import NOON, SYSTEM, hire, is_signed_in, set_up_app, sign_in

pytestmark = pytest.mark.django_db

PEOPLE = {
    "4711": {
        "name": "Cleo Example",
        "preferred_username": "cleo",
        "email": "cleo@company.example",
        "groups": ["legal"],
    },
    "4712": {"name": "Guy Guest", "preferred_username": "guy", "email": "guy@company.example", "groups": ["canteen"]},
    "4713": {"name": "No Groups", "preferred_username": "nog", "email": "nog@company.example"},
    "4714": {"name": "Un Verified", "preferred_username": "unv", "email": "unv@company.example", "groups": ["legal"]},
    "4715": {"name": "Ada Other", "preferred_username": "ada", "email": "other@company.example", "groups": ["legal"]},
    "4716": {
        "name": "Both Example",
        "preferred_username": "both",
        "email": "both@company.example",
        "groups": ["legal", "it"],
    },
}


@pytest.fixture(scope="module")
def provider():
    users = [User(sub=sub, claims=claims | {"email_verified": sub != "4714"}) for sub, claims in PEOPLE.items()]
    with run_server_in_thread(user_claims=users) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(autouse=True)
def company(settings, provider):
    app = {
        "provider_id": "company",
        "name": "Company",
        "client_id": "covenant",
        "secret": "s",
        "settings": {"server_url": provider},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    settings.SIGN_ON_ROLES = {"legal": ["counsel"], "it": "administrator"}


def come_by_sign_on(sub, browser=None, query=""):
    """Through the button on the sign-in page, the provider's own form, and back: the browser and the last answer."""
    browser = browser or Client()
    to_provider = browser.post(reverse("openid_connect_login", args=("company",)) + query)
    back = requests.post(to_provider.url, data={"sub": sub}, allow_redirects=False, timeout=10)
    return browser, browser.get(back.headers["location"])


def test_the_sign_in_page_offers_it(client):
    assert "Sign in with Company" in client.get(reverse("account_login")).content.decode()


def test_a_mapped_group_lets_a_newcomer_in_with_its_role():
    browser, answer = come_by_sign_on("4711")
    assert answer.url == "/admin/"
    assert is_signed_in(browser)
    cleo = StaffMember.objects.get()
    assert (cleo.username, cleo.full_name, cleo.email) == ("cleo", "Cleo Example", "cleo@company.example")
    assert (cleo.roles, cleo.has_usable_password()) == (["counsel"], False)
    assert cleo.history.get().history_change_reason == "joined"


def test_coming_again_is_the_same_member():
    come_by_sign_on("4711")
    browser, _answer = come_by_sign_on("4711")
    assert is_signed_in(browser)
    assert (StaffMember.objects.count(), SocialAccount.objects.count()) == (1, 1)


def test_the_roles_of_all_mapped_groups_count():
    come_by_sign_on("4716")
    assert StaffMember.objects.get().roles == ["counsel", "administrator"]


def test_a_change_of_groups_counts_at_the_next_sign_in(settings):
    come_by_sign_on("4711")
    settings.SIGN_ON_ROLES = {"legal": ["auditor"]}
    come_by_sign_on("4711")
    cleo = StaffMember.objects.get()
    assert cleo.roles == ["auditor"]
    assert cleo.history.first().history_change_reason == "roles changed"


@pytest.mark.parametrize("sub", ["4712", "4713"])
def test_without_a_mapped_group_nobody_gets_in_and_nothing_is_kept(sub):
    browser, answer = come_by_sign_on(sub)
    assert answer.status_code == 403
    assert "none of your groups there has a role here" in answer.content.decode()
    assert not is_signed_in(browser)
    assert (StaffMember.objects.count(), SocialAccount.objects.count()) == (0, 0)


def test_who_has_lost_every_mapped_group_is_refused_too(settings):
    come_by_sign_on("4711")
    settings.SIGN_ON_ROLES = {"it": "administrator"}
    browser, answer = come_by_sign_on("4711")
    assert answer.status_code == 403
    assert not is_signed_in(browser)


def test_an_unverified_address_is_refused():
    browser, answer = come_by_sign_on("4714")
    assert answer.status_code == 403
    assert "verified e-mail address" in answer.content.decode()
    assert not is_signed_in(browser)


def test_nobody_takes_over_a_member_of_the_same_user_name():
    ada = hire("ada", Role.ADMINISTRATOR)
    browser, answer = come_by_sign_on("4715")
    assert answer.status_code == 403
    assert not is_signed_in(browser)
    ada.refresh_from_db()
    assert ada.roles == ["administrator"]
    assert SocialAccount.objects.count() == 0


def test_who_is_signed_in_by_password_can_not_connect_an_account_and_its_roles():
    ada = hire("ada", Role.AUDITOR)
    _browser, answer = come_by_sign_on("4716", sign_in(ada), "?process=connect")
    assert answer.status_code == 403
    ada.refresh_from_db()
    assert ada.roles == ["auditor"]


def test_who_left_does_not_come_back_by_sign_on():
    come_by_sign_on("4711")
    cleo = StaffMember.objects.get()
    leaving.leave(member=cleo, by=SYSTEM, at=NOON)
    browser, answer = come_by_sign_on("4711")
    assert answer.status_code == 403
    assert not is_signed_in(browser)
    assert StaffMember.objects.get().left_at == NOON


def test_the_second_factor_is_asked_for_after_sign_on_too():
    browser, _answer = come_by_sign_on("4711")
    set_up_app(browser)
    again, answer = come_by_sign_on("4711")
    assert answer.url == reverse("mfa_authenticate")
    assert not is_signed_in(again)


def test_of_what_the_provider_says_only_the_groups_are_kept():
    come_by_sign_on("4711")
    assert SocialAccount.objects.get().extra_data == {"userinfo": {"groups": ["legal"]}}
    assert SocialToken.objects.count() == 0


def test_who_comes_by_sign_on_sets_no_password(client, mailoutbox):
    browser, _answer = come_by_sign_on("4711")
    assert browser.get(reverse("account_change_password")).url == reverse("account_set_password")
    assert "You have no password here" in browser.get(reverse("account_set_password")).content.decode()
    client.post(reverse("account_reset_password"), {"email": "cleo@company.example"})
    assert mailoutbox == []


def test_groups_that_are_not_mapped_give_no_role(settings):
    settings.SIGN_ON_ROLES = {"legal": ["counsel"]}
    assert roles_for(["canteen", "legal"]) == ["counsel"]
    with pytest.raises(NoRoleForGroups):
        roles_for(["canteen"])
