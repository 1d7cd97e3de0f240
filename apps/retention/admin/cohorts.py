"""Cohorts: their state, their way so far, their account, and why one is still there. Messages themselves are never here."""



from django import forms
from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.foundation import clock
from apps.foundation.admin import (
    Act,
    CovenantAdmin,
    CovenantTabularInline,
    chip,
    moment,
    number,
)
from apps.retention.admin.dry_run import DryRunPage
from apps.retention.models import (
    AsideMessage,
    Certificate,
    Cohort,
    Destruction,
    Segment,
)
from apps.retention.services import (
    accounts,
    early,
    sweep,
)
from apps.retention.states import READABLE, AsideGround, CohortState, DestructionScope

COHORT_TONES = {
    CohortState.OPEN: "ok", CohortState.SEALED: "wait", CohortState.ARCHIVED: "wait", CohortState.EXPIRED: "warn", CohortState.INTENDED: "warn",
    CohortState.SHREDDED: "warn", CohortState.DESTROYED: "plain",
}  # fmt: skip


ASIDE_BECAUSE = {
    AsideGround.HOLD: "kept by a legal hold until it is released and its grace is over",
    AsideGround.ARCHIVE: "owed to an archive that does not have them, verified",
    AsideGround.REVIEW: "waiting for a review",
}


def reason_of(cohort: Cohort) -> str:
    """Why an expired cohort, or a part of it, is still there, in words for who is asked about it."""
    if cohort.state in READABLE:
        return ""
    counts = AsideMessage.objects.filter(cohort=cohort).values_list("ground").annotate(n=Count("id")).order_by("ground")
    aside = "; ".join(f"{number(n)} {ASIDE_BECAUSE[ground]}" for ground, n in counts)
    if aside:
        return f"Stepped aside, hidden: {aside}."
    if cohort.state == CohortState.DESTROYED:
        return ""
    work = Destruction.objects.filter(scope=DestructionScope.DAY, day=cohort.expiry_on).first()
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
class CohortAdmin(DryRunPage, CovenantAdmin):
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
        return reason_of(cohort) or ("It is not: it is destroyed." if cohort.state == CohortState.DESTROYED else "Its day has not come.")

    @admin.display(description="way so far")
    def way(self, cohort: Cohort) -> SafeString:
        steps = (
            ("opened", cohort.opened_at), ("sealed", cohort.sealed_at), ("archived, verified", cohort.archived_at), ("expired, hidden", cohort.expired_at),
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

    @admin.display(description="certificates")
    def certificate_link(self, cohort: Cohort):
        certificates = Certificate.objects.filter(cohort=cohort).order_by("id")
        links = (
            (reverse("admin:retention_certificate_change", args=[row.pk]), row.number, number(row.messages)) for row in certificates
        )
        return format_html_join(", ", '<a href="{}">{}</a> ({} messages)', links) or "none yet"
