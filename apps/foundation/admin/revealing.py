"""Lifting the masks of one thing, for a short time, recorded before anything is shown.

A class that names `reveal_permission` gets a button on its change page. POST records the look, then opens the page unmasked, and
for who may change it editable, for MINUTES. The session keeps which page is open and until when, and nothing of what it shows.
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import path, reverse

from apps.foundation import clock
from apps.foundation.refusals import Refusal

IN_SESSION = "revealed"
MINUTES = 15
MINUTES_TO_SAVE = 60  # what was typed into an open page isn't lost because its time to look is over


class HiddenAgain(Refusal):
    """The personal fields were hidden again before you saved, so nothing was changed."""

    code = "hidden_again"
    mend = "Show the personal fields once more, then make the change."


class RevealMixin:
    """The reveal button, its route, and whether a page is open."""

    reveal_permission: str = ""

    def reveal_urls(self) -> list:
        if not self.reveal_permission:
            return []
        name = f"{self.opts.app_label}_{self.opts.model_name}_reveal"
        return [path("<path:object_id>/reveal/", self.admin_site.admin_view(self.reveal_view), name=name)]

    def may_reveal(self, request: HttpRequest) -> bool:
        return bool(self.reveal_permission) and request.user.has_perm(self.reveal_permission)

    def reveal_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """POST only: records the look and opens the page."""
        if not self.may_reveal(request) or not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        at = clock.now()
        try:
            self.record_reveal(request, obj, at)
        except Refusal as refusal:
            messages.error(request, f"{refusal.what} {refusal.mend}")
        else:
            request.session[IN_SESSION] = self._open_pages(request, at) | {self._page_key(obj): at.isoformat()}
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return HttpResponseRedirect(reverse(name, args=(quote(obj.pk),)))

    def record_reveal(self, request: HttpRequest, obj: Any, at: datetime) -> None:
        """Record who looks at what; the site writes it to the ledger. Without a record nothing is shown."""
        self.admin_site.record_reveal(request, self, obj, at)

    def revealed_until(self, request: HttpRequest, obj: Any) -> datetime | None:
        """Until when this page shows personal fields unmasked; None while they are masked."""
        if obj is None or obj.pk is None or not self.may_reveal(request):
            return None
        opened = request.session.get(IN_SESSION, {}).get(self._page_key(obj))
        if not opened:
            return None
        minutes = MINUTES_TO_SAVE if request.method == "POST" else MINUTES
        until = datetime.fromisoformat(opened) + timedelta(minutes=minutes)
        return until if until > clock.now() else None

    def _page_key(self, obj: Any) -> str:
        return f"{self.opts.label_lower}:{obj.pk}"

    @staticmethod
    def _open_pages(request: HttpRequest, at: datetime) -> dict[str, str]:
        oldest = (at - timedelta(minutes=MINUTES_TO_SAVE)).isoformat()
        return {page: opened for page, opened in request.session.get(IN_SESSION, {}).items() if opened > oldest}
