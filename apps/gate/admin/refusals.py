"""What was not let out, with every reason."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.foundation.admin import CovenantAdmin
from apps.gate.models import GateRefusal


@admin.register(GateRefusal)
class GateRefusalAdmin(CovenantAdmin):
    list_display = ("reference", "at", "stage", "recipient", "about", "purpose", "ground", "why")
    list_filter = ("stage", "recipient_kind", "about_kind", "at")
    search_fields = ("=reference", "=recipient", "=about_reference")
    search_help_text = "By the reference of the refusal, the recipient, or the person or organization that it was about."
    sortable_by = ("at",)
    fieldsets = (
        (None, {"fields": ("reference", "at", "stage", "permit", "by")}),
        ("Why not", {"fields": ("reasons_in_words",)}),
        ("What was asked for", {"fields": (
            "recipient_kind", "recipient", "about_kind", "about_reference", "about_count", "categories", "fields", "purpose", "ground", "consent", "countries",
            "patient_information", "what",
        )}),
    )  # fmt: skip
    readonly_fields = ("reasons_in_words",)
    empty_note = "Nothing was refused yet."

    @admin.display(description="about")
    def about(self, row: GateRefusal) -> str:
        if row.about_reference:
            return row.about_reference
        return "" if row.about_count is None else f"{row.about_count:,} people"

    @admin.display(description="why not")
    def why(self, row: GateRefusal) -> str:
        return ", ".join(code.replace("_", " ") for code in row.codes)

    @admin.display(description="reasons")
    def reasons_in_words(self, row: GateRefusal) -> SafeString:
        items = format_html_join("", "<li>{} <span class=\"note\">{}</span></li>", ((one["text"], one["mend"]) for one in row.reasons))
        return format_html("<ul>{}</ul>", items)
