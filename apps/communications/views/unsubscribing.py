"""Where one click ends announcements. The token in the address is all that it takes: no login, no cookie, no question.

| who asks | what it gets |
|---|---|
| a mail program, by POST with `List-Unsubscribe=One-Click` (RFC 8058 §3.2) | 200 and one line; it shows no page |
| a person, by GET | a page with one button: a program that only looks at links withdraws nothing |
| the button, by POST | the page that says that it is done |

There is no CSRF token: whoever knows the address may do this and nothing else. The address must not be told on: no referrer, no cache,
and logs know the route only. It must never say whose link it is.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.communications.services.announcements import unsubscribing
from apps.foundation import clock

ONE_CLICK = ("List-Unsubscribe", "One-Click")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """The button, and what it does."""
    if request.method != "POST":
        delivery = unsubscribing.delivery_of(token)
        return _page(request, delivery, "ask" if delivery else "unknown", status=200 if delivery else 404)
    delivery = unsubscribing.unsubscribe(token=token, at=clock.now())
    status = 200 if delivery else 404
    if request.POST.get(ONE_CLICK[0]) == ONE_CLICK[1]:
        said = "Unsubscribed.\n" if delivery else "There is no such link.\n"
        return _shown_to_nobody(HttpResponse(said, content_type="text/plain", status=status))
    return _page(request, delivery, "done" if delivery else "unknown", status=status)


def _page(request: HttpRequest, delivery, step: str, *, status: int) -> HttpResponse:
    channel = delivery.purpose.get_channel_display() if delivery else ""
    return _shown_to_nobody(render(request, "communications/unsubscribe.html", {"step": step, "channel": channel}, status=status))


def _shown_to_nobody(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
