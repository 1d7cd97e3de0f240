"""Unsafe settings stop the start, each with its id and what mends it; the demo may not be reached from outside."""

import os
import subprocess
import sys

import pytest

from apps.staff.checks import settings_are_safe

GOOD_KEY = "k3Yq8vR2pLx0wZs7TnBd5HcJfUgMaEoI9tCyXl4WbQ1rPiVuNhDkSz6GmAeFjO"


@pytest.fixture
def production(settings):
    """Settings of a real installation, all of them safe."""
    settings.DEMO = False
    settings.SECRET_KEY = GOOD_KEY
    settings.SECOND_FACTOR_REQUIRED = True
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.ALLOWED_HOSTS = ["covenant.example.com"]
    settings.DEBUG = False
    return settings


def found():
    return [message.id for message in settings_are_safe()]


def test_safe_settings_start(production):
    assert found() == []


def test_the_demo_starts_as_it_is():
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("SECRET_KEY", "insecure-demo-key-change-me-by-setting-SECRET_KEY", "covenant.E101"),
        ("SECRET_KEY", "short", "covenant.E101"),
        ("SECRET_KEY", "a" * 60, "covenant.E101"),
        ("SECRET_KEY", f"django-insecure-{GOOD_KEY}", "covenant.E101"),
        ("SECOND_FACTOR_REQUIRED", False, "covenant.E102"),
        ("SESSION_COOKIE_SECURE", False, "covenant.E103"),
        ("CSRF_COOKIE_SECURE", False, "covenant.E103"),
        ("SESSION_COOKIE_HTTPONLY", False, "covenant.E103"),
        ("SECURE_SSL_REDIRECT", False, "covenant.E104"),
        ("SECURE_HSTS_SECONDS", 0, "covenant.E104"),
        ("DEBUG", True, "covenant.E105"),
        ("ALLOWED_HOSTS", ["*"], "covenant.E106"),
        ("CACHES", {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}, "covenant.E107"),
        ("SIGN_ON_ROLES", {"privacy-team": ["king"]}, "covenant.E108"),
    ],
)
def test_each_unsafe_setting_is_named_with_what_mends_it(production, name, value, code):
    setattr(production, name, value)
    (message,) = settings_are_safe()
    assert message.id == code
    assert message.hint.endswith(".") or "python3 -c" in message.hint


def test_a_demo_that_others_can_reach_does_not_start(settings):
    settings.ALLOWED_HOSTS = ["127.0.0.1", "demo.example.com"]
    assert found() == ["covenant.E109"]


def test_a_sign_on_that_browsers_would_refuse_or_that_is_not_encrypted_does_not_start(production):
    production.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {"APPS": [{"provider_id": "company", "settings": {"server_url": "http://idp.example.com/x"}}]}
    }
    assert found() == ["covenant.E110", "covenant.E111"]


def test_production_refuses_to_start_with_the_default_secret():
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env=os.environ | {"DEMO": "false", "SECRET_KEY": "insecure-demo-key-change-me-by-setting-SECRET_KEY"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "covenant.E101" in done.stderr
    assert "secrets.token_urlsafe" in done.stderr
