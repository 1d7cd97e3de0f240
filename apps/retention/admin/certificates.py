"""Certificates, to look at and to take away, with all that somebody needs to check them without us."""


import json
from pathlib import Path

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.foundation.admin import (
    CovenantAdmin,
    day,
)
from apps.retention.certificates import pdf
from apps.retention.models import (
    Certificate,
)

#: the stand-alone verifier, handed out as it is
VERIFIER = Path(pdf.__file__).with_name("verify.py")


@admin.register(Certificate)
class CertificateAdmin(CovenantAdmin):
    list_display = ("number", "organization", "expired_on", "messages", "issued_at", "files")
    list_filter = ("issued_at",)
    list_select_related = ("cohort__organization",)
    search_fields = ("=number", "=cohort__reference", "=cohort__organization__reference")
    fieldsets = (
        (None, {"fields": ("number", "organization", "cohort", "expired_on", "messages", "issued_at", "files")}),
        ("How to check it", {"fields": ("how_to_check",)}),
        ("What was signed", {"fields": ("signed_text",)}),
    )
    readonly_fields = ("organization", "expired_on", "files", "how_to_check", "signed_text")
    empty_note = "Nothing has been destroyed yet. Each destroyed cohort gets its certificate here."

    @admin.display(description="organization")
    def organization(self, certificate: Certificate) -> str:
        return certificate.cohort.organization.reference

    @admin.display(description="expired on")
    def expired_on(self, certificate: Certificate):
        return day(certificate.cohort.expiry_on)

    @admin.display(description="files")
    def files(self, certificate: Certificate) -> SafeString:
        return format_html(
            '<a href="{}">PDF</a> · <a href="{}">JSON</a>',
            reverse("admin:retention_certificate_file", args=[certificate.pk, "pdf"]),
            reverse("admin:retention_certificate_file", args=[certificate.pk, "json"]),
        )

    @admin.display(description="by yourself")
    def how_to_check(self, certificate: Certificate) -> SafeString:
        return format_html(
            "<p>With our public key, which you should have from somewhere else than this page:</p>"
            "<pre>manage.py verify_certificate {}.json --key KEY</pre>"
            '<p>Without this software: <a href="{}">verify.py</a> is one file that needs only Python and the package'
            " <code>cryptography</code>.</p><p>Public key of this installation: <code>{}</code></p>",
            certificate.number,
            reverse("admin:retention_certificate_verifier"),
            certificate.document["signature"]["key"],
        )

    @admin.display(description="document")
    def signed_text(self, certificate: Certificate) -> SafeString:
        return format_html("<pre>{}</pre>", json.dumps(certificate.document, indent=2, ensure_ascii=False))

    def get_urls(self) -> list:
        own = [
            path("verify.py", self.admin_site.admin_view(self.verifier), name="retention_certificate_verifier"),
            path(
                "<int:pk>/certificate.<str:kind>", self.admin_site.admin_view(self.file), name="retention_certificate_file"
            ),
        ]
        return own + super().get_urls()

    def file(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        """The certificate as the file that was signed, or as its page."""
        certificate = self.get_object(request, str(pk))
        if certificate is None or kind not in ("json", "pdf") or not self.has_view_permission(request, certificate):
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(pk))
        if kind == "json":
            content = json.dumps(certificate.document, indent=2, ensure_ascii=False, sort_keys=True).encode()
            response = HttpResponse(content, content_type="application/json")
        else:
            response = HttpResponse(pdf.render(certificate.document), content_type="application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{certificate.number}.{kind}"'
        return response

    def verifier(self, _request: HttpRequest) -> HttpResponse:
        response = HttpResponse(VERIFIER.read_bytes(), content_type="text/x-python; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="verify.py"'
        return response
