"""A visit to one's own preference page, and the page itself. Every app that has a section there answers through here.

There is no cookie and no session. Whoever comes in by a link carries a token in a hidden field of every form, and that token is
all that says who it is: 32 random bytes that no other site can know or send along. So there is nothing for a forged request to
ride on, and views that are opened by `door` need no token against forgery beside it (`csrf_exempt`).

A section of another app is a function `section(person, *, at) -> Section | None`, named in `settings.PREFERENCE_SECTIONS`. Its template
gets its own context and `visit`, and includes "consents/visit_field.html" in each of its forms, which post to that app's own address
below /preferences/; the view behind it is written as

    @visits.door
    def remove(request, visit, *, at) -> str: ...        # the sentence that stands on top of the page then; or an answer of its own

It must never tell one visitor anything of another person, put a token into an address, or let a page about somebody be kept by a cache.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt

from apps.accounts.models import Person
from apps.consents import preferences
from apps.consents.models.links import Visit
from apps.consents.services import browsers, links
from apps.consents.services.links import VisitOver
from apps.foundation import clock
from apps.foundation.refusals import Refusal

__all__ = ("Section", "Visit", "VisitOver", "door", "over", "page", "private", "visitor")


@dataclass
class Section:
    """A part of the page that another app fills. `anchor` names it in the table of contents, in plain letters."""

    title: str
    template: str
    context: dict = field(default_factory=dict)
    anchor: str = ""


def visitor(request: HttpRequest, *, at: datetime) -> Visit:
    """Whose visit this is, by the hidden field `visit`; what their browser signals is written down. Raises VisitOver."""
    visit = links.visit_of(request.POST.get("visit", ""), at=at)
    browsers.note(person=visit.person, signals=browsers.read(request.headers), at=at)
    return visit


def page(
    request: HttpRequest, visit: Visit, *, at: datetime, said: str = "", refused: Refusal | None = None, status: int = 200
) -> HttpResponse:  # fmt: skip
    """The preference page as it is now, with a sentence on top: what was done, or what was refused and what mends it."""
    context = preferences.read(visit, at=at) | {
        "visit": visit, "said": said, "refused": refused, "sections": _filled(request, visit, at=at),
        "signalled": browsers.told(person=visit.person, signals=browsers.read(request.headers), at=at),
    }  # fmt: skip
    return private(render(request, "consents/page.html", context, status=status))


def sections(person: Person, *, at: datetime) -> list[Section]:
    """What other apps show this person, in the order of the setting."""
    found = (import_string(name)(person, at=at) for name in settings.PREFERENCE_SECTIONS)
    return [section for section in found if section is not None]


def _filled(request: HttpRequest, visit: Visit, *, at: datetime) -> list[dict]:
    """Each section as the page shows it."""
    return [
        {"title": section.title, "anchor": section.anchor, "html": render_to_string(section.template, {**section.context, "visit": visit}, request)}
        for section in sections(visit.person, at=at)
    ]


def over(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The page of a link or a visit that opens nothing any more."""
    return private(render(request, "consents/over.html", {"refused": refusal}, status=410))


def private(response: HttpResponse) -> HttpResponse:
    """No cache keeps it, no other address hears where it was, no search engine lists it."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def door(view: Callable[..., str | HttpResponse]) -> Callable[..., HttpResponse]:
    """Opens a view to whoever carries a visit's token; answers with the page, and with what was refused on top of it."""

    @csrf_exempt
    @wraps(view)
    def opened(request: HttpRequest, *args, **named) -> HttpResponse:
        if request.method != "POST":
            return redirect("consents:ask")  # somebody typed or reloaded the address: without a token there is nothing to show
        at = clock.now()
        try:
            visit = visitor(request, at=at)
        except VisitOver as refusal:
            return over(request, refusal)
        try:
            answer = view(request, visit, *args, at=at, **named)
        except Refusal as refusal:
            return page(request, visit, at=at, refused=refusal, status=409)
        return private(answer) if isinstance(answer, HttpResponse) else page(request, visit, at=at, said=answer)

    return opened
