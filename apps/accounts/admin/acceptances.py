"""Which versions of the policy people accepted, or used the service under. Told by people and by the product; staff look only."""

from django.contrib import admin

from apps.accounts.models import PolicyAcceptance
from apps.foundation.admin import CovenantAdmin


@admin.register(PolicyAcceptance)
class PolicyAcceptanceAdmin(CovenantAdmin):
    list_display = ("reference", "person", "policy_version", "how", "at", "by")
    list_filter = ("how", "policy_version", "at")
    list_select_related = ("person", "policy_version")
    search_fields = ("=reference", "=person__reference")
    search_help_text = "By its reference, or the person's."
    sortable_by = ("at",)
    fields = ("reference", "person", "policy_version", "how", "at", "by")
    empty_note = "Nobody accepted a version yet. It is said on the preference page, or told by the product."

    def has_add_permission(self, request) -> bool:
        """What people said is told by them, and by nobody here."""
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False
