"""The form by which anybody writes to us, and the page that says what happens next.

No cookie is set, so there is no CSRF token: a forged post could do nothing that its sender can't do themself, and the signed, dated token
of the form keeps out posts that never saw our page. A hidden field and a shortest time stand in the place of a captcha, which would hand
who writes to a third party. It must never tell whether an address is known here.
"""

from allauth.core.internal import ratelimit
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.communications.forms import ContactForm, FormNotOurs, TooFast, new_token, reference_in
from apps.communications.models import inquiry_reference
from apps.communications.services.inquiries import opening
from apps.foundation import clock
from apps.foundation.refusals import Refusal

TOO_MANY = "Too many messages came from your network within the last hour. Please try again later, or write an e-mail."


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: HttpRequest) -> HttpResponse:
    """The form; sent, the page with the reference."""
    at = clock.now()
    if request.method != "POST":
        return _page(request, ContactForm(label_suffix=""), new_token(at))
    form = ContactForm(request.POST, label_suffix="")
    if request.POST.get("website"):
        return _thanks(request, inquiry_reference())  # a machine learns nothing from the answer, and nothing is kept
    token = request.POST.get("token", "")
    try:
        if not form.is_valid():
            return _page(request, form, token, status=422)
        reference = reference_in(token, at=at)
        if not ratelimit.consume(request, app="allauth.account", action="contact", config={"contact": settings.INQUIRY_FORM_RATE}):
            return _page(request, form, token, problem=TOO_MANY, status=429)
        typed = {name: form.cleaned_data[name] for name in ("email", "topic", "subject", "text")}
        inquiry = opening.from_form(reference=reference, **typed, at=at)
    except (FormNotOurs, TooFast) as refusal:
        return _page(request, form, new_token(at) if isinstance(refusal, FormNotOurs) else token, refusal=refusal, status=409)
    except Refusal as refusal:
        return _page(request, form, new_token(at), refusal=refusal, status=409)
    return _thanks(request, inquiry.reference)


def _page(request: HttpRequest, form: ContactForm, token: str, *, refusal: Refusal | None = None, problem: str = "", status: int = 200) -> HttpResponse:
    said = problem or (f"{refusal.what} {refusal.mend}" if refusal else "")
    context = {"form": form, "token": token, "address": settings.DEFAULT_FROM_EMAIL, "problem": said}
    return _never_kept(render(request, "communications/contact.html", context, status=status))


def _thanks(request: HttpRequest, reference: str) -> HttpResponse:
    context = {"reference": reference, "keep_months": settings.INQUIRY_KEEP_MONTHS}
    return _never_kept(render(request, "communications/contact_received.html", context, status=201))


def _never_kept(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    return response
