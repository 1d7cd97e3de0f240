"""Matters: opened here, with the holds that each has, and closed by hand only where nothing is held."""

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, CovenantTabularInline
from apps.holds.forms import MatterForm
from apps.holds.models import Hold, Matter
from apps.holds.services import matters, placing
from apps.holds.states import HoldState, MatterState

MATTER_TONES = {MatterState.OPEN: "ok", MatterState.CLOSED: "plain"}
HOLD_TONES = {HoldState.ACTIVE: "ok", HoldState.RELEASED: "plain"}
LISTED = 100


class HoldInline(CovenantTabularInline):
    """The newest holds of a matter; the list of holds has them all."""

    model = Hold
    fields = ("hold", "scope", "state", "placed_at", "kept_until")
    readonly_fields = fields
    chips = {"state": HOLD_TONES}
    masked_fields = ()  # nothing that is masked is among its columns
    max_num = 0
    verbose_name_plural = f"Holds (the newest {LISTED})"

    def has_view_permission(self, request: HttpRequest, obj: Matter | None = None) -> bool:
        return request.user.has_perm("holds.view_hold")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Django slices an inline no more once it is filtered by its parent, so the oldest shown is looked up first."""
        newest = Hold.objects.filter(matter_id=request.resolver_match.kwargs.get("object_id")).order_by("-pk")
        oldest = newest.values_list("pk", flat=True)[LISTED - 1 : LISTED].first() or 0
        return super().get_queryset(request).filter(pk__gte=oldest).select_related("organization")

    @admin.display(description="hold")
    def hold(self, hold: Hold) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:holds_hold_change", args=[hold.pk]), hold)

    @admin.display(description="keeps")
    def scope(self, hold: Hold) -> str:
        return hold.scope_in_words


@admin.register(Matter)
class MatterAdmin(CovenantAdmin):
    form = MatterForm
    list_display = ("reference", "title", "state", "opened_at", "closed_at")
    list_filter = ("state", "opened_at")
    search_fields = ("=reference", "title")
    search_help_text = "By reference, or by a part of the title."
    searches_personal_fields = True  # a title may name somebody, so what is searched for stands in no address
    sortable_by = ("opened_at",)
    chips = {"state": MATTER_TONES}
    readonly_fields = ("reference", "state", "opened_by", "opened_at", "closed_by", "closed_at")
    fields = ("reference", "title", "reason", "state", "opened_by", "opened_at", "closed_by", "closed_at")
    inlines = (HoldInline,)
    empty_note = "No matter yet. Counsel opens one here when the law asks us to keep something, and then places its holds."
    acts = (
        Act(
            "close", "Close the matter", matters.CLOSE, danger=True, applies=lambda matter: matter.state == MatterState.OPEN,
            explain=lambda matter: [
                "Nothing can be held for it any more; that is final.",
                "A matter with holds in force can't be closed: it closes by itself with the last of them.",
            ],
            run=lambda request, matter, _form: f"{matters.close(matter=matter, by=request.user, at=clock.now())} is closed.",
        ),
    )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj: Matter | None = None):
        return super().get_fields(request, obj) if obj else ("title", "reason")

    def get_inlines(self, request: HttpRequest, obj: Matter | None):
        return self.inlines if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Matter | None = None) -> bool:
        """A matter stays as it was opened."""
        return False

    def save_model(self, request: HttpRequest, obj: Matter, form: ModelForm, change: bool) -> None:
        opened = matters.open_matter(**form.cleaned_data, by=request.user, at=clock.now())
        obj.pk, obj.reference = opened.pk, opened.reference

    def act_buttons(self, request: HttpRequest, obj: Matter | None) -> list[dict]:
        """Placing has a page of its own, which shows what the hold would keep before it keeps it."""
        buttons = super().act_buttons(request, obj)
        if obj is not None and obj.state == MatterState.OPEN and request.user.has_perm(placing.PLACE):
            url = f"{reverse('admin:holds_hold_add')}?{urlencode({'matter': obj.reference})}"
            buttons.insert(0, {"label": "Place a hold", "url": url, "danger": False, "name": "place"})
        return buttons
