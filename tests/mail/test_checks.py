"""A real installation does not start without a mail server, or with one to which mail goes in clear."""

import os
import subprocess
import sys

import pytest

from apps.mail.checks import SMTP, mail_leaves_safely


@pytest.fixture
def production(settings):
    """Settings of a real installation with a mail server elsewhere."""
    settings.DEMO = False
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = SMTP, "mail.example.com"
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = True, False
    return settings


def found():
    return [message.id for message in mail_leaves_safely()]


def test_a_mail_server_that_is_reached_by_tls_is_safe(production):
    assert found() == []
    production.EMAIL_USE_TLS, production.EMAIL_USE_SSL = False, True
    assert found() == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_mail_server_on_the_same_host_needs_no_encryption(production, host):
    production.EMAIL_USE_TLS, production.EMAIL_HOST = False, host
    assert found() == []


def test_the_demo_writes_its_mail_to_a_folder(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert found() == []


@pytest.mark.parametrize("backend", ["filebased", "console", "dummy", "locmem"])
def test_mail_that_would_reach_nobody_stops_the_start(production, backend):
    production.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    (message,) = mail_leaves_safely()
    assert message.id == "covenant.E401"
    assert "Set EMAIL_URL" in message.hint


def test_mail_that_would_go_over_the_network_in_clear_stops_the_start(production):
    production.EMAIL_USE_TLS = False
    (message,) = mail_leaves_safely()
    assert message.id == "covenant.E402"
    assert "smtp+tls://" in message.hint


def check_as_a_real_installation(**mail):
    environment = os.environ | {"DEMO": "false", "SECRET_KEY": "k3Yq8vR2pLx0wZs7TnBd5HcJfUgMaEoI9tCyXl4WbQ1rPiVuNhDkSz6GmAeFjO"}
    return subprocess.run([sys.executable, "manage.py", "check"], env=environment | mail, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("mail", "code"), [({}, "covenant.E401"), ({"EMAIL_URL": "smtp://mail.example.com:25"}, "covenant.E402")], ids=["none", "clear"]
)
def test_every_command_says_so_and_ends(mail, code):
    done = check_as_a_real_installation(**mail)
    assert done.returncode == 1
    assert code in done.stderr


def test_no_command_complains_of_a_mail_server_that_is_reached_by_tls():
    done = check_as_a_real_installation(EMAIL_URL="smtp+tls://name:password@mail.example.com:587")
    assert "covenant.E4" not in done.stderr
    assert "no issues" in done.stdout or "System check identified" in done.stderr  # it did look
