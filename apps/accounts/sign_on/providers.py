"""The providers at which people may have an account that they link, and how one is spoken to: authorization code with PKCE.

allauth speaks the protocol (discovery, code, token, userinfo, signature of the ID token); what it finds is handed back as a plain value.
Nobody is logged in by it, no row of allauth is written, and its sessions are not used: staff sign on in another place. Sign-on is a
declared exception from the gate's client (DESIGN). It must never log an answer, nor hand on an error's text: providers quote people.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest

from apps.accounts.scopes import CLAIMS, OPENID
from apps.foundation.refusals import Refusal

LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0 §2
PATIENCE = 10  # seconds
TROUBLES = (requests.RequestException, OAuth2Error, KeyError, ValueError, TypeError, AttributeError)


class ProviderUnknown(Refusal):
    """There is no provider of that name at which accounts can be linked."""

    code = "sign_on_unknown"
    mend = "Choose one of the providers that the page offers."


class ProviderFailed(Refusal):
    """The provider did not answer as it should. Nothing was linked."""

    code = "sign_on_failed"
    mend = "Try again in some minutes."


@dataclass(frozen=True)
class Provider:
    """A provider as a person sees it: its name, and the scopes that may be asked for besides `openid`."""

    code: str
    name: str
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Granted:
    """What a provider answered: the subject, the scopes it granted, everything it claims, and its tokens."""

    subject: str
    scopes: tuple[str, ...]
    claims: Mapping[str, Any]
    tokens: Mapping[str, str]
    lapse_at: datetime | None


def offered() -> list[Provider]:
    """The providers of the settings, in their order."""
    return [_provider(app) for app in settings.PERSON_SIGN_ON_APPS]


def find(code: str) -> Provider:
    """The provider of that code. Raises ProviderUnknown."""
    return _provider(_app(code))


def _provider(app: Mapping[str, Any]) -> Provider:
    scopes = app.get("scopes", ["email", "profile"])
    return Provider(app["provider_id"], app.get("name", app["provider_id"]), tuple(scope for scope in CLAIMS if scope in scopes))


def _app(code: str) -> Mapping[str, Any]:
    found = next((app for app in settings.PERSON_SIGN_ON_APPS if app["provider_id"] == code), None)
    if found is None:
        raise ProviderUnknown
    return found


class _Adapter(OpenIDConnectOAuth2Adapter):
    """allauth's adapter for one provider of people; the callback is ours, and no row of the database names the application."""

    def __init__(self, request: HttpRequest, app: Mapping[str, Any], callback_url: str):
        super().__init__(request, app["provider_id"])
        self._callback_url = callback_url
        self._provider = OpenIDConnectProvider(
            request,
            app=SocialApp(
                provider="openid_connect", provider_id=app["provider_id"], name=app.get("name", app["provider_id"]),
                client_id=app["client_id"], secret=app.get("secret", ""), settings=dict(app.get("settings", {})),
            ),
        )  # fmt: skip

    def get_provider(self) -> OpenIDConnectProvider:
        return self._provider

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return self._callback_url


def authorization_url(
    request: HttpRequest, *, code: str, scopes: Iterable[str], state: str, nonce: str, verifier: str, callback_url: str
) -> str:
    """Where the person goes to say yes: RFC 6749 §4.1.1, RFC 7636 (S256). Raises ProviderUnknown or ProviderFailed."""
    adapter = _Adapter(request, _app(code), callback_url)
    try:
        client = adapter.get_client(request, adapter.get_provider().app)
        client.state = state
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        extra = {"nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256"}
        return client.get_redirect_url(adapter.authorize_url, [OPENID, *sorted(scopes)], extra)
    except TROUBLES:
        raise ProviderFailed from None


def fetch(
    request: HttpRequest, *, code: str, answer: str, scopes: Iterable[str], nonce: str, verifier: str, callback_url: str, at: datetime
) -> Granted:
    """Exchange the authorization code `answer` and read what was granted. Raises ProviderFailed."""
    adapter = _Adapter(request, _app(code), callback_url)
    app = adapter.get_provider().app
    try:
        client = adapter.get_client(request, app)
        data = client.get_access_token(answer, pkce_code_verifier=verifier)
        adapter.did_fetch_access_token = True
        identity = adapter._decode_id_token(app, data["id_token"])
        if identity.get("nonce") != nonce:
            raise ProviderFailed
        told = adapter._fetch_user_info(data["access_token"])
        if told.get("sub") != identity["sub"]:  # OpenID Connect Core 1.0 §5.3.2
            raise ProviderFailed
        return _granted(data, told, scopes, at)
    except TROUBLES:
        raise ProviderFailed from None


def _granted(data: Mapping[str, Any], told: Mapping[str, Any], asked: Iterable[str], at: datetime) -> Granted:
    """Scopes the answer leaves out are those that were asked for (RFC 6749 §5.1); more than was asked for is not taken."""
    granted = str(data["scope"]).split() if data.get("scope") else [*asked]
    tokens = {"access_token": data["access_token"], "refresh_token": data.get("refresh_token") or ""}
    lapse = at + timedelta(seconds=int(data["expires_in"])) if data.get("expires_in") else None
    subject = str(told["sub"])
    if not 0 < len(subject) <= LONGEST_SUBJECT:
        raise ProviderFailed
    return Granted(
        subject, tuple(scope for scope in CLAIMS if scope in granted and scope in set(asked)), dict(told),
        {name: str(value) for name, value in tokens.items() if value}, lapse,
    )  # fmt: skip


def revoke(*, code: str, token: str) -> bool:
    """Tell the provider that a token is of no use any more (RFC 7009); False where it has no such address. Raises ProviderFailed."""
    app = _app(code)
    adapter = _Adapter(HttpRequest(), app, "")
    try:
        address = adapter.openid_config.get("revocation_endpoint")
        if not address:
            return False
        given = {"token": token, "client_id": app["client_id"], "client_secret": app.get("secret", "")}
        with get_adapter().get_requests_session() as session:
            session.post(address, data=given, timeout=PATIENCE).raise_for_status()
    except TROUBLES:
        raise ProviderFailed from None
    return True
