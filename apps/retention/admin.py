"""Cohorts, certificates, rules and the machine's work, for staff. Messages themselves are never here.

Declared, not programmed: each act calls one service with the present moment and holds no rule of its own.
"""

import json
from pathlib import Path

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.accounts.models import Organization
from apps.audit.history import ScopedHistoryAdmin
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, CovenantTabularInline, chip, day, moment, number
from apps.foundation.digests import canonical, sha256
from apps.foundation.refusals import Refusal
from apps.retention.certificates import pdf
from apps.retention.life import in_words
from apps.retention.models import (
    Batch,
    Certificate,
    ClockDoubt,
    Cohort,
    ConversationClass,
    Destruction,
    EarlyDeletion,
    RefusedLine,
    RetentionRule,
    Segment,
)
from apps.retention.services import accounts, classes, clock_guard, destroy, early, rules, sweep
from apps.retention.states import READABLE, CohortState, DestructionState, RuleState

#: the stand-alone verifier, handed out as it is
VERIFIER = Path(pdf.__file__).with_name("verify.py")

COHORT_TONES = {
    CohortState.OPEN: "ok", CohortState.SEALED: "wait", CohortState.EXPIRED: "warn", CohortState.INTENDED: "warn",
    CohortState.SHREDDED: "warn", CohortState.DESTROYED: "plain",
}  # fmt: skip
RULE_TONES = {RuleState.PROPOSED: "wait", RuleState.APPROVED: "ok", RuleState.REJECTED: "plain"}
DESTRUCTION_TONES = {state: "warn" for state in DestructionState} | {DestructionState.DONE: "ok"}


def reason_of(cohort: Cohort) -> str:
    """Why an expired cohort is still there, in words for who is asked about it."""
    if cohort.state in READABLE or cohort.state == CohortState.DESTROYED:
        return ""
    if cohort.archive_owed or cohort.organization.archive_entitlement != "none":
        return "Owed to an archive that does not have it. Hidden; can't be destroyed until an archive has it, verified."
    work = Destruction.objects.filter(day=cohort.expiry_on).first()
    if work is None:
        return "Due: the next sweep destroys it."
    if work.parked_at:
        return f"Parked after {work.attempts} attempts: {work.last_error or 'no reason noted'}."
    return f"Being destroyed ({work.get_state_display()})."


class SegmentInline(CovenantTabularInline):
    model = Segment
    fields = ("number", "messages", "bytes", "merkle_root", "opened_at", "sealed_at")
    readonly_fields = fields
    verbose_name_plural = "Seals (number 0 is the cohort as first sealed, higher ones came late)"
    can_delete = False
    max_num = 0

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm("retention.view_cohort")


class DeleteEarlyForm(forms.Form):
    source = forms.SlugField(initial="product", help_text="The system whose id it is, e.g. product or slack.")
    message_id = forms.CharField(max_length=200, label="Id of the message", help_text="As the sending service names it.")
    reason = forms.ChoiceField(
        choices=[
            ("recalled", "recalled by its sender"),
            ("sent_by_mistake", "sent by mistake"),
            ("client_instruction", "the client's instruction"),
        ]
    )


def delete_early(request: HttpRequest, cohort: Cohort, form: forms.Form) -> str:
    deletion = early.delete_by_source(
        organization=cohort.organization, day=cohort.expiry_on, source=form.cleaned_data["source"],
        message_id=form.cleaned_data["message_id"], reason=form.cleaned_data["reason"], by=request.user.actor, at=clock.now(),
    )  # fmt: skip
    if deletion is None:
        raise early.NothingToDelete
    return f"Deleted: {deletion.reference}. From backups it is unrecoverable from {cohort.expiry_on.isoformat()} on."


def sweep_now(request: HttpRequest, _obj, _form) -> str:
    done = sweep.sweep(at=clock.now())
    return f"{done.sealed} sealed, {done.expired} hidden, {len(done.destroyed)} days destroyed."


@admin.register(Cohort)
class CohortAdmin(CovenantAdmin):
    list_display = ("reference", "organization", "expiry_on", "state", "stored", "archive_owed", "destroyed_at")
    list_filter = ("state", "organization", "archive_owed")
    list_select_related = ("organization",)
    search_fields = ("=reference", "=organization__reference")
    sortable_by = ("expiry_on",)
    chips = {"state": COHORT_TONES}
    inlines = (SegmentInline,)
    fieldsets = (
        (None, {"fields": ("reference", "organization", "expiry_on", "state", "why", "way")}),
        ("Account", {"fields": ("account", "archive_owed", "certificate_link")}),
    )
    readonly_fields = ("why", "way", "account", "certificate_link")
    empty_note = "No messages have come in yet. A cohort is made when the first message arrives that expires on its day."
    acts = (
        Act(
            "sweep", "Sweep now", "retention.sweep_now", on_list=True, danger=True,
            explain=lambda _none: [
                "Cohorts within two days of their end are sealed.",
                "Cohorts whose day has come are hidden.",
                "Expired cohorts that are owed to no archive are destroyed beyond recovery, each with a certificate.",
                "The same happens by itself every minute; this only does it now.",
            ],
            run=sweep_now,
        ),
        Act(
            "delete_early", "Delete one message early", "retention.delete_early", form=DeleteEarlyForm,
            applies=lambda cohort: cohort.state in READABLE,
            explain=lambda cohort: [
                "The message can't be read from this moment on, and does not come back when it is sent again.",
                f"In backups it becomes unrecoverable with its cohort's key, on {cohort.expiry_on.isoformat()} at the latest.",
                "The deletion is recorded with your name's reference and the reason.",
            ],
            run=delete_early,
        ),
    )  # fmt: skip

    @admin.display(description="stored")
    def stored(self, cohort: Cohort):
        """Of its seals where it is sealed; an open cohort's number is on its page, not counted for each line."""
        if cohort.state == CohortState.DESTROYED:
            return format_html("{} destroyed", number(cohort.destroyed_messages))
        return chip("aside", "warn") if cohort.aside_at else ""

    @admin.display(description="why it is still there")
    def why(self, cohort: Cohort) -> str:
        return reason_of(cohort) or "-"

    @admin.display(description="way so far")
    def way(self, cohort: Cohort) -> SafeString:
        steps = (
            ("opened", cohort.opened_at), ("sealed", cohort.sealed_at), ("expired, hidden", cohort.expired_at),
            ("stepped aside", cohort.aside_at), ("intent recorded", cohort.intended_at), ("key destroyed", cohort.shredded_at),
            ("rows destroyed, certificate", cohort.destroyed_at),
        )  # fmt: skip
        return format_html(
            '<ol class="way">{}</ol>',
            format_html_join("", "<li>{} {}</li>", ((name, moment(at)) for name, at in steps if at)),
        )

    @admin.display(description="account")
    def account(self, cohort: Cohort) -> SafeString:
        account = accounts.account_of(cohort)
        rows = ((name.replace("_", " "), number(value)) for name, value in account.as_dict().items())
        verdict = chip("adds up", "ok") if account.balance == 0 else chip(f"off by {account.balance}", "bad")
        return format_html(
            '<table class="account"><tbody>{}</tbody></table>{}',
            format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', rows),
            verdict,
        )

    @admin.display(description="certificate")
    def certificate_link(self, cohort: Cohort):
        certificate = Certificate.objects.filter(cohort=cohort).first()
        if certificate is None:
            return "none yet"
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:retention_certificate_change", args=[certificate.pk]), certificate.number
        )


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


class RuleForm(forms.Form):
    """What a rule needs. `simulated` carries the digest of the values whose effect was shown."""

    organization = forms.ModelChoiceField(Organization.objects.filter(standing="active").order_by("name"))
    conversation_class = forms.ModelChoiceField(
        ConversationClass.objects.select_related("organization").order_by("organization__name", "code"), required=False,
        help_text="Empty: for all conversations of the organization that have no rule of their own.",
    )  # fmt: skip
    life_days = forms.IntegerField(
        min_value=1, label="Life in days",
        help_text="From sending, then to the next midnight UTC; over 400 days, to the end of that month.",
    )  # fmt: skip
    minimum_days = forms.IntegerField(min_value=1, label="Shortest life in days", help_text="No rule of a class may be shorter.")
    maximum_days = forms.IntegerField(min_value=1, label="Longest life in days", help_text="No rule of a class may be longer.")
    effective_from = forms.DateTimeField(
        label="Takes effect (UTC)",
        help_text="Acts forward only: messages sent from then on. The first rule of an organization acts at once.",
    )
    simulated = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["organization"].label_from_instance = lambda row: f"{row.name} ({row.reference})"
        self.fields["conversation_class"].label_from_instance = lambda row: f"{row.organization.name}: {row.name}"

    def values(self) -> dict:
        return {name: value for name, value in self.cleaned_data.items() if name != "simulated"}

    def digest(self) -> str:
        return sha256(canonical([str(value.pk if hasattr(value, "pk") else value) for value in self.values().values()])).hex()


@admin.register(RetentionRule)
class RetentionRuleAdmin(CovenantAdmin):
    list_display = ("reference", "organization", "conversation_class", "life_days", "effective_from", "state")
    list_filter = ("state", "organization")
    list_select_related = ("organization", "conversation_class")
    search_fields = ("=reference", "=organization__reference")
    sortable_by = ("effective_from",)
    chips = {"state": RULE_TONES}
    fields = (
        "reference", "organization", "conversation_class", "life_days", "life", "minimum_days", "maximum_days",
        "effective_from", "state", "proposed_by", "proposed_at", "decided_by", "decided_at",
    )  # fmt: skip
    readonly_fields = ("life",)
    unmasked_fields = ("proposed_by", "decided_by")
    empty_note = "No rule of life yet. Without one an organization's messages are refused: propose the first."
    acts = (
        Act(
            "approve", "Approve", rules.ACT, danger=True, applies=lambda rule: rule.state == RuleState.PROPOSED,
            explain=lambda rule: [
                f"Messages of {rule.organization.reference} sent from then on live {in_words(rule.life_days)}.",
                "What is stored already keeps its day.",
                "An approved rule never changes; a later one can replace it, forward only.",
            ],
            run=lambda request, rule, _form: f"{rules.approve(rule=rule, by=request.user, at=clock.now())} is approved.",
        ),
        Act(
            "reject", "Reject", rules.ACT, danger=False, applies=lambda rule: rule.state == RuleState.PROPOSED,
            explain=lambda rule: ["The rule is put away; nothing changes for any message."],
            run=lambda request, rule, _form: f"{rules.reject(rule=rule, by=request.user, at=clock.now())} is rejected.",
        ),
    )  # fmt: skip

    @admin.display(description="life in words")
    def life(self, rule: RetentionRule) -> str:
        return in_words(rule.life_days)

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Propose a rule in two steps: see what it would change, then propose exactly that."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        at = clock.now()
        form = RuleForm(request.POST or None, initial={"minimum_days": 1, "maximum_days": 365, "effective_from": at})
        simulation = refusal = None
        if request.method == "POST" and form.is_valid():
            values = form.values()
            try:
                if "_propose" in request.POST and form.cleaned_data["simulated"] == form.digest():
                    rule = rules.propose(**values, by=request.user, at=at)
                    messages.success(request, f"{rule.reference} is proposed. A second person can approve it now.")
                    return HttpResponseRedirect(reverse("admin:retention_retentionrule_change", args=[rule.pk]))
                simulation = rules.simulate(
                    organization=values["organization"], conversation_class=values["conversation_class"],
                    life_days=values["life_days"], effective_from=max(values["effective_from"], at), at=at,
                )  # fmt: skip
                form.data = form.data.copy()
                form.data["simulated"] = form.digest()
            except Refusal as said:
                refusal = said
        context = {
            **self.admin_site.each_context(request), "title": "Propose a rule of life", "opts": self.opts, "form": form,
            "simulation": simulation, "refusal": refusal,
        }  # fmt: skip
        return TemplateResponse(request, "retention/rule_form.html", context, status=409 if refusal else 200)


@admin.register(ConversationClass)
class ConversationClassAdmin(ScopedHistoryAdmin, CovenantAdmin):
    list_display = ("reference", "organization", "code", "name", "patient_information")
    list_filter = ("organization",)
    list_select_related = ("organization",)
    search_fields = ("=reference", "=code", "=organization__reference")
    fields = ("organization", "code", "name", "patient_information")
    empty_note = "No conversation classes. An organization needs one only where some conversations live longer or shorter."

    def save_model(self, request: HttpRequest, obj: ConversationClass, form, change: bool) -> None:
        classes.save(conversation_class=obj, by=request.user, at=clock.now())


class RefusedLineInline(CovenantTabularInline):
    model = RefusedLine
    fields = ("number", "code", "why")
    readonly_fields = fields
    can_delete = False
    max_num = 0
    verbose_name_plural = "Lines that were not taken in (the first hundred)"

    def has_view_permission(self, request: HttpRequest, obj=None) -> bool:
        return request.user.has_perm("retention.view_batch")

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).filter(number__lte=self._hundredth(request))

    def _hundredth(self, request: HttpRequest) -> int:
        match = request.resolver_match
        numbers = RefusedLine.objects.filter(batch_id=match.kwargs.get("object_id")).order_by("number")
        return numbers.values_list("number", flat=True)[99:100].first() or 2**62


@admin.register(Batch)
class BatchAdmin(CovenantAdmin):
    list_display = ("reference", "organization", "source", "opened_at", "finished_at", "accepted", "duplicates", "refused")
    list_filter = ("organization", "life_from")
    list_select_related = ("organization",)
    search_fields = ("=reference", "=organization__reference")
    unmasked_fields = ("handed_over_by",)
    inlines = (RefusedLineInline,)
    fieldsets = (
        (None, {"fields": ("reference", "organization", "source", "handed_over_by", "opened_at", "finished_at", "state")}),
        ("Life", {"fields": ("life_from", "life_counts_from", "policy_version")}),
        ("What became of it", {"fields": ("committed_lines", "accepted", "duplicates", "replaced", "deleted", "refused", "table")}),
    )
    readonly_fields = ("state", "table")
    empty_note = "Nothing has been handed over yet: services call POST /api/v1/messages, staff run manage.py import_messages."

    @admin.display(description="state")
    def state(self, batch: Batch) -> SafeString:
        return chip("complete", "ok") if batch.finished_at else chip("under way, or broken off: send it again", "warn")

    @admin.display(description="by kind of line")
    def table(self, batch: Batch) -> SafeString:
        rows = ((*key.split("|", 1), number(count)) for key, count in sorted(batch.kinds.items()))
        return format_html(
            '<table class="account"><tbody>{}</tbody></table>',
            format_html_join("", '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>', rows),
        )


@admin.register(Destruction)
class DestructionAdmin(CovenantAdmin):
    list_display = ("reference", "day", "state", "attempts", "done_at", "last_error")
    list_filter = ("state",)
    search_fields = ("=reference",)
    chips = {"state": DESTRUCTION_TONES}
    sortable_by = ("day",)
    fields = (
        "reference", "day", "state", "opened_at", "intended_at", "journalled_at", "shredded_at", "truncated_at", "done_at",
        "bytes_freed", "attempts", "parked_at", "last_error", "certificates",
    )  # fmt: skip
    readonly_fields = ("certificates",)
    empty_note = "No day has been destroyed yet. The sweep makes a destruction for each day that is over."
    acts = (
        Act(
            "retry", "Try again", "retention.retry_destruction", danger=True, applies=lambda work: bool(work.parked_at),
            explain=lambda work: [
                f"The destruction of {work.day.isoformat()} goes on from where it stopped ({work.get_state_display()}).",
                "What it destroys can't be had back.",
            ],
            run=lambda request, work, _form: f"{destroy.retry(work=work, by=request.user, at=clock.now())} is taken up again.",
        ),
    )  # fmt: skip

    @admin.display(description="certificates")
    def certificates(self, work: Destruction) -> SafeString | str:
        rows = list(work.certificates.values_list("pk", "number")[:200])
        links = ((reverse("admin:retention_certificate_change", args=[pk]), name) for pk, name in rows)
        return format_html_join(", ", '<a href="{}">{}</a>', links) if rows else "none yet"


@admin.register(EarlyDeletion)
class EarlyDeletionAdmin(CovenantAdmin):
    list_display = ("reference", "cohort", "reason", "at", "by")
    list_select_related = ("cohort",)
    search_fields = ("=reference", "=cohort__reference")
    unmasked_fields = ("by",)
    fields = ("reference", "cohort", "segment", "reason", "at", "by", "proof", "unrecoverable_from")
    readonly_fields = ("unrecoverable_from",)
    empty_note = "No message was deleted before its day."

    @admin.display(description="unrecoverable from backups from")
    def unrecoverable_from(self, deletion: EarlyDeletion):
        return day(deletion.cohort.expiry_on)


@admin.register(ClockDoubt)
class ClockDoubtAdmin(CovenantAdmin):
    list_display = ("__str__", "against", "clock_said", "other_said", "raised_at", "confirmed_at")
    unmasked_fields = ("confirmed_by",)
    fields = ("against", "clock_said", "other_said", "raised_at", "confirmed_at", "confirmed_by")
    empty_note = "The clock has never been in doubt. A jump stops destruction until a person confirms it here."
    acts = (
        Act(
            "confirm", "The clock is right", "retention.confirm_clock", danger=True,
            applies=lambda doubt: doubt.confirmed_at is None,
            explain=lambda doubt: [
                f"The clock said {doubt.clock_said:%Y-%m-%d %H:%M} UTC when the {doubt.against} said {doubt.other_said:%Y-%m-%d %H:%M} UTC.",
                "Check the time of every machine first: destruction goes on after this, and can't be undone.",
            ],
            run=lambda request, doubt, _form: f"{clock_guard.confirm(doubt=doubt, by=request.user, at=clock.now())} is confirmed.",
        ),
    )  # fmt: skip
