"""The preference page: a link by e-mail, a button, and then each consent with one click to give it, refuse it or take it back.

| address | what it does |
|---|---|
| `/preferences/` | takes an address down and answers the same for every one |
| `/preferences/open/…` | GET shows a button and changes nothing, so that a scanner of mail opens nothing; POST spends the link |
| all others | by the token of the visit in a hidden field (`visits.door`), POST only |

No cookie, no session, no script. It must never say whether an address is known, or put a token anywhere but into its own page.
"""

import json
from datetime import datetime

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import salted_hmac
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts import details
from apps.consents import preferences, visits
from apps.consents.doors import new_token
from apps.consents.heeding import Signal
from apps.consents.models import ConsentEvent
from apps.consents.preferences import AnswerUnknown
from apps.consents.public_forms import AddressForm
from apps.consents.services import browsers, giving, links, receipts, withdrawing
from apps.consents.states import How
from apps.foundation import clock
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal

WHERE = "preferences"


class AskedTooOften(Refusal):
    """So many links were asked for from here, or for this address, that no more are sent now."""

    code = "asked_too_often"
    mend = "Wait an hour, then ask again. A link that was sent already works until its time is over."


@csrf_exempt  # no session and no cookie: all that a forged request could do is ask for a mail to its owner, which is limited
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Asks for an e-mail address. What follows is the same for every address."""
    if request.method != "POST":
        return visits.private(render(request, "consents/ask.html", {"form": AddressForm()}))
    form, refusal, status = AddressForm(request.POST), None, 422
    if form.is_valid():
        address = form.cleaned_data["email"]
        try:
            _require_seldom(request, address)
            links.ask(address=address, at=clock.now())
        except Refusal as said:
            refusal, status = said, 429 if isinstance(said, AskedTooOften) else 422
        else:
            response = redirect("consents:sent")
            response.status_code = 303
            return visits.private(response)
    return visits.private(render(request, "consents/ask.html", {"form": form, "refused": refusal}, status=status))


def _require_seldom(request: HttpRequest, address: str) -> None:
    """Limits by where it comes from and by what was typed, known or not. In the cache the address is a keyed digest."""
    key = salted_hmac("consents.asked", details.normalise_email(address), algorithm="sha256").hexdigest()
    if not ratelimit.consume(request, action="preference_link", key=key):
        raise AskedTooOften


@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    return visits.private(render(request, "consents/sent.html"))


@csrf_exempt  # the link's token is the guard: who does not have it can't send it along
@require_http_methods(["GET", "HEAD", "POST"])
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """A button; behind it, the page. The page with the button chooses the visit's token, so that two clicks are one."""
    at = clock.now()
    if request.method != "POST":
        if not links.opens(token, at=at):
            return visits.over(request, links.LinkOver())
        return visits.private(render(request, "consents/open.html", {"visit_token": new_token()}))
    try:
        visit = links.spend(token=token, visit=request.POST.get("visit", ""), at=at)
    except links.LinkOver as refusal:
        return visits.over(request, refusal)
    browsers.note(person=visit.person, signals=browsers.read(request.headers), at=at)
    return visits.page(request, visit, at=at)


@visits.door
def show(_request: HttpRequest, _visit: visits.Visit, *, at: datetime) -> str:
    """The page anew."""
    return ""


@visits.door
def say(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> str:
    """Yes, no, or no longer, to one purpose by the text that was on the page."""
    shown = preferences.read_shown(request.POST.get("note", ""), visit=visit)
    common = {
        "person": visit.person, "purpose": shown.purpose, "how": How.PREFERENCE_PAGE, "where": WHERE,
        "by": Actor("person", visit.person.reference), "at": at,
    }  # fmt: skip
    text = {"text": shown.text, "shown": shown.digest, "shown_at": shown.at}
    match request.POST.get("answer"):
        case "give":
            event = giving.give(**common, **text)
            return f"You allow it from now on: {event.purpose.title}. You can take that back here at any time."
        case "refuse":
            event = giving.refuse(**common, **text)
            return f"You said no: {event.purpose.title}. Nothing is collected for it, and we do not ask you again before a year is over."
        case "withdraw":
            event = withdrawing.withdraw(**common)
            if event is None:
                return "You had taken that back already. Nothing else was changed."
            return f"You took it back: {event.purpose.title}. Its use has stopped, and what was collected for it is erased{_kept(event)}."
    raise AnswerUnknown


def _kept(event: ConsentEvent) -> str:
    """What is not erased yet is said too."""
    if not event.erasures.filter(kept_for_hold__gt=0).exists():
        return ""
    return ", except for what the law makes us keep for now: it lies apart, nobody uses it, and it is erased once we may"


@visits.door
def receipt(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> HttpResponse:
    """The signed receipt of one thing that this visitor said, as a file."""
    event = preferences.event_of(visit, request.POST.get("reference", ""))
    response = HttpResponse(receipts.receipt(event), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="consent-receipt-{event.reference}.json"'
    return response


@visits.door
def leave(request: HttpRequest, visit: visits.Visit, *, at: datetime) -> HttpResponse:
    """Ends the visit; what is still open in another tab shows nothing any more."""
    links.leave(visit=visit, at=at)
    return render(request, "consents/left.html")


@require_safe
def gpc_support(_request: HttpRequest) -> HttpResponse:
    """Whether Global Privacy Control is honoured, where its specification has browsers look (/.well-known/gpc.json)."""
    at = clock.now()
    switch = browsers.switch_in_force(at)
    said = {"gpc": browsers.is_honoured(Signal.GPC, at=at)}
    if switch is not None:
        said["lastUpdate"] = switch.from_at.date().isoformat()
    response = HttpResponse(json.dumps(said), content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    return response
