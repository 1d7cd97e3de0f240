"""What a legal hold keeps of ended consents and sources: sealed bundles that nothing uses and no page opens."""

from django.contrib import admin
from django.http import HttpRequest

from apps.contacts.models import KeptBook
from apps.foundation.admin import CovenantAdmin


@admin.register(KeptBook)
class KeptBookAdmin(CovenantAdmin):
    list_display = ("reference", "kept_at", "person", "purpose", "source_reference", "event", "entries")
    list_filter = ("purpose", "kept_at")
    list_select_related = ("person",)
    search_fields = ("=reference", "=person__reference")
    search_help_text = "By the reference of the bundle or of its person."
    sortable_by = ("kept_at",)
    fields = ("reference", "person", "purpose", "source_reference", "event", "entries", "kept_at", "sealed")
    empty_note = "No hold keeps anything here: whatever ended is erased."

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Written when something ends under a hold."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: KeptBook | None = None) -> bool:
        return False
