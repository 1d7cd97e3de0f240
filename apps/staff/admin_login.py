"""The doors of the admin site are allauth's: one sign-in, with throttle and second factor, and no way round it.

The admin site calls these in place of its own `login`, `logout` and `password_change`.
"""

from allauth.account import views
from allauth.account.decorators import secure_admin_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache


@never_cache
@secure_admin_login
def login(request: HttpRequest, extra_context=None) -> HttpResponse:
    """Sends who isn't signed in to the sign-in page, and who is to the first page."""
    return HttpResponseRedirect(reverse("admin:index"))


@never_cache
def logout(request: HttpRequest, extra_context=None) -> HttpResponse:
    """Signs out on POST, the site's own button; a plain visit is asked first."""
    return views.logout(request)


@never_cache
def password_change(request: HttpRequest, extra_context=None) -> HttpResponse:
    """Sends to the page where a member changes their password."""
    return HttpResponseRedirect(reverse("account_change_password"))
