"""The form by which anybody asks about their data, and the one page that follows it.

Whatever was typed, and whoever is known: one row is written, sealed, and the answer is a redirect to a page that never changes. Who is known is
looked up by the worker, later. There is no limit and no “too many requests”: a flood waits in the table, and only mails are held back.

No cookie, no session, no script, and no token against forgery: a forged post could do nothing that its sender can't do themself.
"""

from allauth.core.internal import httpkit
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from apps.consents.visits import private
from apps.data_requests.public_forms import FOR_OTHERS, RequestForm
from apps.data_requests.services import arriving, flooding
from apps.data_requests.states import Channel
from apps.foundation import clock
from apps.foundation.uploading import into_memory


@into_memory(lambda: settings.REQUEST_DOCUMENT_BYTES)
@csrf_exempt  # no cookie and no session: a forged post could do nothing that its sender can't do themself
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """The form; sent, the same redirect for everybody."""
    if request.method != "POST":
        return _page(request, RequestForm())
    form = RequestForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    asked = form.asked()
    writer = asked.agent_email if asked.asker in FOR_OTHERS else asked.email
    arriving.arrive(channel=Channel.FORM, asked=asked, from_address=writer, prefix=_prefix(request, form), at=clock.now())
    return private(HttpResponse(status=303, headers={"Location": reverse("data_requests:received")}))


@require_safe
def received(request: HttpRequest) -> HttpResponse:
    """What happens next; the same page for everybody, always."""
    return private(render(request, "data_requests/received.html"))


def _page(request: HttpRequest, form: RequestForm, *, status: int = 200) -> HttpResponse:
    return private(render(request, "data_requests/ask.html", {"form": form}, status=status))


def _prefix(request: HttpRequest, form: RequestForm) -> str:
    """The network that it came from. What fills in the trap counts as one network of its own."""
    return flooding.TRAP if form.cleaned_data["website"] else flooding.prefix_of(httpkit.get_client_ip(request) or "")
