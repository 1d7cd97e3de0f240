"""The page that says what would be destroyed now, beside the list of cohorts. It changes nothing and shows references only."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse

from apps.foundation import clock
from apps.retention.services import dry_run
from apps.retention.states import AsideGround, DestructionScope

PERMISSION = "retention.view_destruction"
#: lines shown; the command `destroy_dry_run --json` says all of them
SHOWN = 500


class DryRunPage:
    """Gives a ModelAdmin the page `would-be-destroyed/` and a button that leads to it."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.would_be_destroyed)
        return [path("would-be-destroyed/", view, name="retention_would_be_destroyed"), *super().get_urls()]

    def act_buttons(self, request: HttpRequest, obj: Any | None) -> list[dict[str, Any]]:
        buttons = super().act_buttons(request, obj)
        if obj is None and request.user.has_perm(PERMISSION):
            url = reverse("admin:retention_would_be_destroyed")
            buttons.append({"label": "What would be destroyed now", "url": url, "danger": False, "name": "would_be_destroyed"})
        return buttons

    def would_be_destroyed(self, request: HttpRequest) -> HttpResponse:
        """Ask the destruction's own functions, and show by cohort what goes and what is kept, and why."""
        if not request.user.has_perm(PERMISSION) or not self.has_view_permission(request):
            raise PermissionDenied
        found = dry_run.look(at=clock.now())
        scopes, grounds = dict(DestructionScope.choices), dict(AsideGround.choices)
        lines = [
            {
                "line": line, "scope": scopes[line.scope],
                "kept": [(grounds[ground], count) for ground, count in line.kept.items()],
            }
            for line in found.lines[:SHOWN]
        ]  # fmt: skip
        context = {
            **self.admin_site.each_context(request), "title": "What would be destroyed now", "opts": self.opts, "found": found,
            "lines": lines, "stopped": [{"one": one, "scope": scopes[one.scope]} for one in found.stopped],
            "kept": [(grounds[ground], count) for ground, count in sorted(found.kept.items())], "more": max(0, len(found.lines) - SHOWN),
        }  # fmt: skip
        return TemplateResponse(request, "retention/would_be_destroyed.html", context)
