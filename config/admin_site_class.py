"""Our admin site: signed in through allauth, ordered by meaning, and the place where looks and exports are recorded.

It must never serve an admin class that isn't ours: third-party classes bring bulk deletion, whole-table counts and unmasked
columns, so they are left out when they register.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.audit.services import ledger
from apps.foundation import clock
from apps.foundation.admin import CovenantAdmin
from apps.staff import admin_login
from apps.staff.roles import Role
from config.dashboard import DASHBOARD_PANELS, panels_for

#: the order of the sections, by app label; their headings are the verbose names of the apps
SECTIONS = (
    "data_requests", "retention", "holds", "consents", "contacts", "communications", "providers", "gate", "accounts", "policies", "assurance", "audit",
    "backups", "staff", "mail",
)  # fmt: skip


class CovenantAdminSite(AdminSite):
    """Every page of the admin goes through here."""

    site_header = site_title = "Covenant"
    index_title = "Today"
    panels = DASHBOARD_PANELS
    site_url = "/"
    enable_nav_sidebar = True
    empty_value_display = "–"
    login = staticmethod(admin_login.login)
    logout = staticmethod(admin_login.logout)
    password_change = staticmethod(admin_login.password_change)

    def register(self, model_or_iterable: Any, admin_class: type | None = None, **options: Any) -> None:
        """Registers our own classes, refuses a stock class in our apps, leaves out those of third parties."""
        models = model_or_iterable if isinstance(model_or_iterable, list | tuple) else [model_or_iterable]
        if admin_class is not None and issubclass(admin_class, CovenantAdmin):
            super().register(models, admin_class, **options)
            return
        for model in models:
            if model.__module__.startswith("apps."):
                raise ImproperlyConfigured(f"{model.__name__} needs an admin class based on CovenantAdmin.")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Sections in the order of SECTIONS; within one, the order in which its admin classes are declared."""
        apps = self._build_app_dict(request, app_label)
        declared = {model._meta.object_name: position for position, model in enumerate(self._registry)}
        known = {label: position for position, label in enumerate(SECTIONS)}
        for app in apps.values():
            app["models"].sort(key=lambda model: declared[model["object_name"]])
        return sorted(apps.values(), key=lambda app: (known.get(app["app_label"], len(known)), app["app_label"]))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page knows: who is signed in with which roles, and whether this is the demo."""
        roles = [Role(role).label for role in getattr(request.user, "roles", ())]
        return super().each_context(request) | {
            "demo": settings.DEMO,
            "my_roles": ", ".join(roles) or "no role",
            "second_factor_missing": bool(getattr(request, "second_factor_missing", False)),
        }

    def index(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """The first page: the panels this person may see, and the way to everything else."""
        context = {
            **self.each_context(request),
            "title": self.index_title,
            "subtitle": None,
            "app_list": self.get_app_list(request),
            "panels": panels_for(request, clock.now(), self.panels),
            **(extra_context or {}),
        }
        request.current_app = self.name
        return TemplateResponse(request, self.index_template or "admin/index.html", context)

    def record_export(self, request: HttpRequest, admin: CovenantAdmin, count: int, filter_digest: str) -> None:
        """Called before the first line of an export leaves."""
        facts = {"model": admin.opts.label_lower, "rows": count, "filter": filter_digest}
        with transaction.atomic():
            ledger.record("export.made", by=request.user, about=admin.opts.label_lower, at=clock.now(), facts=facts)

    def record_reveal(self, request: HttpRequest, admin: CovenantAdmin, obj: Any, at: datetime) -> None:
        """Called before masks are lifted from a page."""
        with transaction.atomic():
            ledger.record("personal.revealed", by=request.user, about=str(obj), at=at, facts={"model": admin.opts.label_lower})
