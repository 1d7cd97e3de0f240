"""Which client was told of which change of a chain, and what it objected."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin
from apps.providers.forms import ObjectionForm
from apps.providers.models import ChainNotice
from apps.providers.services import chaining


class ObjectedFilter(admin.SimpleListFilter):
    """Whether the client objected."""

    title = "objection"
    parameter_name = "objected"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", "objected"), ("no", "none so far")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        match self.value():
            case "yes":
                return queryset.objected()
            case "no":
                return queryset.filter(objected_at=None)
        return queryset


@admin.register(ChainNotice)
class ChainNoticeAdmin(CovenantAdmin):
    list_display = ("id", "sub_processor", "organization", "change", "told_at", "effective_at", "objected_at")
    list_filter = (ObjectedFilter, "change", "organization", "sub_processor")
    list_select_related = ("sub_processor", "organization")
    search_fields = ("=id", "=organization__reference", "=sub_processor__reference")
    search_help_text = "By number, or by the reference of the client or the sub-processor."
    fields = ("sub_processor", "organization", "change", "told_at", "effective_at", "objected_at", "objection", "objection_recorded_by")
    reveal_permission = "providers.object_chainnotice"
    empty_note = "No client had to be told of a change yet. Each gets a mail when a change of a provider's chain is announced."
    acts = (
        Act(
            "object", "Record an objection", chaining.OBJECT, danger=False, form=ObjectionForm, applies=lambda notice: notice.objected_at is None,
            explain=lambda notice: [
                f"You write down that {notice.organization} objects to a change that takes effect on {notice.effective_at:%Y-%m-%d %H:%M} UTC.",
                "The owner of the provider is told by mail. The change itself stays as it was announced until somebody withdraws it.",
            ],
            run=lambda request, notice, form: (
                f"The objection of {chaining.record_objection(notice=notice, **form.cleaned_data, by=request.user, at=clock.now()).organization}"
                " is recorded."
            ),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("sub_processor", "organization")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only by an announcement."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ChainNotice | None = None) -> bool:
        return False
