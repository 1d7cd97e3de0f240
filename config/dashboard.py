"""The panels of the first page, in the order they stand there. A panel answers one question of somebody's working day.

A panel is shown to who has its permission. Its `build(request, at)` returns the context of its template and must be cheap: it
runs at every visit, so a handful of bounded queries and never a count over a whole table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from apps.foundation.refusals import Refusal
from config import archive_panel, gate_panel, panels


@dataclass(frozen=True)
class Panel:
    """One panel: its heading, who sees it (`app.codename`), what fills it, and whether it takes the whole width."""

    title: str
    permission: str
    build: Callable[[HttpRequest, datetime], dict[str, Any]]
    template: str
    wide: bool = False

    def render(self, request: HttpRequest, at: datetime) -> SafeString:
        """The panel's inside. What is refused is said in its place, so that one panel can't take the page from the others."""
        try:
            return render_to_string(self.template, {"panel": self, "at": at, **self.build(request, at)}, request)
        except Refusal as refusal:
            return render_to_string("admin/panel_refused.html", {"refusal": refusal}, request)


DASHBOARD_PANELS: tuple[Panel, ...] = (
    Panel("My work today", "staff.view_approval", panels.my_work, "admin/panels/my_work.html"),
    Panel("Late and blocked", "retention.view_cohort", panels.late_and_blocked, "admin/panels/late_and_blocked.html"),
    Panel("What ends by day", "retention.view_cohort", panels.chart, "admin/panels/chart.html", wide=True),
    Panel("What left", "gate.view_disclosure", gate_panel.left, "admin/panels/left.html", wide=True),
    Panel("Archives", "retention.view_archive", archive_panel.archives, "admin/panels/archives.html"),
    Panel("Due this week", "retention.view_cohort", panels.due, "admin/panels/due.html"),
    Panel("Done lately", "retention.view_certificate", panels.done, "admin/panels/done.html"),
    Panel("Promises", "assurance.view_promise", panels.promises, "admin/panels/promises.html"),
)


def panels_for(request: HttpRequest, at: datetime, shown: tuple[Panel, ...] = DASHBOARD_PANELS) -> list[dict[str, Any]]:
    """What the first page shows to this person."""
    return [
        {"title": panel.title, "wide": panel.wide, "content": panel.render(request, at)}
        for panel in shown
        if request.user.has_perm(panel.permission)
    ]
