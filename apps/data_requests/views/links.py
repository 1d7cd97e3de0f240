"""What links in mails open: a page with a button, and what the button does. The token in the address is all that it takes.

| address | the button |
|---|---|
| `/requests/prove/…` | shows that a contact on file is yours |
| `/requests/confirm/…` | says whether an agent may ask for you |
| `/requests/call-back/…` | calls back what was announced |

A GET changes nothing, so that what reads mail ahead of its person spends no link. A link over, one of another purpose and one that never was
get the same answer. It must never show anything of a person, nor let an address with a token in it be kept or told on.
"""

from collections.abc import Callable
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.consents.visits import private
from apps.data_requests.models import DataRequest
from apps.data_requests.services import agents, calling_back, links, proving
from apps.data_requests.services.links import LinkOver
from apps.data_requests.states import Kind, LinkPurpose
from apps.foundation import clock
from apps.foundation.refusals import Refusal


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def prove(request: HttpRequest, token: str) -> HttpResponse:
    """That a contact on file is theirs."""
    return _link(request, token, LinkPurpose.PROVE, "data_requests/prove.html", proving.prove)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Whether an agent may ask for them."""
    verb = agents.disown if request.POST.get("answer") == "no" else agents.confirm
    return _link(request, token, LinkPurpose.CONFIRM_AGENT, "data_requests/confirm.html", verb, agent=agents.agent_of)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def call_back(request: HttpRequest, token: str) -> HttpResponse:
    """Call back what was announced."""
    return _link(request, token, LinkPurpose.CALL_BACK, "data_requests/call_back.html", calling_back.call_back)


def _link(
    request: HttpRequest, token: str, purpose: str, template: str, verb: Callable[..., DataRequest], *, agent: Callable[..., str | None] | None = None
) -> HttpResponse:
    at = clock.now()
    if request.method == "POST":
        try:
            done = verb(token, at=at)
        except Refusal as refusal:
            return _over(request, refusal)
        return _page(request, template, {"done": done, "kind": Kind(done.kind).label})
    link = links.find(token, purpose=purpose, at=at)
    if link is None:
        return _over(request, LinkOver())
    return _page(request, template, {"kind": Kind(link.request.kind).label, "until": link.expires_at} | _agent(agent, token, at))


def _agent(agent: Callable[..., str | None] | None, token: str, at: datetime) -> dict:
    return {} if agent is None else {"agent": agent(token, at=at)}


def _over(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return _page(request, "data_requests/over.html", {"refused": refusal}, status=410)


def _page(request: HttpRequest, template: str, context: dict, *, status: int = 200) -> HttpResponse:
    return private(render(request, template, context, status=status))
