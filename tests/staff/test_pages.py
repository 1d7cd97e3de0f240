"""The pages of sign-in and second factor in a browser: they work under the content security policy, at any width and
theme."""

import itertools

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse

from apps.staff.roles import Role
from tests.staff.people import PASSWORD, code_for, hire

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PLATFORM_PASSKEYS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
SIDEWAYS = "document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"


class Visitor:
    """One browser window, and everything it complained about."""

    def __init__(self, browser, address):
        self.address = address
        self.context = browser.new_context()
        self.page = self.context.new_page()
        self.complaints = []
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, name):
        self.page.goto(self.address + reverse(name))

    def press(self):
        self.page.click("main button[type=submit]:not(.quiet)")
        self.page.wait_for_load_state()

    def look(self):
        """At desk and phone width, light and dark: nothing sticks out sideways."""
        for width, theme in itertools.product((1360, 390), ("light", "dark")):
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.emulate_media(color_scheme=theme)
            assert not self.page.evaluate(SIDEWAYS), f"{self.page.url} scrolls sideways at {width}"

    def sign_in(self, login):
        self.go("account_login")
        self.page.fill("input[name=login]", login)
        self.page.fill("input[name=password]", PASSWORD)
        self.press()

    def sign_out(self):
        self.go("account_logout")
        self.press()

    def confirm(self):
        if "reauthenticate" in self.page.url:
            self.look()
            self.page.fill("input[name=password]", PASSWORD)
            self.press()


@pytest.fixture
def visitor(browser, live_server):
    somebody = Visitor(browser, live_server.url)
    yield somebody
    somebody.context.close()


def test_setting_up_an_app_and_signing_in_with_it(visitor, second_factor_required):
    hire("bo", Role.AUDITOR)
    page = visitor.page
    visitor.go("account_login")
    visitor.look()
    visitor.sign_in("bo")
    assert page.url.endswith(reverse("mfa_index"))
    visitor.look()
    visitor.go("mfa_activate_totp")
    visitor.confirm()
    visitor.look()
    assert page.evaluate("document.querySelector('img.qr').naturalWidth") > 100
    secret = page.inner_text("#authenticator_secret")
    page.fill("input[name=code]", code_for(secret, step=-1))
    visitor.press()
    assert page.locator(".codes li").count() == 10
    visitor.look()
    visitor.sign_out()
    visitor.sign_in("bo@covenant.example")
    visitor.look()
    page.fill("input[name=code]", code_for(secret))
    visitor.press()
    assert page.url.endswith("/admin/")
    assert visitor.complaints == []


def test_a_passkey_is_added_is_the_second_factor_and_signs_in_alone(visitor, second_factor_required):
    bo = hire("bo", Role.AUDITOR)
    page = visitor.page
    tools = visitor.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": PLATFORM_PASSKEYS})
    visitor.sign_in("bo")
    visitor.go("mfa_add_webauthn")
    visitor.confirm()
    visitor.look()
    page.check("input[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**" + reverse("mfa_view_recovery_codes"))
    assert Authenticator.objects.filter(user=bo, type="webauthn").count() == 1
    visitor.go("mfa_list_webauthn")
    visitor.look()
    visitor.sign_out()
    visitor.sign_in("bo")
    page.click("#mfa_webauthn_authenticate")
    page.wait_for_url("**/admin/")
    visitor.sign_out()
    page.click("#passkey_login")
    page.wait_for_url("**/admin/")
    assert visitor.complaints == []


def test_a_passkey_that_fails_is_said_in_words(visitor):
    page = visitor.page
    tools = visitor.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": PLATFORM_PASSKEYS})
    visitor.go("account_login")
    page.click("#passkey_login")
    page.wait_for_selector("#passkey_trouble:not([hidden])")
    assert page.inner_text("#passkey_trouble").startswith("The passkey was not used")


def test_the_other_pages_of_the_account_hold_at_every_width(visitor):
    hire("bo", Role.AUDITOR)
    for name in ("account_reset_password", "account_reset_password_done", "account_inactive"):
        visitor.go(name)
        visitor.look()
    visitor.sign_in("bo")
    for name in ("mfa_index", "account_change_password", "account_logout", "account_set_password"):
        visitor.go(name)
        visitor.look()
    assert visitor.complaints == []


def test_opened_by_a_number_the_sign_in_page_offers_no_passkey(visitor):
    visitor.address = visitor.address.replace("localhost", "127.0.0.1")
    visitor.go("account_login")
    assert visitor.page.locator("#passkey_login").count() == 0
    assert visitor.page.locator("input[type=password]").count() == 1


def test_without_scripts_staff_sign_in_all_the_same(browser, live_server):
    hire("bo", Role.AUDITOR)
    visitor = Visitor(browser, live_server.url)
    visitor.context.close()
    visitor.context = browser.new_context(java_script_enabled=False)
    visitor.page = visitor.context.new_page()
    visitor.sign_in("bo")
    assert visitor.page.url.endswith("/admin/")
    visitor.context.close()
