"""Refuses to start where the settings can't keep the promise that only staff get in (P17).

Outside the demo each of these is an error, and an error stops every command; the web server asks for them before it
serves.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error

from apps.staff.roles import Role

LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]", "testserver"})
SHORTEST_KEY = 50


def settings_are_safe(app_configs=None, **_later) -> list[CheckMessage]:
    """All checks of the sign-in settings; registered in apps.py."""
    place = _the_demo() if settings.DEMO else _real_installation()
    return [*place, *_sign_on()]


def _the_demo() -> Iterator[CheckMessage]:
    foreign = sorted(set(settings.ALLOWED_HOSTS) - LOCAL)
    if foreign:
        yield Error(
            "The demo is reachable from other machines: its passwords are printed and its secret key is public.",
            hint="Set SECRET_KEY to a secret of your own, which ends the demo, or take the hosts out of ALLOWED_HOSTS.",
            id="covenant.E109",
        )


def _real_installation() -> Iterator[CheckMessage]:
    key = settings.SECRET_KEY
    if key == settings.INSECURE_SECRET_KEY or len(key) < SHORTEST_KEY or len(set(key)) < 8 or key.startswith("django-"):
        yield Error(
            "SECRET_KEY is the default one or too weak: who knows it can sign in as anybody.",
            hint='Set SECRET_KEY to the output of: python3 -c "import secrets; print(secrets.token_urlsafe(60))"',
            id="covenant.E101",
        )
    if not settings.SECOND_FACTOR_REQUIRED:
        yield Error(
            "Staff may sign in without a second factor.",
            hint="Unset SECOND_FACTOR_REQUIRED, or set it to true.",
            id="covenant.E102",
        )
    if not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE and settings.SESSION_COOKIE_HTTPONLY):
        yield Error(
            "The cookies that keep staff signed in may travel without encryption.",
            hint="Unset HTTPS, or set it to true, and serve the site by HTTPS.",
            id="covenant.E103",
        )
    if not settings.SECURE_SSL_REDIRECT or settings.SECURE_HSTS_SECONDS < 1:
        yield Error(
            "Pages may be read without encryption.",
            hint="Unset HTTPS, or set it to true; behind a proxy that ends HTTPS set BEHIND_PROXY to true as well.",
            id="covenant.E104",
        )
    if settings.DEBUG:
        yield Error(
            "DEBUG is on: error pages would show personal data.",
            hint="Unset DEBUG.",
            id="covenant.E105",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "ALLOWED_HOSTS takes any host name, so a forged one can end up in a mail about a password.",
            hint="Name the hosts under which the site is served.",
            id="covenant.E106",
        )
    if "locmem" in settings.CACHES["default"]["BACKEND"] or "dummy" in settings.CACHES["default"]["BACKEND"]:
        yield Error(
            "Failed sign-ins are counted by each process for itself, so passwords can be guessed.",
            hint="Set CACHE_URL to the Redis that all processes share.",
            id="covenant.E107",
        )


def _sign_on() -> Iterator[CheckMessage]:
    given = {
        role for roles in settings.SIGN_ON_ROLES.values() for role in ([roles] if isinstance(roles, str) else roles)
    }
    unknown = sorted(given - set(Role.values))
    if unknown:
        yield Error(
            f"SIGN_ON_ROLES names roles that don't exist: {', '.join(unknown)}.",
            hint=f"Use these: {', '.join(Role.values)}.",
            id="covenant.E108",
        )
    allowed = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"]
    for app in settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", []):
        address = urlsplit(app.get("settings", {}).get("server_url", ""))
        origin = f"{address.scheme}://{address.netloc}"
        if origin not in allowed:
            yield Error(
                f"Browsers will refuse to go to the sign-on at {origin}.",
                hint=f"Add {origin}, and whatever other origin its sign-in page is served from, to SIGN_ON_ORIGINS.",
                id="covenant.E110",
            )
        if address.scheme != "https" and not settings.DEMO:
            yield Error(
                f"The sign-on at {origin} is asked without encryption.",
                hint="Use its https address in SIGN_ON_APPS.",
                id="covenant.E111",
            )
