"""The ledger of consents: what each person said, by which text, with what went when it ended, and the receipt to take away."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.services import ledger
from apps.consents.admin.texts import PurposeFilter
from apps.consents.models import ConsentErasure, ConsentEvent
from apps.consents.services import receipts
from apps.consents.states import ConsentAct
from apps.foundation import clock
from apps.foundation.admin import CovenantAdmin, CovenantTabularInline

ACT_TONES = {ConsentAct.GIVEN: "ok", ConsentAct.REFUSED: "plain", ConsentAct.WITHDRAWN: "warn", ConsentAct.EXPIRED: "plain"}
RECEIPT = "consents.receipt_consentevent"


class ErasureInline(CovenantTabularInline):
    """What went when a consent ended: a handful of kinds."""

    model = ConsentErasure
    fields = ("kind", "erased", "kept_for_hold", "at")
    readonly_fields = fields
    max_num = 0
    verbose_name_plural = "What was collected under it and went"


@admin.register(ConsentEvent)
class ConsentEventAdmin(CovenantAdmin):
    list_display = ("reference", "person", "purpose", "act", "at", "how", "text")
    list_filter = (PurposeFilter, "act", "how", "at")
    list_select_related = ("person", "purpose", "text")
    search_fields = ("=reference", "=person__reference")
    search_help_text = "By the reference of the consent or of the person."
    sortable_by = ("at",)
    chips = {"act": ACT_TONES}
    fieldsets = (
        (None, {"fields": ("reference", "person", "purpose", "act", "at", "until", "receipt")}),
        ("What was shown", {"fields": ("text", "shown", "shown_at", "policy_version")}),
        ("By what way", {"fields": ("how", "where")}),
    )
    readonly_fields = ("shown", "receipt")
    inlines = (ErasureInline,)
    empty_note = "Nobody has said anything yet. What people say on their preference page or in the product stands here."

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Said by people, not by staff."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ConsentEvent | None = None) -> bool:
        """What was said stays."""
        return False

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.receipt_view)
        return [path("<int:object_id>/receipt.json", view, name="consents_consentevent_receipt"), *super().get_urls()]

    @admin.display(description="SHA-256 of the text shown")
    def shown(self, event: ConsentEvent) -> str:
        return bytes(event.shown_digest).hex() if event.shown_digest else "nothing was shown"

    @admin.display(description="receipt")
    def receipt(self, event: ConsentEvent) -> SafeString:
        return format_html('<a href="{}" download>signed JSON</a>', reverse("admin:consents_consentevent_receipt", args=[event.pk]))

    def receipt_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The receipt as a file, recorded before it leaves."""
        if not (request.user.has_perm(RECEIPT) and self.has_view_permission(request)):
            raise PermissionDenied
        event = self.get_queryset(request).select_related("person", "text__purpose", "policy_version").filter(pk=object_id).first()
        if event is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(object_id))
        with transaction.atomic():
            ledger.record("consent.receipt_taken", by=request.user, about=event.reference, at=clock.now())
        answer = HttpResponse(receipts.receipt(event), content_type="application/json")
        answer.headers["Content-Disposition"] = f'attachment; filename="receipt-{event.reference}.json"'
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Cache-Control"] = "no-store"
        return answer
