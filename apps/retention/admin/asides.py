"""What stands aside, with reason and age; what a matter's holds keep; and the export of a matter for counsel."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip, number
from apps.foundation.refusals import Refusal
from apps.holds.models import Hold, Matter
from apps.holds.services import asking
from apps.retention.models import AsideBundle, AsideMessage, MatterExport
from apps.retention.services import coverage, matter_exports
from apps.retention.states import AsideGround, RequestState

GROUND_TONES = {AsideGround.HOLD: "wait", AsideGround.ARCHIVE: "warn", AsideGround.REVIEW: "warn"}
REQUEST_TONES = {
    RequestState.PROPOSED: "wait", RequestState.APPROVED: "ok", RequestState.REJECTED: "plain", RequestState.DONE: "plain",
}  # fmt: skip


class StandingFilter(admin.SimpleListFilter):
    """Whether a bundle is still there."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("there", "still there"), ("ended", "ended")]

    def queryset(self, request: HttpRequest, queryset):
        if self.value() is None:
            return queryset
        return queryset.filter(destroyed_at__isnull=self.value() == "there")


@admin.register(AsideBundle)
class AsideBundleAdmin(CovenantAdmin):
    list_display = ("cohort", "ground", "matter", "opened_at", "age", "destroyed_at")
    list_display_links = ("opened_at",)
    list_filter = (StandingFilter, "ground", "matter")
    list_select_related = ("cohort", "matter")
    search_fields = ("=secret", "=cohort__reference", "=matter__reference", "=cohort__organization__reference")
    chips = {"ground": GROUND_TONES}
    fields = ("cohort", "ground", "matter", "opened_at", "age", "messages", "secret", "destroyed_at")
    readonly_fields = ("age", "messages")
    empty_note = "Nothing stands aside: what expired was destroyed. What a hold, an archive or a review keeps is listed here."

    @admin.display(description="since")
    def age(self, bundle: AsideBundle) -> str:
        if bundle.destroyed_at:
            return "ended"
        days = (clock.now() - bundle.opened_at).days
        return "today" if days < 1 else f"{days:,} day{'s' if days != 1 else ''}"

    @admin.display(description="messages")
    def messages(self, bundle: AsideBundle) -> str:
        return number(AsideMessage.objects.filter(bundle=bundle).count())

    def get_urls(self) -> list:
        view = self.admin_site.admin_view
        return [
            path("matter/<int:pk>/", view(self.matter_coverage), name="retention_matter_coverage"),
            path("hold/<int:pk>/", view(self.hold_coverage), name="retention_hold_coverage"),
            *super().get_urls(),
        ]

    def matter_coverage(self, request: HttpRequest, pk: int) -> HttpResponse:
        matter = Matter.objects.filter(pk=pk).first()
        return self._coverage(request, matter, Hold.objects.filter(matter_id=pk))

    def hold_coverage(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._coverage(request, Hold.objects.filter(pk=pk).first(), Hold.objects.filter(pk=pk))

    def _coverage(self, request: HttpRequest, about: Matter | Hold | None, holds) -> HttpResponse:
        """What is kept, and what was gone before: references, days and counts only."""
        if not self.has_view_permission(request) or not request.user.has_perm("holds.view_hold"):
            raise PermissionDenied
        if about is None:
            return HttpResponseRedirect(reverse("admin:holds_hold_changelist"))
        at = clock.now()
        holds = list(holds.select_related("matter", "organization", "person"))
        in_force = {hold.pk for hold in asking.in_force(at)}
        page = "holds_matter_change" if isinstance(about, Matter) else "holds_hold_change"
        context = {
            **self.admin_site.each_context(request), "title": f"Coverage of {about}", "subtitle": None, "about": about,
            "back_url": reverse(f"admin:{page}", args=[about.pk]), "holds": [(hold, hold.pk in in_force) for hold in holds],
            "coverage": coverage.report(holds=holds, at=at),
            "export_url": self._export_url(request, about),
        }  # fmt: skip
        return TemplateResponse(request, "retention/coverage.html", context)

    def _export_url(self, request: HttpRequest, about: Matter | Hold) -> str:
        if not isinstance(about, Matter) or not request.user.has_perm(matter_exports.ASK):
            return ""
        return f"{reverse('admin:retention_matterexport_add')}?matter={about.reference}"


class ExportForm(forms.Form):
    matter = forms.CharField(max_length=20, help_text="Its reference, e.g. MAT-7F3K2MP.")
    recipient = forms.CharField(
        max_length=20,
        help_text="Who gets it: the client whose messages they are, by reference, e.g. ORG-7F3K2MP. To anybody else the gate lets nothing out yet.",
    )  # fmt: skip
    reason = forms.CharField(max_length=300, widget=forms.Textarea(attrs={"rows": 2}), help_text="What it is for; a second person decides on it.")

    def clean_matter(self) -> Matter:
        matter = Matter.objects.filter(reference=self.cleaned_data["matter"].strip().upper()).first()
        if matter is None:
            raise forms.ValidationError("There is no matter with that reference.")
        return matter

    def clean_recipient(self) -> str:
        return self.cleaned_data["recipient"].strip().upper()


@admin.register(MatterExport)
class MatterExportAdmin(CovenantAdmin):
    list_display = ("reference", "matter", "state", "asked_at", "lines", "taken_at")
    list_filter = ("state", "matter")
    list_select_related = ("matter",)
    search_fields = ("=reference", "=matter__reference")
    chips = {"state": REQUEST_TONES}
    fields = (
        "reference", "matter", "state", "recipient", "reason", "asked_by", "asked_at", "decided_by", "decided_at", "takings", "taken_at",
        "lines", "digest", "disclosure", "take",
    )  # fmt: skip
    readonly_fields = ("digest", "take")
    unmasked_fields = ("asked_by", "decided_by", "reason")
    empty_note = "Nothing was exported. Counsel asks for the export of a matter, a second person approves it."
    acts = (
        Act(
            "approve", "Approve", matter_exports.ACT, danger=True, applies=lambda export: export.state == RequestState.PROPOSED,
            explain=lambda export: [
                f"The messages that the holds of {export.matter} cover can be taken by {export.asked_by}, for 24 hours.",
                f"They are for {export.recipient or 'nobody that was named'}. It is asked for because: “{export.reason}”",
                "They leave decrypted, with who wrote and received them. Each taking is recorded.",
            ],
            run=lambda request, export, _form: (
                f"{matter_exports.approve(export=export, by=request.user, at=clock.now())} is approved."
            ),
        ),
        Act(
            "reject", "Reject", matter_exports.ACT, danger=False, applies=lambda export: export.state == RequestState.PROPOSED,
            explain=lambda export: ["Nothing leaves. It can be asked for again."],
            run=lambda request, export, _form: (
                f"{matter_exports.reject(export=export, by=request.user, at=clock.now())} is rejected."
            ),
        ),
        Act(
            "take", "Take the export", matter_exports.ASK, danger=True,
            applies=lambda export: export.state in (RequestState.APPROVED, RequestState.DONE),
            explain=lambda export: [
                "A zip file with the messages as JSON lines and a signed manifest comes to this computer.",
                f"It is for {export.recipient or 'nobody that was named'}, and a disclosure to them: the gate decides on it now.",
                "That you took it is recorded now, what was in it when it has left whole.",
            ],
            run=lambda request, export, _form: take(request, export),
        ),
    )  # fmt: skip

    @admin.display(description="SHA-256 of what left")
    def digest(self, export: MatterExport) -> SafeString | str:
        return format_html("<code>{}</code>", bytes(export.sha256).hex()) if export.sha256 else "nothing left yet"

    @admin.display(description="to be taken")
    def take(self, export: MatterExport) -> SafeString | str:
        if export.decided_at is None or export.state == RequestState.REJECTED:
            return "no"
        until = export.decided_at + matter_exports.MAY_BE_TAKEN
        return chip(f"until {until:%Y-%m-%d %H:%M} UTC, by {export.asked_by}", "ok" if until > clock.now() else "plain")

    def has_change_permission(self, request: HttpRequest, obj: MatterExport | None = None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Ask for an export."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, refusal = ExportForm(request.POST or None, initial={"matter": request.GET.get("matter", "")[:20]}), None
        if request.method == "POST" and form.is_valid():
            try:
                export = matter_exports.ask(**form.cleaned_data, by=request.user, at=clock.now())
            except Refusal as said:
                refusal = said
            else:
                messages.success(request, f"{export} is asked for. A second person can approve it now.")
                return HttpResponseRedirect(reverse("admin:retention_matterexport_change", args=[export.pk]))
        context = {
            **self.admin_site.each_context(request), "title": "Ask for the export of a matter", "subtitle": None, "opts": self.opts,
            "form": form, "refusal": refusal, "list_url": reverse("admin:retention_matterexport_changelist"),
        }  # fmt: skip
        return TemplateResponse(request, "retention/export_form.html", context, status=409 if refusal else 200)


def take(request: HttpRequest, export: MatterExport) -> HttpResponse:
    """The zip, made while it leaves."""
    at = clock.now()
    export = matter_exports.begin(export=export, by=request.user, at=at)
    response = StreamingHttpResponse(
        matter_exports.stream(export=export, by=request.user, at=at), content_type="application/zip"
    )
    response["Content-Disposition"] = f'attachment; filename="{export.reference}.zip"'
    response["Cache-Control"] = "no-store"
    return response
