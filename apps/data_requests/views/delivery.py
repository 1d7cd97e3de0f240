"""Fetching what was asked for: two pages, each with a button.

| address | the button |
|---|---|
| `/requests/ready/…` | sends a fresh link to the contact on file; this one lives as long as the package |
| `/requests/fetch/…` | hands the package over, once |

A GET changes nothing. A link over, a package gone and a link that never was get the same answer. It must never name anybody, say what is in a package,
or hand over a byte before the gate has recorded it.
"""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.consents.visits import private
from apps.data_requests.services.links import LinkOver
from apps.data_requests.services.packages import delivering
from apps.foundation import clock
from apps.foundation.refusals import Refusal
from apps.gate.services.deciding import Refused


class NotNow(Refusal):
    """It can't be handed over."""

    code = "not_handed_over"
    mend = "Write to us, by the contact in the privacy policy, and name the reference of your request. Your link still works once it is mended."


@csrf_exempt  # the link's token is the guard: who does not have it can't send it along
@require_http_methods(["GET", "HEAD", "POST"])
def ready(request: HttpRequest, token: str) -> HttpResponse:
    """That it waits; and a button that has the mailbox proven anew."""
    at = clock.now()
    if request.method == "POST":
        try:
            package = delivering.ask_anew(token, at=at)
        except LinkOver as refusal:
            return _over(request, refusal)
        return _page(request, "data_requests/ready.html", {"package": package, "sent": True})
    package = delivering.find(token, at=at)
    return _over(request, LinkOver()) if package is None else _page(request, "data_requests/ready.html", {"package": package})


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def fetch(request: HttpRequest, token: str) -> HttpResponse | StreamingHttpResponse:
    """The package, once."""
    at = clock.now()
    if request.method != "POST":
        package = delivering.find_fresh(token, at=at)
        return _over(request, LinkOver()) if package is None else _page(request, "data_requests/fetch.html", {"package": package})
    try:
        handing = delivering.begin(token, at=at)
    except LinkOver as refusal:
        return _over(request, refusal)
    except Refused:  # its reasons stand in the gate's own record, for staff
        return _over(request, NotNow(), status=409)
    except Refusal as refusal:
        return _over(request, refusal, status=409)
    response = StreamingHttpResponse(delivering.stream(handing), content_type="application/zip")
    response.headers["Content-Length"] = str(handing.size)
    response.headers["Content-Disposition"] = f'attachment; filename="{handing.name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return private(response)


def _over(request: HttpRequest, refusal: Refusal, *, status: int = 410) -> HttpResponse:
    return _page(request, "data_requests/over.html", {"refused": refusal}, status=status)


def _page(request: HttpRequest, template: str, context: dict, *, status: int = 200) -> HttpResponse:
    return private(render(request, template, context, status=status))
