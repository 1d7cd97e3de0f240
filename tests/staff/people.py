"""Who appears in the tests of staff, and how they come to a page: by the same doors as anybody."""

import base64
import hashlib
import hmac
import struct
import time
from datetime import UTC, datetime

from django.test import Client
from django.urls import reverse

from apps.foundation.actors import SYSTEM
from apps.staff.models import StaffMember
from apps.staff.services import joining

NOON = datetime(2026, 3, 8, 12, tzinfo=UTC)  # a day on which the clocks change, on purpose
PASSWORD = "a lighthouse keeper's lamp"
DIGEST = b"\x11" * 32
OTHER_DIGEST = b"\x22" * 32
PUBLISH = "policies.publish_policyversion"


def hire(username: str, *roles: str, by=SYSTEM, at=NOON, password: str | None = PASSWORD) -> StaffMember:
    return joining.create(
        username=username, email=f"{username}@covenant.example", full_name=f"{username.title()} Example",
        roles=roles or ["auditor"], password=password, by=by, at=at,
    )  # fmt: skip


def sign_in(member: StaffMember, password: str = PASSWORD) -> Client:
    """A browser that went through the sign-in page; with a second factor set up it stands at the question for it."""
    browser = Client()
    browser.post(reverse("account_login"), {"login": member.username, "password": password})
    return browser


def is_signed_in(browser: Client) -> bool:
    return browser.get(reverse("mfa_index")).status_code == 200


def code_for(secret: str, step: int = 0) -> str:
    """The code an authenticator app shows for this secret (RFC 6238), `step` half-minutes from now.

    An earlier code is one step off at most while the half-minute lasts; near its end the next one is waited for.
    """
    left = 30 - time.time() % 30
    if step < 0 and left < 8:
        time.sleep(left)
    counter = int(time.time()) // 30 + step
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", counter), hashlib.sha1).digest()
    start = mac[-1] & 0x0F
    return f"{(struct.unpack('>I', mac[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def confirm_by_password(browser: Client, following: str) -> None:
    browser.post(reverse("account_reauthenticate") + f"?next={following}", {"password": PASSWORD})


def set_up_app(browser: Client) -> str:
    """Set up an authenticator app; returns its secret."""
    page = reverse("mfa_activate_totp")
    confirm_by_password(browser, page)
    secret = browser.get(page).context["form"].secret
    answer = browser.post(page, {"code": code_for(secret, step=-1)})
    assert answer.url == reverse("mfa_view_recovery_codes")
    return secret
