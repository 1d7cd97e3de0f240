"""How a provider stands, in words and marks: what keeps the gate shut, what ends next, what happened."""

from datetime import date, datetime

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.models import Event
from apps.foundation.admin import chip, moment
from apps.foundation.clock import day_of
from apps.providers.models import Provider
from apps.providers.services import lives
from apps.providers.states import COUNTS, ChainState, GrantState, ProviderState

SHOWN = 60
NEAR_DAYS = 30


def gate_of(provider: Provider, at: datetime) -> SafeString:
    """Whether the gate could open for it at all; which data, its grants say."""
    if provider.state != ProviderState.ACTIVE:
        return chip(f"closed: {provider.get_state_display()}", "plain" if provider.state == ProviderState.ENDED else "warn")
    against = lives.missing(provider, at)
    if against:
        return format_html("{} {}", chip("closed", "bad"), " ".join(against))
    granted = provider.grants.in_force(at).count()
    return chip("open for what is granted", "ok") if granted else chip("closed: nothing is granted", "wait")


def until(day: date | None, at: datetime, *, counts: bool = True) -> SafeString | str:
    """The day on which something ends by itself, marked when that is near or over."""
    if day is None:
        return "no end"
    left = (day - day_of(at)).days
    if not counts or left > NEAR_DAYS:
        return day.isoformat()
    return chip(f"{day.isoformat()}, in {left} day{'s' if left != 1 else ''}", "warn") if left > 0 else chip(f"{day.isoformat()}, over", "bad")


def ahead(provider: Provider, at: datetime) -> list[tuple[date, str]]:
    """What ends or changes by itself, by day."""
    said = []
    for agreement in provider.agreements.filter(state__in=COUNTS, ends_on__gt=day_of(at)):
        said.append((agreement.ends_on, f"{agreement.get_kind_display()} {agreement} ends"))
    for review in provider.reviews.newest().filter(next_due_on__gt=day_of(at)):
        said.append((review.next_due_on, f"{review.get_kind_display()} is due again ({review})"))
    for grant in provider.grants.filter(state=GrantState.ACTIVE, ends_on__gt=day_of(at)):
        said.append((grant.ends_on, f"grant {grant} ends"))
    for sub in provider.chain.filter(state__in=(ChainState.ANNOUNCED, ChainState.LEAVING)):
        said += [(sub.since_at.date(), f"{sub.legal_name} joins the chain ({sub})")] if sub.since_at > at else []
        said += [(sub.until_at.date(), f"{sub.legal_name} leaves the chain ({sub})")] if sub.until_at and sub.until_at > at else []
    if provider.owes_data:
        said.append((provider.data_due_on, "its data is to be confirmed as returned or destroyed"))
    return sorted(said)


def time_line(provider: Provider, at: datetime) -> SafeString:
    """What is ahead, then what happened, the newest first, from the ledger."""
    about = [provider.reference]
    for rows in (provider.agreements, provider.grants, provider.reviews, provider.chain):
        about += rows.order_by("-pk").values_list("reference", flat=True)[:200]
    past = [
        {"at": moment(event.at), "what": event.verb.replace(".", " ").replace("_", " "), "about": event.object, "by": event.actor}
        for event in Event.objects.filter(object__in=about).order_by("-pk")[:SHOWN]
    ]
    return render_to_string("providers/time_line.html", {"ahead": ahead(provider, at), "past": past, "shown": SHOWN})
