"""Staff need a second factor: they are sent to set one up, asked for it, and can't take off the last one."""

import pytest
from allauth.mfa.models import Authenticator
from django.urls import reverse

from apps.staff.middleware import OPEN
from apps.staff.roles import Role
from apps.staff.services import second_factor
from tests.staff.people import NOON, code_for, confirm_by_password, hire, is_signed_in, set_up_app, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def bo():
    return hire("bo", Role.AUDITOR)


@pytest.mark.parametrize("address", ["/admin/", "/admin/staff/approval/", "/", "/api/v1/openapi.json"])
def test_without_a_second_factor_every_page_leads_to_setting_one_up(bo, second_factor_required, address):
    assert sign_in(bo).get(address).url == reverse("mfa_index")


def test_nor_is_anything_taken_from_them(bo, second_factor_required):
    assert sign_in(bo).post("/admin/staff/approval/").url == reverse("mfa_index")


@pytest.mark.parametrize(
    "name", ["mfa_index", "account_change_password", "account_logout", "mfa_add_webauthn", "mfa_activate_totp"]
)
def test_the_pages_that_set_it_up_and_the_way_out_are_open(bo, second_factor_required, name):
    browser = sign_in(bo)
    confirm_by_password(browser, reverse("mfa_index"))
    assert browser.get(reverse(name)).status_code == 200


def test_every_open_page_exists():
    for name in OPEN:
        kwargs = {"uidb36": "1", "key": "x"} if name == "account_reset_password_from_key" else {}
        kwargs = {"pk": 1} if name in ("mfa_edit_webauthn", "mfa_remove_webauthn") else kwargs
        assert reverse(name, kwargs=kwargs)


def test_with_an_app_set_up_the_pages_open(bo, second_factor_required):
    browser = sign_in(bo)
    set_up_app(browser)
    assert browser.get("/admin/").status_code == 200


def test_recovery_codes_alone_are_no_second_factor(bo, second_factor_required):
    browser = sign_in(bo)
    set_up_app(browser)
    Authenticator.objects.filter(user=bo, type=Authenticator.Type.TOTP).delete()
    assert browser.get("/admin/").url == reverse("mfa_index")


def test_in_the_demo_nobody_is_forced_and_the_page_says_what_is_missing(bo):
    browser = sign_in(bo)
    assert browser.get("/admin/").status_code == 200
    assert "The demo lets you go on without" in browser.get(reverse("mfa_index")).content.decode()


def test_at_the_next_sign_in_the_password_alone_is_not_enough(bo):
    secret = set_up_app(sign_in(bo))
    browser = sign_in(bo)
    assert not is_signed_in(browser)
    answer = browser.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert answer.context["form"].errors["code"] == [
        "That code is not right. Codes change every 30 seconds, and each counts once."
    ]
    assert browser.post(reverse("mfa_authenticate"), {"code": code_for(secret)}).url == "/admin/"
    assert is_signed_in(browser)


def test_a_code_counts_once(bo):
    secret = set_up_app(sign_in(bo))
    code = code_for(secret)
    first, second = sign_in(bo), sign_in(bo)
    first.post(reverse("mfa_authenticate"), {"code": code})
    second.post(reverse("mfa_authenticate"), {"code": code})
    assert is_signed_in(first)
    assert not is_signed_in(second)


def test_codes_are_not_guessed_either(bo):
    secret = set_up_app(sign_in(bo))
    browser = sign_in(bo)
    for _ in range(5):
        browser.post(reverse("mfa_authenticate"), {"code": "000000"})
    browser.post(reverse("mfa_authenticate"), {"code": code_for(secret)})
    assert not is_signed_in(browser)


def test_a_recovery_code_lets_in_once(bo):
    browser = sign_in(bo)
    set_up_app(browser)
    codes = browser.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]
    assert len(codes) == 10
    first, second = sign_in(bo), sign_in(bo)
    first.post(reverse("mfa_authenticate"), {"code": codes[0]})
    second.post(reverse("mfa_authenticate"), {"code": codes[0]})
    assert is_signed_in(first)
    assert not is_signed_in(second)


def test_secrets_are_stored_encrypted(bo):
    browser = sign_in(bo)
    secret = set_up_app(browser)
    stored = str(list(Authenticator.objects.filter(user=bo).values_list("data", flat=True)))
    assert secret not in stored
    assert set(Authenticator.objects.filter(user=bo).values_list("type", flat=True)) == {"totp", "recovery_codes"}


def test_after_the_secret_key_was_changed_the_earlier_one_still_opens_them(bo, settings):
    secret = set_up_app(sign_in(bo))
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a fresh key of the installation, long enough for the checks"
    browser = sign_in(bo)
    browser.post(reverse("mfa_authenticate"), {"code": code_for(secret)})
    assert is_signed_in(browser)


def test_without_the_earlier_key_the_page_says_what_mends_it(bo, settings):
    set_up_app(sign_in(bo))
    settings.SECRET_KEY = "a fresh key of the installation, long enough for the checks"
    browser = sign_in(bo)
    answer = browser.post(reverse("mfa_authenticate"), {"code": "123456"})
    assert answer.status_code == 409
    assert "SECRET_KEY_FALLBACKS" in answer.content.decode()


def test_the_last_second_factor_stays_where_one_is_required(bo, second_factor_required):
    browser = sign_in(bo)
    set_up_app(browser)
    browser.post(reverse("mfa_deactivate_totp"))
    assert second_factor.is_set_up(bo)
    assert "Add another one before you remove this one" in browser.get(reverse("mfa_deactivate_totp")).content.decode()


def test_an_administrator_takes_off_a_lost_one_and_the_sessions_end(bo):
    browser = sign_in(bo)
    set_up_app(browser)
    second_factor.reset(member=bo, by=hire("ada", Role.ADMINISTRATOR), at=NOON)
    assert not is_signed_in(browser)
    assert not second_factor.is_set_up(bo)
    assert is_signed_in(sign_in(bo))
    assert bo.history.first().history_change_reason == "second factor removed"


def test_the_picture_for_the_app_is_allowed_by_the_content_security_policy(bo):
    browser = sign_in(bo)
    page = reverse("mfa_activate_totp")
    confirm_by_password(browser, page)
    answer = browser.get(page)
    assert 'src="data:image/svg+xml;base64,' in answer.content.decode()
    assert "img-src 'self' data:" in answer.headers["Content-Security-Policy"]
    assert " style=" not in answer.content.decode()
