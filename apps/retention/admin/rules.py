"""Rules of life: seen before they are proposed, approved by a second person. And the classes they are made for."""



from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.accounts.models import Organization
from apps.audit.history import ScopedHistoryAdmin
from apps.foundation import clock
from apps.foundation.admin import (
    Act,
    CovenantAdmin,
)
from apps.foundation.digests import canonical, sha256
from apps.foundation.refusals import Refusal
from apps.retention.life import in_words
from apps.retention.models import (
    ConversationClass,
    RetentionRule,
)
from apps.retention.services import (
    classes,
    rules,
)
from apps.retention.states import RuleState

RULE_TONES = {RuleState.PROPOSED: "wait", RuleState.APPROVED: "ok", RuleState.REJECTED: "plain"}


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
