"""Who processes for us, as the public reads it: providers in use, their chains, and changes that are planned. No cookie, no script.

It must never show a provider that is not in use, a contact, or what somebody of us wrote about a provider.
"""

from datetime import datetime

from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.foundation import clock
from apps.policies.vocabulary import DisclosurePurpose
from apps.providers import places
from apps.providers.models import Grant, Provider, SubProcessor
from apps.providers.states import ChainState


def read(at: datetime) -> list[dict]:
    """What the page shows of each provider in use, by name."""
    chain = SubProcessor.objects.filter(
        Q(until_at=None) | Q(until_at__gt=at), state__in=(ChainState.ANNOUNCED, ChainState.LEAVING)
    ).order_by("legal_name", "pk")
    granted = Grant.objects.in_force(at)
    rows = Provider.objects.active().order_by("legal_name", "pk").prefetch_related(
        Prefetch("chain", chain, "shown_chain"), Prefetch("grants", granted, "shown_grants")
    )
    return [_shown(provider, at) for provider in rows]


def _shown(provider: Provider, at: datetime) -> dict:
    purposes = {purpose for grant in provider.shown_grants for purpose in grant.purposes}
    chain = [{"sub": sub, "countries": places.in_words(sub.countries)} for sub in provider.shown_chain if sub.since_at <= at]
    planned = [
        {"sub": sub, "countries": places.in_words(sub.countries), "joins": sub.since_at > at, "on": sub.since_at if sub.since_at > at else sub.until_at}
        for sub in provider.shown_chain
        if sub.since_at > at or sub.until_at is not None
    ]
    return {
        "provider": provider, "countries": places.in_words(provider.countries), "chain": chain,
        "purposes": [purpose.label for purpose in DisclosurePurpose if purpose in purposes],
        "planned": sorted(planned, key=lambda change: change["on"]),
    }  # fmt: skip


@require_safe
def in_use(request: HttpRequest) -> HttpResponse:
    """The providers in use, made from the register at every visit: a suspension shows at once."""
    listed = read(clock.now())
    planned = sorted(((change["on"], shown["provider"], change) for shown in listed for change in shown["planned"]), key=lambda row: row[0])
    response = render(request, "providers/in_use.html", {"listed": listed, "planned": planned})
    response.headers["Cache-Control"] = "no-cache"
    return response
