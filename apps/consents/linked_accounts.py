"""Linked accounts on the preference page: what is linked and what it told, the way to a provider and back, and the end of it.

The way back is a GET from somebody else's page and carries no visit. It is bound to the browser that left by a cookie of ten minutes,
which says nothing of anybody and goes when the way ends: without it, who gets a person to open the address of a callback could have that
person's account linked to a page of their own. It must never show a provider's own words, and never more claims than are kept.
"""

from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from apps.accounts.models import LinkedAccount, Person
from apps.accounts.scopes import MEANING
from apps.accounts.services import attempts, linking
from apps.accounts.services.attempts import AttemptOver
from apps.accounts.sign_on import providers
from apps.consents import visits
from apps.consents.doors import new_token
from apps.consents.services import links
from apps.foundation import clock
from apps.foundation.actors import Actor
from apps.foundation.keys import KeyDamaged, KeyDestroyed, KeyMissing, SealBroken
from apps.foundation.refusals import Refusal

COOKIE = "covenant_linking"
PATH = "/preferences/linked-accounts/"
UNREADABLE = (KeyDamaged, KeyDestroyed, KeyMissing, SealBroken)


class NotGranted(Refusal):
    """Nothing was linked: the provider says that you did not agree."""

    code = "sign_on_not_granted"
    mend = "If you want to link the account after all, begin anew on your page."


class NotYours(Refusal):
    """There is no such linked account of yours."""

    code = "linked_account_unknown"
    mend = "Reload your page; it shows which accounts are linked."


def section(person: Person, *, at: datetime) -> visits.Section | None:
    """What is linked, and what can be; nothing where no provider is offered and nothing is linked."""
    linked = list(person.linked_accounts.linked().prefetch_related("scopes"))
    names = {provider.code: provider.name for provider in providers.offered()}
    taken = {account.provider for account in linked}
    offered = [
        {"code": provider.code, "name": provider.name, "scopes": [(scope, MEANING[scope]) for scope in provider.scopes]}
        for provider in providers.offered()
        if provider.code not in taken
    ]
    if not linked and not offered:
        return None
    shown = [{"account": account, "name": names.get(account.provider, account.provider), "told": _told(account)} for account in linked]
    return visits.Section("Accounts you linked", "consents/linked_accounts.html", {"linked": shown, "offered": offered}, "linked-accounts")


def _told(account: LinkedAccount) -> list[linking.Told] | None:
    """What it told, in plain words; None where its key does not open it."""
    try:
        return linking.told_by(account)
    except UNREADABLE:
        return None


@visits.door
def begin(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> HttpResponse:
    """Says where the person goes and what will be asked for there; the link there is theirs to press."""
    provider = providers.find(request.POST.get("provider", ""))
    scopes = sorted(set(request.POST.getlist("scope")))
    begun = attempts.begin(person=visit.person, provider=provider.code, scopes=scopes, at=at)
    url = providers.authorization_url(
        request, code=provider.code, scopes=scopes, state=begun.state, nonce=begun.nonce, verifier=begun.verifier, callback_url=_callback()
    )
    meant = [MEANING[scope] for scope in scopes]
    response = render(request, "consents/linking_begins.html", {"provider": provider, "meant": meant, "url": url, "visit": visit})
    response.set_cookie(
        COOKIE, begun.browser, max_age=int(attempts.LIFE.total_seconds()), path=PATH, httponly=True, secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )  # fmt: skip
    return response


def _callback() -> str:
    return settings.BASE_URL.rstrip("/") + reverse("consents:linking_ends")


@require_GET
def come_back(request: HttpRequest) -> HttpResponse:
    """The way back from a provider: links what was granted, and leads to the person's page again."""
    at = clock.now()
    refused, account, person = None, None, None
    try:
        attempt = attempts.finish(state=request.GET.get("state", ""), browser=request.COOKIES.get(COOKIE, ""), at=at)
        person = attempt.person
        account = _link(request, attempt, at)
    except Refusal as refusal:
        refused = refusal
    context = {"refused": refused, "account": account, "told": _told(account) if account else None} | _way_on(person, at)
    status = 200 if refused is None else 410 if isinstance(refused, AttemptOver) else 409
    response = visits.private(render(request, "consents/linking_ends.html", context, status=status))
    response.delete_cookie(COOKIE, path=PATH, samesite="Lax")
    return response


def _link(request: HttpRequest, attempt, at: datetime) -> LinkedAccount:
    if "code" not in request.GET:
        raise NotGranted
    begun = attempts.Begun(request.GET["state"], "")
    granted = providers.fetch(
        request, code=attempt.provider, answer=request.GET["code"], scopes=attempt.scopes, nonce=begun.nonce, verifier=begun.verifier,
        callback_url=_callback(), at=at,
    )  # fmt: skip
    return linking.link(
        person=attempt.person, provider=attempt.provider, subject=granted.subject, scopes=granted.scopes, claims=granted.claims,
        tokens=granted.tokens, lapses_at=granted.lapse_at, how="preference_page", leave_out=True,
        by=Actor("person", attempt.person.reference), at=at,
    )  # fmt: skip


def _way_on(person: Person | None, at: datetime) -> dict:
    """A button to the person's page, opened anew; without a person, or after too many links, none."""
    if person is None:
        return {}
    try:
        url, _ends = links.make(person=person, by=Actor("person", person.reference), at=at)
    except Refusal:
        return {}
    return {"page_url": url.removeprefix(settings.BASE_URL.rstrip("/")), "visit_token": new_token()}


@visits.door
def unlink(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> str:
    """Unlinks an account of the visitor's."""
    account = visit.person.linked_accounts.filter(reference=request.POST.get("account", "")).first()
    if account is None:
        raise NotYours
    row = linking.unlink(account=account, how="person", by=Actor("person", visit.person.reference), at=at)
    if row.kept_for_hold:
        return "The account is unlinked. What it told us lies apart, unused, because the law makes us keep it for now; then it is erased."
    return "The account is unlinked, and what it told us is erased. We tell the provider that our access ends."
