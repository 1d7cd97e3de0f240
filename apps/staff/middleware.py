"""Staff need a second factor: without one only the pages that set it up, the password and signing out can be reached.

Allauth asks for a second factor where there is one, but has no switch to require one. In the demo nobody is forced;
there the pages show a banner (`request.second_factor_missing`). It must never let a page through on what a session
says: the factor is looked up at each request, so that removing it counts at once.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from apps.foundation.refusals import Refusal
from apps.staff.services import second_factor

#: what can be reached without a second factor: names of addresses in urls.py
OPEN = frozenset({
    "account_login", "account_logout", "account_inactive", "account_reauthenticate",
    "account_change_password", "account_set_password",
    "account_reset_password", "account_reset_password_done",
    "account_reset_password_from_key", "account_reset_password_from_key_done",
    "mfa_index", "mfa_authenticate", "mfa_reauthenticate",
    "mfa_activate_totp", "mfa_deactivate_totp",
    "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes",
    "mfa_list_webauthn", "mfa_add_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn",
    "mfa_login_webauthn", "mfa_reauthenticate_webauthn",
    "admin:logout", "admin:password_change",
})  # fmt: skip


def is_missing(request: HttpRequest) -> bool:
    """Whether somebody is signed in who has no second factor."""
    return request.user.is_authenticated and not second_factor.is_set_up(request.user)


class SecondFactorMiddleware:
    """Sends staff without a second factor to set one up, and words what went wrong on the sign-in pages."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.second_factor_missing = SimpleLazyObject(lambda: is_missing(request))
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view, args, kwargs) -> HttpResponse | None:
        if not settings.SECOND_FACTOR_REQUIRED or request.resolver_match.view_name in OPEN:
            return None
        return HttpResponseRedirect(reverse("mfa_index")) if request.second_factor_missing else None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Refusal) or request.resolver_match.view_name not in OPEN:
            return None
        return render(request, "staff/refused.html", {"refusal": error}, status=409)
