"""Versions of the policy as staff see them: write a draft, preview it, ask, and have a second person publish it.

A published version is for reading only, here as in the database. The services decide; nothing is decided here.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join

from apps.audit.history import ScopedHistoryAdmin
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, CovenantStackedInline
from apps.foundation.promises import PROMISES
from apps.policies import changes
from apps.policies.forms import ClauseForm, ClauseFormSet, DraftForm
from apps.policies.models import Clause, PolicyVersion
from apps.policies.services import publication
from apps.policies.states import State
from apps.policies.views import read_version


def _version_before(version: PolicyVersion) -> PolicyVersion | None:
    return PolicyVersion.objects.published().filter(number__lt=version.number).order_by("-number").first()


def what_drafting_does(_nothing: None) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        "A draft is made with the words and clauses of the version in force. Nobody outside sees it.",
        "There is one draft at a time. It is yours and your colleagues' to change until it is published.",
    ]


def draft(request: HttpRequest, _nothing: None, form: forms.Form | None) -> HttpResponse:
    at = clock.now()
    previous = PolicyVersion.objects.in_force(at).first()
    version = publication.draft_from(previous=previous, by=request.user, at=at)
    messages.success(request, f"The draft of version {version.number} is made.")
    return HttpResponseRedirect(reverse("admin:policies_policyversion_change", args=[version.pk]))


def what_asking_does(version: PolicyVersion) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        "Somebody else with the right to publish reads the draft and decides. You can't approve it yourself.",
        "The request is for exactly the text as it is now. If anybody changes the draft, it has to be asked for again.",
        *_missing(version),
    ]


def what_publishing_does(version: PolicyVersion) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    approval = publication.open_approval(version)
    asked = f"{approval.asked_by} asked for it on {approval.asked_at:%Y-%m-%d at %H:%M} UTC." if approval else ""
    return [
        f"Version {version.number} is posted on the public page and is in force at once, from the moment you confirm.",
        "What is collected from then on falls under it. What was collected before stays under the version of that time.",
        "It can't be changed, taken back or removed afterwards. Only a newer version can follow it.",
        *([asked] if asked else []),
        *_missing(version),
    ]


def _missing(version: PolicyVersion) -> list[str]:
    missing = publication.promises_missing(version)
    return [f"No clause makes these promises: {', '.join(missing)}."] if missing else []


def ask(request: HttpRequest, version: PolicyVersion, form: forms.Form | None) -> str:
    approval = publication.ask(version=version, by=request.user, at=clock.now())
    return f"Publication is asked for: {approval}."


def publish(request: HttpRequest, version: PolicyVersion, form: forms.Form | None) -> str:
    publication.publish(version=version, by=request.user, at=clock.now())
    return f"Version {version.number} is published and in force."


def can_be_asked_for(version: PolicyVersion) -> bool:
    return not version.is_published and not publication.is_asked_for(version)


def waits_for_approval(version: PolicyVersion) -> bool:
    return not version.is_published and publication.is_asked_for(version)


def promises_and_codes() -> str:
    """Every promise with its code, for who writes a clause."""
    return format_html("<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", PROMISES.items()))


class ClauseInline(CovenantStackedInline):
    model = Clause
    form = ClauseForm
    formset = ClauseFormSet
    fields = ("position", "code", "heading", "text", "promises")
    deletable = True

    def _is_open(self, obj: PolicyVersion | None) -> bool:
        return obj is not None and not obj.is_published

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_open(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_open(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_open(obj) and super().has_delete_permission(request, obj)


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ScopedHistoryAdmin, CovenantAdmin):
    form = DraftForm
    list_display = ("number", "title", "state", "revised_on", "published_at", "published_by")
    list_filter = ("state",)
    search_fields = ("=number", "title")
    search_help_text = "By number, or by a part of the title."
    chips = {"state": {State.DRAFT: "wait", State.PUBLISHED: "ok"}}
    fieldsets = (
        (None, {"fields": ("number", "state", "revised_on", "published_at", "published_by", "digest")}),
        ("The promises and their codes", {"fields": (), "classes": ("collapse",), "description": promises_and_codes()}),
        ("Words before the first clause", {"fields": ("title", "introduction")}),
    )
    readonly_fields = ("number", "state", "revised_on", "published_at", "published_by", "digest")
    inlines = (ClauseInline,)
    act_confirm_template = "policies/act_confirm.html"
    empty_note = "There is no version of the policy yet. Make a draft, ask for its publication, and have it approved."
    acts = (
        Act(
            "draft", "Make a draft", "policies.add_policyversion",
            explain=what_drafting_does, run=draft, danger=False, on_list=True,
        ),
        Act(
            "ask", "Ask for publication", "policies.change_policyversion",
            explain=what_asking_does, run=ask, danger=False, applies=can_be_asked_for,
        ),
        Act(
            "publish", "Approve and publish", "policies.publish_policyversion",
            explain=what_publishing_does, run=publish, applies=waits_for_approval,
        ),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only by the act: a draft starts from the version in force."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: PolicyVersion | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or not obj.is_published)

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.preview_view)
        return [path("<int:object_id>/preview/", view, name="policies_policyversion_preview"), *super().get_urls()]

    def act_buttons(self, request: HttpRequest, obj: PolicyVersion | None) -> list[dict[str, Any]]:
        buttons = super().act_buttons(request, obj)
        if obj is None:
            return buttons
        url = reverse("admin:policies_policyversion_preview", args=[obj.pk])
        if obj.is_published:
            url = reverse("policies:version", args=[obj.number])
        label = "Read it as the public does" if obj.is_published else "Preview"
        return [{"label": label, "url": url, "danger": False, "name": "preview"}, *buttons]

    def preview_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """A draft as its readers will see it, and what it changes."""
        version = self.get_queryset(request).filter(pk=object_id).first()
        if version is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(object_id))
        if not self.has_view_permission(request, version):
            raise PermissionDenied
        if version.is_published:
            return HttpResponseRedirect(reverse("policies:version", args=[version.number]))
        context = read_version(version) | self._changes(version)
        return TemplateResponse(request, "policies/preview.html", context)

    def _changes(self, version: PolicyVersion) -> dict[str, Any]:
        before = _version_before(version)
        return {"before": before, "changes": changes.between(before, version) if before else None}

    def _act_context(self, request: HttpRequest, act: Act, obj: Any, title: str) -> dict[str, Any]:
        context = super()._act_context(request, act, obj, title)
        return context | self._changes(obj) if obj is not None else context

    def save_model(self, request: HttpRequest, obj: PolicyVersion, form: forms.ModelForm, change: bool) -> None:
        """Together with the clauses, see save_related."""

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Sequence[Any], change: bool) -> None:
        super().save_related(request, form, formsets, change)
        publication.reword(version=form.instance, **form.cleaned_data, by=request.user, at=clock.now())
